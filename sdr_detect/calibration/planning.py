"""The detection limit of a watch that is still to come, and what lies at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.calibration.link import HORIZON_GAINS_DBI
from sdr_detect.detect.energy import EnergyTest
from sdr_detect.dsp.layout import make_layout
from sdr_detect.intercept import detection_limit_db
from sdr_detect.model import StreamInfo
from sdr_detect.profiles.schema import Power, Profile
from sdr_detect.settings import Settings


def planned_limit(
    sample_rate_hz: float, usable_hz: float | None, watched_s: float, settings: Settings
) -> tuple[float | None, float]:
    """C/N found with Pd 0.9 in thermal noise, and the bandwidth it is over, in hertz."""
    info = StreamInfo("plan", sample_rate_hz, usable_hz=usable_hz)
    layout = make_layout(info, settings.frames)
    thermal = EnergyTest(layout, settings.burst).least_excess
    return detection_limit_db(watched_s, layout.used_hz, thermal, thermal), layout.used_hz


@dataclass(frozen=True, slots=True)
class Row:
    """A terminal at the limit, if it sends with ``gain_dbi`` towards the receiver.

    ``port_dbm`` at its antenna's port would have been found. ``typical`` is what the
    profile knows of such powers, ``reach_m`` the distance at which that would lie at the
    limit, ``word`` whether it would have been found here.
    """

    gain_dbi: float
    port_dbm: float
    typical: Power | None
    word: str
    reach_m: float | None


def at_the_limit(
    eirp_dbm: float, expanded_db: float, distance_m: float | None, profile: Profile | None
) -> list[Row]:
    """One row for each assumed gain towards the horizon."""
    powers = () if profile is None else profile.power
    typical = next((p for p in powers if p.port_dbm is not None), None)
    rows = []
    for gain_dbi in HORIZON_GAINS_DBI:
        needed_dbm = eirp_dbm - gain_dbi
        if typical is None or typical.port_dbm is None:
            rows.append(Row(gain_dbi, needed_dbm, None, "unknown", None))
            continue
        spare_db = typical.port_dbm - needed_dbm
        word = "found" if spare_db >= expanded_db else "missed" if spare_db < -expanded_db else (
            "perhaps"
        )  # fmt: skip
        reach_m = None if distance_m is None else distance_m * 10 ** (spare_db / 20)
        rows.append(Row(gain_dbi, needed_dbm, typical, word, reach_m))
    return rows


def beam_remarks(eirp_dbm: float, powers: Sequence[Power]) -> list[str]:
    """How far a terminal's side lobes may lie below its beam until it is missed."""
    return [
        f"{power.text} ({power.eirp_dbw:g} dBW): found while it sends no less than "
        f"{power.eirp_dbw + 30 - eirp_dbm:.0f} dB below that towards here"
        for power in powers
        if power.eirp_dbw is not None
    ]
