"""Messages as a running watch would send them, for tests of what shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdr_detect import view

RATE_HZ = 2.4e6
CENTER_HZ = 14.2225e9
START_NS = 1_777_882_530_000_000_000
NOISE = 1e-6

TUNING = view.Tuning(
    stream_id="test",
    sample_rate_hz=RATE_HZ,
    center_hz=CENTER_HZ,
    usable_hz=None,
    if_center_hz=CENTER_HZ - 12.8e9,
    converter="ku-12.80",
    inverted=False,
    rf_lower_hz=14.0e9,
    rf_upper_hz=14.5e9,
    gain_db=29.7,
    dbm_offset_db=None,
    time_error_ns=2_000_000,
)


def stamp(seq: int, session: str = "ab12") -> view.Stamp:
    return view.Stamp(session=session, seq=seq, mono_ns=seq * 1000, utc_ns=START_NS + seq)


def row(
    number: int = 0,
    *,
    bins: int = 512,
    carrier: int | None = None,
    tuning: view.Tuning = TUNING,
    rise_db: float | None = 0.3,
) -> view.Row:
    """Noise of a constant seed, with a carrier 30 dB over it in one bin."""
    rng = np.random.default_rng(number)
    peak = (NOISE * (4 + rng.random(bins))).astype(np.float32)
    mean = np.full(bins, NOISE, np.float32)
    if carrier is not None:
        peak[carrier] = mean[carrier] = 1000 * NOISE
    count = int(tuning.sample_rate_hz / 30)
    head = view.RowHead(
        tuning=tuning,
        first_sample=number * count,
        stop_sample=(number + 1) * count,
        stop_ns=START_NS + round((number + 1) * count / tuning.sample_rate_hz * 1e9),
        frames=300,
        bins=bins,
        rbw_hz=1.5 * tuning.sample_rate_hz / bins,
        has_floor=True,
        threshold_db=12.8,
        rise_db=rise_db,
    )
    return view.Row(head, peak, mean, np.full(bins, NOISE, np.float32))


def health(**changes: Any) -> view.HealthPart:
    fields: dict[str, Any] = {
        "receiving": True, "lost_reason": None, "rate_hz": RATE_HZ, "sample_count": 24_000_000,
        "lost_count": 0, "gap_count": 0, "clipped_share": 0.0, "level_dbfs": -29.0,
    }  # fmt: skip
    return view.HealthPart(**fields | changes)


def verdict(word: str = "not_detected", **changes: Any) -> view.VerdictPart:
    fields: dict[str, Any] = {
        "verdict": word, "system": "starlink" if word == "detected" else None,
        "confidence": 0.93, "pfa": 1e-9, "detection_limit_db": -9.4, "poi": 0.31,
        "analysed_s": 372.0, "blind_s": 0.4, "reasons": ("opens with a sequence",),
        "alternatives": (), "rules": "sdr-detect 0.1.0",
    }  # fmt: skip
    return view.VerdictPart(**fields | changes)


def track(number: int = 1, **changes: Any) -> view.TrackPart:
    fields: dict[str, Any] = {
        "id": number, "kind": "burst", "start_sample": 0, "stop_sample": 24_000_000,
        "start_ns": START_NS,
        "freq_lower_hz": CENTER_HZ - 1.1e6, "freq_upper_hz": CENTER_HZ + 1.1e6,
        "burst_count": 593, "duty_cycle": 0.07, "burst_period_s": 0.0133, "snr_db": 8.0,
        "profile": "starlink_uplink", "system": "starlink", "role": "user_terminal", "score": 0.99,
        "reasons": ("keeps a 1.333 ms grid",), "against": (), "flags": (),
    }  # fmt: skip
    return view.TrackPart(**fields | changes)


def channels() -> tuple[view.ChannelPart, ...]:
    return tuple(
        view.ChannelPart(
            number=k + 1,
            freq_lower_hz=14e9 + k * 62.5e6,
            freq_upper_hz=14e9 + (k + 1) * 62.5e6,
            watched_s=372.0 if k == 3 else 0.0,
            poi=0.31 if k == 3 else 0.0,
            last_seen_s=9.0 if k == 3 else None,
        )
        for k in range(8)
    )


def state(**changes: Any) -> view.State:
    fields: dict[str, Any] = {
        "utc_ns": START_NS + 10_000_000_000, "next_sample": 24_000_000, "judged_sample": 23_900_000,
        "burst_count": 593, "track_count": 1, "final": False, "verdict": verdict(),
        "tracks": (track(),), "channels": channels(), "health": health(),
    }  # fmt: skip
    return view.State(**fields | changes)


def finds(*spans: tuple[int, int]) -> view.Finds:
    bursts = tuple(
        view.BurstPart(
            start_sample=start,
            stop_sample=stop,
            freq_lower_hz=CENTER_HZ - 1.1e6,
            freq_upper_hz=CENTER_HZ + 1.1e6,
            snr_db=8.0,
        )
        for start, stop in spans
    )
    return view.Finds(bursts=bursts, bursts_left_out=0, notes=(), notes_left_out=0)
