"""A sink that turns a recording's events into rows of the tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sdr_detect.analysis import Analysis
from sdr_detect.batch.outcome import ANALYSED
from sdr_detect.calibration.levels import Levels
from sdr_detect.events import BurstEvent, Event, Incident, TrackEvent, to_json
from sdr_detect.sinks.sigmf_fields import utc_text

#: Different warnings a row tells; the events have all of them.
_WARNINGS = 20

_FROM_FACTS = (
    "path", "sha256", "format", "sample_rate_hz", "rf_center_hz", "converter", "duration_s",
    "sample_count", "config_sha256", "calibration_sha256", "version",
)  # fmt: skip
_FROM_VERDICT = (
    "verdict", "system", "confidence", "pfa", "detection_limit_db", "detection_limit_dbm",
    "detection_limit_eirp_dbm", "poi", "analysed_s", "blind_s", "reasons",
)  # fmt: skip
_FROM_TRACK = (
    "id", "kind", "start_s", "stop_s", "freq_lower_hz", "freq_upper_hz", "burst_count",
    "duty_cycle", "burst_period_s", "snr_db", "power_dbfs", "power_dbm", "pfa",
    "doppler_rate_hz_per_s", "flags",
)  # fmt: skip


class Tally:
    """Counts bursts and incidents, and keeps a row for each track.

    Parameters
    ----------
    path : str
        Of the recording, for the rows.
    levels : Levels
        States levels in physical units.
    """

    def __init__(self, path: str, levels: Levels) -> None:
        self._path = path
        self._levels = levels
        self._counts: Counter[str] = Counter()
        self._samples: Counter[str] = Counter()
        self._warnings: dict[str, None] = {}
        self._bursts = 0
        self.tracks: list[dict[str, Any]] = []

    def write(self, event: Event) -> None:
        """Count one event."""
        match event:
            case BurstEvent():
                self._bursts += 1
            case TrackEvent():
                self.tracks.append(self._track(event))
            case Incident():
                self._counts[event.kind] += 1
                self._samples[event.kind] += event.span.sample_count
                if event.kind == "health":
                    self._warnings[": ".join(filter(None, (event.reason, event.detail)))] = None

    def _track(self, event: TrackEvent) -> dict[str, Any]:
        told = to_json(event) | self._levels.fields(event)
        best: dict[str, Any] = max(told["matches"], key=lambda match: match["score"], default={})
        return {
            "path": self._path,
            **{name: told[name] for name in _FROM_TRACK},
            **{name: best.get(name) for name in ("profile", "system", "score")},
        }

    def close(self) -> None:
        """Nothing to release."""

    def row(self, result: Analysis) -> dict[str, Any]:
        """The recording's row."""
        facts, verdict = result.facts.to_json(), to_json(result.verdict)
        start_ns = facts["start_ns"]
        return {
            "status": ANALYSED,
            **{name: facts[name] for name in _FROM_FACTS},
            **{name: verdict[name] for name in _FROM_VERDICT},
            "start_utc": None if start_ns is None else utc_text(start_ns),
            "track_count": len(self.tracks),
            "burst_count": self._bursts,
            "gap_count": self._counts["gap"],
            "lost_samples": self._samples["gap"],
            "overload_count": self._counts["overload"],
            "overload_samples": self._samples["overload"],
            "warnings": self._told_warnings(),
        }

    def _told_warnings(self) -> list[str]:
        told = list(self._warnings)
        more = len(told) - _WARNINGS
        return told if more <= 0 else [*told[:_WARNINGS], f"and {more} more, see the events"]
