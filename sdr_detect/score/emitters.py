"""Ingress, scenes in which nothing may be detected, and emitters to be named: all as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdr_detect.score.scenes import (
    Between,
    Mapped,
    clean_receiver,
    eight_bit_receiver,
    grid_terminal,
    impaired_receiver,
    jittered_terminal,
    scene,
)

#: Emitters that are no user terminal of a satellite, by name. Frequencies are
#: offsets from the slice unless the emitter has a place of its own: in a slice
#: of the terminals' band they are what a mixing product of them would be, and
#: their own IF does not give them away. Levels cover what a ship would hear,
#: from about threshold to strong.
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
    for what is none. ``place`` tunes the receiver to where the emitter is heard.
    """

    emitter: Mapped
    right: tuple[str, ...]
    system: str | None = None
    lowest_db: float = -12.0
    place: Mapped = field(default_factory=dict)


def _level_open(name: str) -> Mapped:
    return {key: value for key, value in INGRESS[name].items() if key != "cn_db"}


def _leak(if_hz: float, lo_hz: float) -> Mapped:
    """A receiver tuned to an IF at which a terrestrial emitter leaks past its converter."""
    return {"rf_center_hz": lo_hz + if_hz, "converter": f"ku-{lo_hz / 1e9:.2f}"}


_STARLINK = ("detected starlink", "starlink_uplink")

#: Every emitter that the simulator knows, for the confusion matrix. ``lowest_db``
#: is where its ladder starts: short pulses are found by their peak only.
EMITTERS: dict[str, Known] = {
    "starlink grid": Known(grid_terminal(), _STARLINK, "starlink", -21.0),
    "starlink jittered": Known(jittered_terminal(), _STARLINK, "starlink", -18.0),
    "starlink sub-band": Known(
        jittered_terminal(carriers=[63, 189, 441]), _STARLINK, "starlink", -12.0
    ),
    "VSAT carrier": Known(
        {
            "kind": "vsat_scpc",
            "offset_hz": Between(-5e5, 5e5),
            "symbol_rate_hz": Between(1e5, 6e5),
            "roll_off": Between(0.1, 0.35),
        },
        ("detected vsat", "vsat_scpc"),
        "vsat",
        -15.0,
    ),
    "VSAT bursts": Known(
        {"kind": "vsat_tdma", "offset_hz": Between(-2e5, 2e5)}, ("vsat_mf_tdma",), "vsat"
    ),
    "OneWeb-like": Known(
        {"kind": "oneweb_like", "offset_hz": Between(-4e6, 4e6)},
        ("oneweb_uplink", "unknown"),
        "oneweb",
    ),
    "downlink image": Known(
        _level_open("downlink image"), ("starlink_downlink",), place={"rf_center_hz": _IMAGE_HZ}
    ),
    "GSM phone": Known(_level_open("GSM phone"), ("gsm",), place=_leak(945e6, 13.05e9)),
    "GSM base": Known(_level_open("GSM base"), ("gsm",), place=_leak(945e6, 13.05e9)),
    "LTE": Known(_level_open("LTE"), ("lte",), place=_leak(1476e6, 12.80e9)),
    "NR": Known(_level_open("NR"), ("nr",), place=_leak(1476e6, 12.80e9)),
    "DME": Known(_level_open("DME"), ("dme",), lowest_db=-6.0, place=_leak(1090e6, 13.05e9)),
    "ADS-B": Known(_level_open("ADS-B"), ("ads_b",), lowest_db=-6.0, place=_leak(1090e6, 13.05e9)),
    "radar 1000 Hz": Known(_level_open("radar 1000 Hz"), ("marine_radar",), lowest_db=0.0),
    "radar 750.2 Hz": Known(_level_open("radar 750.2 Hz"), ("marine_radar",), lowest_db=0.0),
    "Iridium": Known(
        _level_open("Iridium"),
        ("iridium_terminal",),
        lowest_db=-6.0,
        place=_leak(1621e6, 12.80e9),
    ),
    "tone": Known(_level_open("tone"), ("cw_spur",), lowest_db=-36.0),
}


def emitter_scene(name: str, duration_s: float, rate_hz: float) -> Mapped:
    """One emitter of `EMITTERS` before a receiver without faults."""
    known = EMITTERS[name]
    return scene(name, duration_s, {**clean_receiver(rate_hz), **known.place}, known.emitter)
