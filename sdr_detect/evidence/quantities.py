"""Every figure of a recording with what it takes to rely on it.

What is not known is None, with the reason beside it; nothing is made up.
"""

from __future__ import annotations

import math
from typing import Any

from sdr_detect.analysis import Analysis
from sdr_detect.calibration.levels import Level, Levels
from sdr_detect.events import TrackEvent
from sdr_detect.intercept import PD
from sdr_detect.settings import Settings
from sdr_detect.sinks.wording import by_score

#: Tracks of a recording whose figures are listed; the events have them all.
TRACKS = 20

#: Coverage factor of every expanded uncertainty.
COVERAGE = 2.0

#: A median scatters by so much more than a mean.
_MEDIAN = math.sqrt(math.pi / 2)

#: Kinds of track whose level is a bound and no estimate.
_BOUNDS = {
    "fold": "a lower bound: frames without a burst are averaged in",
    "preamble": "a lower bound: frames without a burst are averaged in",
    "activity": "an upper bound: read off the strongest frames",
}


def of_recording(
    identifier: str, result: Analysis, settings: Settings, levels: Levels
) -> list[dict[str, Any]]:
    """The quantities of one analysed recording, ready for JSON."""
    rows = [_time(result), _centre(result), *_verdict(result, settings), *_limits(result)]
    for event in by_score(result.found.tracks)[:TRACKS]:
        rows += _track(event, settings)
        if (level := levels.level(event)) is not None:
            rows.append(_power(event, level))
    return [{"recording": identifier, **row} for row in rows]


def level_uncertainty_db(event: TrackEvent, settings: Settings) -> float | None:
    """Expanded uncertainty (k = 2) of a track's C/N; None where that is a bound.

    Combines the scatter of a power estimate over the samples in which the track was
    on with the doubt about the noise reference, taken as a half-width. The antenna's
    pattern and ripple of the receiver's gain are not in it.
    """
    track, info = event.track, event.info
    if track.kind in _BOUNDS or track.duty_cycle is None:
        return None
    on_s = info.seconds(track.span.sample_count) * track.duty_cycle
    samples = max(1.0, on_s * (track.freq_upper_hz - track.freq_lower_hz))
    snr = 10 ** (track.snr_db / 10)
    scatter_db = _MEDIAN * 10 / math.log(10) * (1 + snr) / snr / math.sqrt(samples)
    reference_db = settings.burst.noise_uncertainty_db / math.sqrt(3)
    return round(COVERAGE * math.hypot(scatter_db, reference_db), 2)


def _row(quantity: str, value: Any, unit: str, method: str, **more: Any) -> dict[str, Any]:
    """One line; ``None`` for whatever does not apply."""
    row: dict[str, Any] = {
        "quantity": quantity,
        "value": value,
        "unit": unit,
        "method": method,
        "bandwidth_hz": None,
        "averaging": None,
        "expanded_uncertainty": None,
        "coverage_factor": None,
        "uncertainty_note": "",
        "threshold": None,
        "pfa": None,
        "poi": None,
    }
    row.update(more)
    if row["expanded_uncertainty"] is not None:
        row["coverage_factor"] = COVERAGE
    return row


def _time(result: Analysis) -> dict[str, Any]:
    info = result.facts.info
    known = info.time_error_ns is not None
    return _row(
        "start of the recording",
        info.start_ns,
        "ns UTC since 1970",
        "clock of the receiving computer, as the recording states it",
        uncertainty_note=(
            f"error at most {info.time_error_ns} ns, as the recorder stated"
            if known
            else "not stated: the clock was not known to be disciplined"
        ),
    )


def _centre(result: Analysis) -> dict[str, Any]:
    info = result.facts.info
    return _row(
        "centre frequency (RF)",
        info.center_hz,
        "Hz",
        "receiver's tuning and the converter's nominal local oscillator",
        bandwidth_hz=info.usable_hz or info.sample_rate_hz,
        uncertainty_note="not stated: errors of the oscillators were not measured",
    )


def _verdict(result: Analysis, settings: Settings) -> list[dict[str, Any]]:
    verdict, info = result.verdict, result.facts.info
    watched = {
        "bandwidth_hz": info.usable_hz or info.sample_rate_hz,
        "averaging": f"{verdict.analysed_s:g} s analysed, {verdict.blind_s:g} s blind",
        "poi": verdict.poi,
    }
    return [
        _row(
            "detection limit (C/N)",
            None if verdict.detection_limit_db is None else round(verdict.detection_limit_db, 2),
            "dB",
            f"computed: a terminal's bursts that fill the slice are found with probability {PD}",
            uncertainty_note="model: holds for 0.84 ms every 12 ms; see docs/scorecard.md",
            **watched,
        ),
        _row(
            "false-alarm probability of the verdict",
            verdict.pfa,
            "1",
            "chance that noise alone does as well, over all tests made",
            threshold=settings.verdict.allowed_pfa(verdict.analysed_s),
            uncertainty_note="of noise only; emitters that nobody described are not in it",
            **watched,
        ),
    ]


def _limits(result: Analysis) -> list[dict[str, Any]]:
    """The detection limit of a calibrated receiver in physical units."""
    found, verdict = result.verdict.physical, result.verdict
    if found is None:
        return []
    named = (
        ("detection limit at the antenna's port", found.dbm, "dBm", verdict.bandwidth_hz),
        ("detection limit as flux density", found.pfd_dbw_m2, "dBW/m²", verdict.bandwidth_hz),
        ("detection limit as EIRP towards here", found.eirp_dbm, "dBm", found.channel_hz),
    )
    return [
        _row(
            name,
            round(stated.value, 2),
            unit,
            "C/N limit, noise of the recording and the receiver's calibration",
            bandwidth_hz=width,
            averaging=f"{verdict.analysed_s:g} s analysed",
            expanded_uncertainty=None if stated.expanded is None else round(stated.expanded, 2),
            uncertainty_note="free space; reflection and shadowing are not in it",
            poi=verdict.poi,
        )
        for name, stated, unit, width in named
        if stated is not None
    ]


def _power(event: TrackEvent, level: Level) -> dict[str, Any]:
    spread = level.dbm.expanded
    return _row(
        f"power at the antenna's port, track {event.track.id}",
        round(level.dbm.value, 2),
        "dBm",
        "mean power while on, by the receiver's calibration",
        bandwidth_hz=level.bandwidth_hz,
        averaging=f"{event.track.burst_count} bursts",
        expanded_uncertainty=None if spread is None else round(spread, 2),
        uncertainty_note="budget of the calibration, and scatter"
        if spread is not None
        else "not stated: the recording's own offset, not the calibration's",
    )


def _track(event: TrackEvent, settings: Settings) -> list[dict[str, Any]]:
    track, info = event.track, event.info
    common = {
        "bandwidth_hz": track.freq_upper_hz - track.freq_lower_hz,
        "averaging": f"{track.burst_count} bursts"
        + ("" if track.duty_cycle is None else f", duty cycle {track.duty_cycle:.3g}"),
        "pfa": track.pfa,
    }
    uncertainty = level_uncertainty_db(event, settings)
    note = _BOUNDS.get(track.kind, "")
    if uncertainty is None and not note:
        note = "not stated: the time for which it was on is not known"
    return [
        _row(
            f"C/N while on, track {track.id}",
            round(track.snr_db, 2),
            "dB",
            "median over bursts of their power against that of quiet times in the same slice",
            expanded_uncertainty=uncertainty,
            uncertainty_note=note or "antenna pattern and gain ripple are not in it",
            threshold=settings.burst.pfa,
            **common,
        ),
        _row(
            f"lower frequency edge, track {track.id}",
            track.freq_lower_hz,
            "Hz",
            "edge of the cells above the threshold",
            uncertainty_note=(
                f"at least one cell of {1 / settings.frames.frame_s / 1e3:.1f} kHz, and the errors "
                "of the oscillators"
            ),
            **common,
        ),
        _row(
            f"upper frequency edge, track {track.id}",
            track.freq_upper_hz,
            "Hz",
            "edge of the cells above the threshold",
            uncertainty_note="as for the lower edge",
            **common,
        ),
        _row(
            f"burst repetition, track {track.id}",
            track.burst_period_s,
            "s",
            "common period of the burst starts",
            averaging=f"{info.seconds(track.span.sample_count):.4g} s",
            uncertainty_note="clock error of the receiver, usually below 1e-4 of the value",
        ),
    ]
