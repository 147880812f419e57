"""A report in one HTML file: no script, nothing loaded from elsewhere, printable.

What comes from a recording (names, notes) is escaped; a content policy inside
the file forbids the rest. The same analysis gives the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdr_detect import __version__
from sdr_detect.events import Incident, Verdict
from sdr_detect.model import FLAG_MEANING, Flag
from sdr_detect.profiles.schema import Profile
from sdr_detect.settings import Settings
from sdr_detect.sinks import wording
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.whole_file import write_whole

if TYPE_CHECKING:
    from jinja2 import Template

    from sdr_detect.analysis import Facts
    from sdr_detect.calibration.levels import Levels

#: Rows of a table of incidents; a printed page of more helps nobody.
INCIDENTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One recording of a report; ``image`` is a PNG."""

    facts: Facts
    found: Collector
    verdict: Verdict
    image: bytes | None = None
    levels: Levels | None = None


def render(sections: Sequence[Section], settings: Settings, profiles: Sequence[Profile]) -> str:
    """The report as HTML text."""
    return template("report.html.j2").render(
        sections=[_view(section) for section in sections],
        settings=_flat(settings.model_dump(mode="json")),
        profiles=[f"{profile.id} version {profile.version}" for profile in profiles],
        words=wording,
        flag_meaning=FLAG_MEANING,
        version=__version__,
    )


def template(name: str) -> Template:
    """A template of this folder: all that it is given is escaped, nothing may be missing."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sdr_detect", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def write(
    path: Path, sections: Sequence[Section], settings: Settings, profiles: Sequence[Profile]
) -> None:
    """Write the report.

    Raises
    ------
    SinkError
        The file cannot be written.
    """
    write_whole(path, render(sections, settings, profiles).encode())


def _view(section: Section) -> dict[str, Any]:
    found, info = section.found, section.facts.info
    image = section.image
    return {
        "facts": section.facts,
        "recording": _recording_rows(section.facts),
        "verdict": section.verdict,
        "tracks": wording.by_score(found.tracks),
        "flags": [f for f in Flag if any(f in event.track.flags for event in found.tracks)],
        "burst_count": found.burst_count,
        "track_count": found.track_count,
        "incidents": [_incident_row(incident, section.facts) for incident in found.incidents][
            :INCIDENTS
        ],
        "incident_count": found.incident_count,
        "image": None if image is None else base64.b64encode(image).decode(),
        "seconds": info.seconds,
        "levels": section.levels,
    }


def _recording_rows(facts: Facts) -> list[tuple[str, str]]:
    info = facts.info
    plan = info.plan
    converter = plan.converter.name
    if plan.converter.side != "none":
        converter += f" (LO {wording.hertz(plan.lo_hz)}, {plan.converter.side} side)"
    count = wording.UNKNOWN if facts.sample_count is None else str(facts.sample_count)
    rows = [
        ("file", facts.path),
        ("SHA-256 of the samples' file", facts.sha256 or wording.UNKNOWN),
        ("format", facts.format),
        ("sample rate", wording.hertz(info.sample_rate_hz)),
        ("centre (RF)", wording.hertz(info.center_hz)),
        ("centre (IF)", wording.hertz(info.if_center_hz)),
        ("converter", converter),
        ("first sample", wording.start_time(info)),
        ("duration", wording.seconds(facts.duration_s)),
        ("samples", count),
        ("gain", wording.decibel(info.gain_db)),
        (
            "dBFS to dBm",
            "not calibrated: levels are dBFS"
            if info.dbm_offset_db is None
            else f"{info.dbm_offset_db:+.2f} dB",
        ),
        ("LO error", f"{plan.lo_error_ppm:+.3f} ppm"),
        ("SHA-256 of the calibration", facts.calibration_sha256 or "none"),
        ("SHA-256 of settings and profiles", facts.config_sha256),
        ("program", f"sdr-detect {__version__}"),
    ]
    return rows + [("note", note) for note in facts.notes]


def _incident_row(incident: Incident, facts: Facts) -> tuple[str, str, str, str]:
    start = wording.seconds(facts.info.seconds(incident.span.start_sample))
    length = wording.seconds(facts.info.seconds(incident.span.sample_count))
    return incident.kind, start, length, ": ".join(filter(None, (incident.reason, incident.detail)))


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows
