"""The report of a case: one page for the master, then everything it rests on.

Findings, which the program computed and anybody can compute again, stand apart from
opinions, which people hold.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdr_detect import __version__
from sdr_detect.analysis import Analysis
from sdr_detect.evidence.attribution import ROLES
from sdr_detect.evidence.case import Case
from sdr_detect.evidence.flow import flow, progress
from sdr_detect.evidence.inside import Packed
from sdr_detect.evidence.photo import thumbnail
from sdr_detect.report import drawings, template
from sdr_detect.sinks import plots, wording

#: The fixed words; nothing else is ever said of a vessel.
VERDICTS = {
    "detected_attributed": "detected, attributed to this vessel",
    "detected_not_attributed": "detected, not attributed",
    "not_detected": "not detected above limit L with PoI P",
    "inconclusive": "inconclusive",
}
_COLOUR = {
    "detected_attributed": "detected",
    "detected_not_attributed": "inconclusive",
    "not_detected": "not_detected",
    "inconclusive": "inconclusive",
}

#: Photographs and spectrograms shown; the package has all files whole.
PICTURES = 12

#: Rows of a drawing that leave the first page one page.
CHART_ROWS = 8


def render(
    case: Case,
    custody: Sequence[Mapping[str, Any]],
    results: Mapping[str, Any],
    analyses: Sequence[tuple[Packed, Analysis]],
    *,
    key: str,
    sealed_utc: str,
) -> str:
    """The report as HTML text.

    Parameters
    ----------
    case, custody
        The case and its log.
    results
        What `sdr_detect.evidence.results.Results.to_json` returns.
    analyses
        Each recording with its analysis, with a picture.
    key, sealed_utc
        Fingerprint of the sealing key, and when it is sealed.
    """
    conclusion = results["conclusion"]
    return template("case.html.j2").render(
        case=case,
        vessel=_vessel(case),
        conclusion=conclusion,
        verdict=VERDICTS[conclusion["verdict"]],
        colour=_COLOUR[conclusion["verdict"]],
        flow=flow(case.flow),
        steps=progress(case),
        roles=ROLES,
        recordings=[_recording(entry, case) for entry in results["recordings"]],
        chart=drawings.levels(results["recordings"]),
        times=drawings.times(results["recordings"]),
        silence=drawings.times([o for o in results["recordings"] if o["role"] == "silence"]),
        chart_rows=CHART_ROWS,
        quantities=_quantities(results["quantities"]),
        details=[_detail(packed, result) for packed, result in analyses[:PICTURES]],
        photos=_photos(case),
        attachments=case.attachments,
        ais=case.current("ais"),
        opinions=[note for note in case.notes if note.opinion],
        notes=[note for note in case.notes if not note.opinion],
        position=_position(case),
        clock=_clock(custody),
        custody=[_entry(entry) for entry in custody],
        key=key,
        sealed_utc=_to_seconds(sealed_utc) + " UTC",
        short=_to_seconds,
        words=wording,
        version=__version__,
    )


def _vessel(case: Case) -> list[tuple[str, str]]:
    vessel = case.vessel
    rows = (
        ("vessel", vessel.name),
        ("IMO number", vessel.imo),
        ("MMSI", vessel.mmsi),
        ("flag", vessel.flag),
        ("berth", vessel.berth),
        ("case", case.id),
        ("authority", case.authority),
        ("opened", _to_seconds(case.opened_utc) + " UTC"),
    )
    return [(name, value or wording.UNKNOWN) for name, value in rows]


def _recording(entry: Mapping[str, Any], case: Case) -> dict[str, Any]:
    facts = next(one.facts for one in case.attachments if one.id == entry["id"])
    start = entry["start_ns"]
    level, uncertainty = entry["level_db"], entry["uncertainty_db"]
    text = "none"
    if level is not None:
        text = f"{level:+.1f} dB" + ("" if uncertainty is None else f" ± {uncertainty:.1f} dB")
    return {
        **entry,
        "start": wording.UNKNOWN if start is None else wording.utc(start)[:23] + " UTC",
        "center": wording.hertz(facts["center_hz"]),
        "rate": wording.hertz(facts["sample_rate_hz"]),
        "level": text,
        "limit": wording.UNKNOWN if entry["limit_db"] is None else f"{entry['limit_db']:+.1f} dB",
        "poi": wording.percent(entry["poi"]),
        "analysed": wording.seconds(entry["analysed_s"]),
        "blind": wording.seconds(entry["blind_s"]),
        "word": entry["verdict"].replace("_", " "),
    }


def _quantities(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, ...]]]:
    """By recording: name, value with its uncertainty, what is to be said of that, and how."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        spread = row["expanded_uncertainty"]
        value = _value(row["value"], row["unit"])
        if spread is not None:
            value += f" ± {spread:g} {row['unit']} (k = 2)"
        how = [
            row["method"],
            f"bandwidth {wording.hertz(row['bandwidth_hz'])}" if row["bandwidth_hz"] else "",
            row["averaging"] or "",
            f"threshold {row['threshold']:.2g}" if row["threshold"] is not None else "",
            f"Pfa {row['pfa']:.2g}" if row["pfa"] is not None else "",
            f"PoI {wording.percent(row['poi'])}" if row["poi"] is not None else "",
        ]
        line = (row["quantity"], value, row["uncertainty_note"], "; ".join(filter(None, how)))
        found.setdefault(row["recording"], []).append(line)
    return found


def _value(value: Any, unit: str) -> str:
    if value is None:
        return wording.UNKNOWN
    if unit == "Hz":
        return wording.hertz(value)
    if unit.startswith("ns UTC"):
        return wording.utc(value)
    return wording.seconds(value) if unit == "s" else f"{value:.4g} {unit if unit != '1' else ''}"


def _detail(packed: Packed, result: Analysis) -> dict[str, Any]:
    image = None
    if result.picture is not None:
        name = Path(packed.meta or packed.data).name
        image = base64.b64encode(plots.render(result.picture, result.found, name)).decode()
    return {
        "id": packed.id,
        "role": packed.role,
        "headline": wording.headline(result.verdict),
        "reasons": result.verdict.reasons,
        "alternatives": [wording.alternative(one) for one in result.verdict.alternatives],
        "incidents": [
            (
                one.kind,
                wording.seconds(result.facts.info.seconds(one.span.sample_count)),
                one.reason,
            )
            for one in result.found.incidents[:PICTURES]
        ],
        "incident_count": result.found.incident_count,
        "image": image,
    }


def _photos(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "name": Path(path).name,
            "facts": one.facts,
            "image": base64.b64encode(thumbnail(Path(path))).decode(),
        }
        for one in case.current("photo")[:PICTURES]
        for path in one.files
    ]


def _position(case: Case) -> str:
    place = case.position
    if place is None:
        return wording.UNKNOWN
    error = place.get("error_m")
    known = "error not stated" if error is None else f"error at most {error:g} m"
    where = f"{place['latitude_deg']:.6f}°, {place['longitude_deg']:.6f}°"
    return f"{where}, {known}, by {place['source']}"


def _clock(custody: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is to be said of the clock by which the log was kept."""
    loose = [entry["number"] for entry in custody if not entry["clock"]["synchronised"]]
    back = [
        (entry["number"], entry["clock_back_ns"]) for entry in custody if entry["clock_back_ns"]
    ]
    said = []
    if loose:
        said.append(f"No time source steered the clock at {len(loose)} of {len(custody)} entries.")
    else:
        worst = max(entry["clock"]["bound_ns"] for entry in custody)
        said.append(
            f"The clock was steered throughout; its error was at most {worst / 1e6:.3g} ms."
        )
    said += [
        f"Before entry {number} the clock had gone back by {wording.seconds(ns / 1e9)}."
        for number, ns in back
    ]
    return said


def _to_seconds(utc: str) -> str:
    """A time of the log for people; the log itself has the nanoseconds."""
    return utc[:19].replace("T", " ")


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    detail = entry["detail"]
    match entry["action"]:
        case "opened":
            what = f"{detail['vessel']['name']}, for {detail['authority']}"
        case "positioned":
            what = f"{detail['latitude_deg']}, {detail['longitude_deg']} by {detail['source']}"
        case "attached":
            what = f"{detail['id']}: {detail['kind']} {detail['role'] or ''}"
        case "withdrawn":
            what = f"{detail['id']}: {detail['reason']}"
        case "stepped":
            what = f"{detail['step']}: {detail['text']}"
        case "reviewed":
            what = f"{'accepted' if detail['accepted'] else 'rejected'}: {detail['text']}"
        case "retained":
            what = f"until {detail['until']}"
        case "sealing":
            what = f"key {detail['key'][:17]}…"
        case "sealed":
            what = str(detail["manifest_sha256"])
        case _:
            what = str(detail.get("text") or detail.get("reason") or "")
    return {
        "number": entry["number"],
        "at_utc": _to_seconds(entry["at_utc"]),
        "name": entry["name"],
        "role": entry["role"],
        "action": entry["action"],
        "what": what,
        "sha256": entry["sha256"],
    }
