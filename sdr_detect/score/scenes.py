"""What is heard: receivers and terminals, and how a scene is put together.

A scene is the mapping of a scene file. Where a level or a place is to differ
from trial to trial it is a `Between`, drawn from the trial's own seed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdr_detect.simulate.waveforms.starlink_uplink import FRAME_S

Mapped = dict[str, Any]

#: One OFDM symbol of the measured uplink: 1072 samples at 60 Msps.
SYMBOL_S = 1072 / 60e6

#: Where narrow slices are parked in channel 4 (k = 3), centre 14.21875 GHz:
#: beside the gap of 1 MHz that the payload has there. Wide ones lie between
#: that gap and the channel's lower edge at 14.1894 GHz.
NARROW_HZ = 14.2155e9
WIDE_HZ = 14.2055e9
WIDE_RATE_HZ = 10e6


@dataclass(frozen=True, slots=True)
class Between:
    """A number drawn evenly between two bounds."""

    lower: float
    upper: float


def scene(
    title: str, duration_s: float, receiver: Mapping[str, Any], *emitters: Mapping[str, Any]
) -> Mapped:
    """A scene as a mapping, `Between` still in it."""
    return {
        "scene": {"title": title, "duration_s": duration_s},
        "receiver": dict(receiver),
        "emitter": [dict(e) for e in emitters],
    }


def drawn(data: Any, seed: int) -> Any:
    """A copy with every `Between` replaced by a number that depends on ``seed`` only."""
    rng = random.Random(seed)

    def fill(value: Any) -> Any:
        if isinstance(value, Between):
            return rng.uniform(value.lower, value.upper)
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        return copy.copy(value)

    return fill(data)


def clean_receiver(rate_hz: float) -> Mapped:
    """A receiver without faults but those of its filter; float samples."""
    return {
        "sample_rate_hz": rate_hz,
        "rf_center_hz": WIDE_HZ if rate_hz > WIDE_RATE_HZ else NARROW_HZ,
        "converter": "ku-12.80",
        "datatype": "cf32_le",
    }


def eight_bit_receiver(rate_hz: float) -> Mapped:
    """±3 dB slope, standing wave, DC, 8 bits: what costs no time to simulate."""
    return {
        **clean_receiver(rate_hz),
        "datatype": "cu8" if rate_hz <= WIDE_RATE_HZ else "ci8",
        "filter": {"slope_db": 6.0, "ripple_db": 0.4},
        "dc_dbfs": -32.0,
    }


def impaired_receiver(rate_hz: float) -> Mapped:
    """As `eight_bit_receiver`, with an IQ image and spurs."""
    return {
        **eight_bit_receiver(rate_hz),
        "iq_image_db": -28.0,
        "spurs": [
            {"offset_hz": 0.128 * rate_hz, "dbfs": -55.0},
            {"offset_hz": -0.29 * rate_hz, "dbfs": -58.0},
        ],
    }


#: Doppler of any terminal, and the clock error of its frame grid: bursts timed
#: to arrive on the satellite's frame drift by up to 20 ppm on the ground.
_TERMINAL: Mapped = {
    "kind": "starlink_uplink",
    "name": "starlink terminal",
    "channel": 3,
    "doppler_hz": Between(-50e3, 50e3),
    "doppler_rate_hz_per_s": Between(-3000.0, 3000.0),
    "grid_drift_ppm": Between(-20.0, 20.0),
}


def grid_terminal(symbols: int = 7, **changes: Any) -> Mapped:
    """One burst in every frame, filling the channel: 7 symbols are 9.4 % of the time."""
    return {
        **_TERMINAL,
        "frames": [1],
        "burst_symbols": [symbols],
        "duty_limit": 0.3,
        **changes,
    }


def jittered_terminal(**changes: Any) -> Mapped:
    """Bursts of 3 to 47 symbols, 5 to 14 frames apart, as measured on real terminals."""
    return {
        **_TERMINAL,
        "frames": list(range(5, 15)),
        "burst_symbols": [3, 9, 21, 47],
        "duty_limit": 0.13,
        **changes,
    }


def duty(terminal: Mapping[str, Any], symbols_heard: int | None = None) -> float:
    """Mean share of the time a terminal is on: mean burst over mean interval.

    ``symbols_heard`` replaces the length of the bursts where the slice holds
    only part of them.
    """
    lengths = terminal["burst_symbols"]
    on_s, spacing_s = 0.0, 0.0
    for symbols in lengths:
        length_s = symbols * SYMBOL_S
        allowed = [
            n for n in terminal["frames"] if length_s <= terminal["duty_limit"] * n * FRAME_S
        ]
        spacing_s += FRAME_S * sum(allowed) / len(allowed)
        on_s += SYMBOL_S * (symbols if symbols_heard is None else symbols_heard)
    return on_s / spacing_s
