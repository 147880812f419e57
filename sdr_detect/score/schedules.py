"""Schedules drawn without samples: the stated probability of intercept against bursts met.

Stated and met are compared start by start. A sweep that keeps to the instants of
reassignment covers more or fewer channels depending on where in a slot it begins, so its
probability differs from one start to the next by far more than the two may differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sdr_detect.scan.meet import probability_of_intercept
from sdr_detect.score.job import Job, Result
from sdr_detect.score.table import Column, interval, number, text
from sdr_detect.score.touring import RATE_HZ, hopping_terminal, stays
from sdr_detect.simulate.render import stream_info
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.simulate.waveforms import starlink_uplink
from sdr_detect.watched import Stay

CN_DB = 8.0

CHANNELS = 8

#: Terminals drawn for each start: as many begin in each channel, which leaves far less to
#: chance than channels that are drawn.
DRAWN = 2 * CHANNELS

#: Stated and observed may differ by so much.
TARGET = 0.02

#: Two-sided, 95 %.
SIGMAS = 1.96


@dataclass(frozen=True, slots=True)
class Schedules:
    """A strategy, how long it is followed, and the instants of reassignment.

    ``kept`` is true where they are those that a strategy with a clock keeps to; else
    they are drawn, as the stated probability takes them.
    """

    name: str
    strategy: str
    length_s: float
    kept: bool


def hopping_scene(
    seed: int, length_s: float, start: datetime | None = None, channel: int | None = None
) -> Scene:
    """An always active terminal that hops.

    Where in a slot it begins, and in which channel, is drawn unless it is given.
    """
    rng = np.random.default_rng(seed)
    drawn = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=float(rng.uniform(0, 15)))
    drawn_channel = int(rng.integers(CHANNELS))
    head: dict[str, Any] = {"title": "intercept", "seed": seed, "duration_s": length_s + 1}
    receiver = {"sample_rate_hz": RATE_HZ, "rf_center_hz": 14.22e9, "datatype": "cf32_le"}
    terminal = {
        "kind": "starlink_uplink",
        "channel": drawn_channel if channel is None else channel,
        "hop_channels": list(range(CHANNELS)),
        # As the model has it: spacings of 5 to 14 frames, each as likely.
        "frames": list(range(5, 15)),
        "duty_limit": 0.13,
        "cn_db": CN_DB,
    }
    return parse_scene(
        {"scene": {**head, "start_utc": start or drawn}, "receiver": receiver,
         "emitter": [terminal]}
    )  # fmt: skip


def is_met(scene: Scene, listened: list[Stay]) -> bool:
    """Whether a whole burst of the scene's terminal fell into a stay in its channel."""
    emitter = scene.emitter[0]
    assert isinstance(emitter, starlink_uplink.Params)
    sent = starlink_uplink.schedule(emitter, scene.context(0, scene.scene.seed))
    touched = hopping_terminal().touched
    channels = [touched(*stay.range_hz) for stay in listened]
    return any(
        burst.slot.channel in heard
        and stay.start_s <= burst.start_s
        and burst.stop_s <= stay.stop_s
        for burst in sent
        for stay, heard in zip(listened, channels, strict=True)
    )


def draw(job: Job) -> Result:
    """One start, and how many of the terminals drawn for it were met."""
    case: Schedules = job.case
    scene = hopping_scene(job.seed, case.length_s)
    listened = stays(stream_info(scene), case.strategy, case.length_s)
    start = scene.scene.start_utc if case.kept else None
    seeds = np.random.default_rng(job.seed).integers(1 << 62, size=DRAWN)
    others = (
        hopping_scene(int(seed), case.length_s, start, k % CHANNELS) for k, seed in enumerate(seeds)
    )
    return {
        "poi": probability_of_intercept(listened, hopping_terminal()),
        "met": sum(is_met(other, listened) for other in others),
        "claims": [],
    }


def difference(found: Sequence[Result]) -> tuple[float, float]:
    """Mean of met minus stated over the starts, and its standard error."""
    each = np.array([r["met"] / DRAWN - r["poi"] for r in found])
    # One terminal more or fewer keeps few starts that all agree from looking like a proof.
    error = math.hypot(each.std() / max(1, each.size - 1) ** 0.5, 1 / (DRAWN * each.size))
    return float(each.mean()), error


def row(case: Schedules, found: Sequence[Result]) -> dict[str, Any]:
    """Stated and observed, and what lies between."""
    mean, error = difference(found)
    return {
        "strategy": case.strategy,
        "length_s": case.length_s,
        "instants": "kept to" if case.kept else "drawn",
        "starts": len(found),
        "drawn": DRAWN * len(found),
        "poi": sum(r["poi"] for r in found) / len(found),
        "met": sum(r["met"] for r in found) / (DRAWN * len(found)),
        "difference": mean,
        "interval": [mean - SIGMAS * error, mean + SIGMAS * error],
        "held": held(mean, error),
    }


def held(mean: float, error: float) -> str:
    """Whether a difference keeps to the target; a question mark where more trials could turn it."""
    sure = abs(abs(mean) - TARGET) > SIGMAS * error
    return ("yes" if abs(mean) <= TARGET else "no") + ("" if sure else "?")


COLUMNS: tuple[Column, ...] = (
    text("strategy", "strategy"),
    number("length (s)", "length_s", ".2f"),
    text("reassigned at instants", "instants"),
    number("starts", "starts", "d"),
    number("terminals", "drawn", "d"),
    number("stated", "poi", ".3f"),
    number("met", "met", ".3f"),
    number("difference", "difference", "+.3f"),
    interval("95 %", "interval", "+.3f"),
    text(f"within {TARGET:g}", "held"),
)
