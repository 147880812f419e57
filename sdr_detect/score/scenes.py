"""What is heard: receivers, terminals, ingress. All scenes of the scorecard are made here.

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


#: Emitters that are no user terminal of a satellite, by name. Frequencies are
#: offsets from the slice unless the emitter has a place of its own; levels
#: cover what a ship would hear, from about threshold to strong.
INGRESS: dict[str, Mapped] = {
    "radar 1000 Hz": {
        "kind": "marine_radar",
        "offset_hz": Between(-5e5, 5e5),
        "cn_db": Between(15.0, 40.0),
        "pulse_s": Between(0.06e-6, 1e-6),
        "prf_hz": 1000.0,
    },
    "radar 750.2 Hz": {
        "kind": "marine_radar",
        "offset_hz": Between(-5e5, 5e5),
        "cn_db": Between(15.0, 40.0),
        "pulse_s": Between(0.06e-6, 1e-6),
        "prf_hz": 750.2,
    },
    # Reflections keep a weak radar in view at all times.
    "weak radar 750.2 Hz": {
        "kind": "marine_radar",
        "offset_hz": Between(-3e5, 3e5),
        "cn_db": Between(3.0, 15.0),
        "pulse_s": 1e-6,
        "prf_hz": 750.2,
        "side_lobe_db": 0.0,
    },
    "DME": {
        "kind": "dme",
        "offset_hz": Between(-7e5, 7e5),
        "cn_db": Between(5.0, 25.0),
        "pairs_per_s": Between(700.0, 2700.0),
    },
    "ADS-B": {
        "kind": "ads_b",
        "offset_hz": Between(-3e5, 3e5),
        "cn_db": Between(5.0, 25.0),
        "messages_per_s": Between(50.0, 500.0),
    },
    "GSM phone": {
        "kind": "gsm",
        "offset_hz": Between(-8e5, 8e5),
        "cn_db": Between(5.0, 25.0),
        "slots": [3],
    },
    "GSM base": {
        "kind": "gsm",
        "offset_hz": Between(-8e5, 8e5),
        "cn_db": Between(5.0, 25.0),
        "slots": [0, 1, 2, 3, 4, 5, 6, 7],
    },
    "LTE": {
        "kind": "lte",
        "offset_hz": Between(-4e6, 4e6),
        "cn_db": Between(0.0, 20.0),
        "bandwidth_mhz": 20,
        "load": Between(0.1, 0.9),
    },
    "NR": {
        "kind": "nr",
        "offset_hz": Between(-4e6, 4e6),
        "cn_db": Between(0.0, 20.0),
        "bandwidth_mhz": 20,
        "load": Between(0.1, 0.9),
    },
    "downlink image": {
        "kind": "starlink_downlink",
        "rf_hz": 11.325e9,
        "image": True,
        "cn_db": Between(-6.0, 10.0),
        "load": Between(0.1, 0.95),
    },
    "Iridium": {
        "kind": "iridium_like",
        "offset_hz": Between(-5e5, 5e5),
        "cn_db": Between(5.0, 25.0),
        "channels": 4,
    },
    "tone": {
        "kind": "tone",
        "offset_hz": Between(-8e5, 8e5),
        "cn_db": Between(-20.0, 20.0),
        "doppler_rate_hz_per_s": Between(-3000.0, 3000.0),
    },
}

#: The slice in which channel 3 of the downlink appears as the image of 12.80 GHz.
_IMAGE_HZ = 14.23e9


def alert_scene(name: str, duration_s: float, rate_hz: float) -> Mapped:
    """A scene without a terminal, by its name in `ALERTS`."""
    parts = ALERTS[name]
    make = eight_bit_receiver if parts else impaired_receiver
    receiver = {**make(rate_hz), **parts.get("receiver", {})}
    emitters = [INGRESS[key] for key in parts.get("ingress", ())]
    if any(e.get("image") for e in emitters):
        receiver["rf_center_hz"] = _IMAGE_HZ
    return scene(name, duration_s, receiver, *emitters)


#: Scenes in which nothing may be detected: ingress by name, and faults of the
#: receiver on top of `eight_bit_receiver`. The blank scene has all of
#: `impaired_receiver` instead.
ALERTS: dict[str, Mapped] = {
    "blank": {},
    "gain steps of 1 dB": {
        "receiver": {
            "agc_steps": [
                {"time_s": 0.31, "gain_db": 1.0},
                {"time_s": 0.83, "gain_db": -1.0},
                {"time_s": Between(1.0, 1.9), "gain_db": 1.0},
            ]
        }
    },
    "drift of ±0.3 dB": {"receiver": {"drift_db": 0.6, "drift_period_s": Between(0.05, 2.0)}},
    "mains hum": {"receiver": {"hum": 0.02, "hum_hz": 100.0}},
    "losses, declared": {
        "receiver": {
            "losses": [
                {"time_s": Between(0.1, 0.3), "count": 4800},
                {"time_s": Between(0.4, 0.9), "count": 333},
                {"time_s": Between(1.0, 1.9), "count": 24000},
            ]
        }
    },
    "losses, undeclared": {
        "receiver": {
            "losses": [
                {"time_s": Between(0.1, 0.3), "count": 4800, "declared": False},
                {"time_s": Between(0.4, 0.9), "count": 333, "declared": False},
                {"time_s": Between(1.0, 1.9), "count": 24000, "declared": False},
            ]
        }
    },
    **{name: {"ingress": (name,)} for name in INGRESS},
    "mixture: aircraft and GSM": {"ingress": ("DME", "ADS-B", "GSM phone")},
    "mixture: radars": {"ingress": ("radar 750.2 Hz", "weak radar 750.2 Hz", "radar 1000 Hz")},
    "mixture: image, radar, drift": {
        "ingress": ("downlink image", "radar 750.2 Hz"),
        "receiver": {"drift_db": 0.6, "drift_period_s": 0.5},
    },
    "mixture: LTE, Iridium, hum": {
        "ingress": ("LTE", "Iridium"),
        "receiver": {"hum": 0.02, "hum_hz": 100.0},
    },
}


@dataclass(frozen=True, slots=True)
class Known:
    """An emitter to be named: what it is, and which labels name it rightly.

    A label is ``detected SYSTEM`` for a verdict, else the profile of the best
    match of the most significant track. ``system`` is that of a terminal, None
    for what is none.
    """

    emitter: Mapped
    right: tuple[str, ...]
    system: str | None = None
    lowest_db: float = -12.0


def _level_open(name: str) -> Mapped:
    return {key: value for key, value in INGRESS[name].items() if key != "cn_db"}


#: Every emitter that the simulator knows, for the confusion matrix. ``lowest_db``
#: is where its ladder starts: short pulses are found by their peak only.
EMITTERS: dict[str, Known] = {
    "starlink grid": Known(grid_terminal(), ("detected starlink",), "starlink", -21.0),
    "starlink jittered": Known(jittered_terminal(), ("detected starlink",), "starlink", -18.0),
    "starlink sub-band": Known(
        jittered_terminal(carriers=[63, 189, 441]), ("detected starlink",), "starlink", -12.0
    ),
    "VSAT carrier": Known(
        {
            "kind": "vsat_scpc",
            "offset_hz": Between(-5e5, 5e5),
            "symbol_rate_hz": Between(1e5, 6e5),
            "roll_off": Between(0.1, 0.35),
        },
        ("detected vsat",),
        "vsat",
        -15.0,
    ),
    "VSAT bursts": Known(
        {"kind": "vsat_tdma", "offset_hz": Between(-2e5, 2e5)}, ("vsat_mf_tdma",), "vsat"
    ),
    "OneWeb-like": Known(
        {"kind": "oneweb_like", "offset_hz": Between(-4e6, 4e6)}, ("oneweb_uplink",), "oneweb"
    ),
    "downlink image": Known(_level_open("downlink image"), ("starlink_downlink",)),
    "GSM phone": Known(_level_open("GSM phone"), ("gsm",)),
    "GSM base": Known(_level_open("GSM base"), ("gsm",)),
    "LTE": Known(_level_open("LTE"), ("lte",)),
    "NR": Known(_level_open("NR"), ("nr",)),
    "DME": Known(_level_open("DME"), ("dme",), lowest_db=-6.0),
    "ADS-B": Known(_level_open("ADS-B"), ("ads_b",), lowest_db=-6.0),
    "radar 1000 Hz": Known(_level_open("radar 1000 Hz"), ("marine_radar",), lowest_db=0.0),
    "radar 750.2 Hz": Known(_level_open("radar 750.2 Hz"), ("marine_radar",), lowest_db=0.0),
    "Iridium": Known(
        _level_open("Iridium"), ("iridium_terminal", "inmarsat_terminal"), lowest_db=-6.0
    ),
    "tone": Known(_level_open("tone"), ("cw_spur",), lowest_db=-36.0),
}


def emitter_scene(name: str, duration_s: float, rate_hz: float) -> Mapped:
    """One emitter of `EMITTERS` before a receiver without faults."""
    emitter = EMITTERS[name].emitter
    receiver = clean_receiver(rate_hz)
    if emitter.get("image"):
        receiver["rf_center_hz"] = _IMAGE_HZ
    return scene(name, duration_s, receiver, emitter)
