"""A pipeline that prepares dwells ahead tells the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sdr_detect import secondcore
from sdr_detect.front import Ahead, Prepared
from sdr_detect.model import IQBlock, Notice
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import Settings, VerdictSettings
from tests.core.streams import all_profiles, as_json, noise, rendered, stream_info

Work = Callable[[], Prepared]

#: Looks in every dwell, so that alerts come into it.
LOOKING = Settings(verdict=VerdictSettings(look_s=0.1))


def at_once(work: Work) -> Work:
    """Prepare a dwell before the one before is finished."""
    done = work()
    return lambda: done


def in_a_thread() -> Ahead:
    """As the product does."""
    pool = ThreadPoolExecutor(1)
    return lambda work: pool.submit(work).result


@pytest.fixture(autouse=True)
def _at_any_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdr_detect.epoch.AHEAD_FROM_HZ", 0.0)


@pytest.fixture(scope="module")
def stream() -> list[IQBlock]:
    """Bursts, a tone, a gain step, losses told and untold, a notice, a retune and a short stay."""
    made = rendered(
        {"kind": "starlink_uplink", "cn_db": 12.0},
        {"kind": "vsat_scpc", "offset_hz": -3e5, "symbol_rate_hz": 60e3, "cn_db": 15.0},
        {"kind": "tone", "offset_hz": 2.2e5, "cn_db": 12.0},
        duration_s=0.65,
        sample_rate_hz=1.2e6,
        agc_steps=[{"time_s": 0.25, "gain_db": 4.0}],
        losses=[{"time_s": 0.32, "count": 901}],
    )
    made[3] = replace(made[3], notices=(Notice("retune_failed", "a test"),))
    at = made[-1].stop_sample
    moved = replace(stream_info(1.2e6), center_hz=14.1e9)
    for count in (150_000, 20_000):
        made.append(IQBlock(moved, at + 600, noise(count, count), 600))
        at = made[-1].stop_sample
        moved = replace(moved, center_hz=14.2e9)
    made.append(IQBlock(moved, at + 500_000, noise(300_000, 5)))
    return made


def told(stream: list[IQBlock], ahead: Ahead | None) -> list[dict[str, Any]]:
    """Events of a stream, which stays as it is."""
    pipeline = Pipeline(all_profiles(), LOOKING, ahead=ahead)
    found = []
    for block in stream:
        found += pipeline.process(replace(block, samples=block.samples.copy()))
    return as_json(found + pipeline.finish())


@pytest.mark.parametrize("start", [at_once, lambda work: work, in_a_thread()])
def test_the_same_events_in_the_same_order(stream: list[IQBlock], start: Ahead) -> None:
    plain = told(stream, None)
    assert {"burst", "track", "gap", "health", "verdict"} <= {line["type"] for line in plain}
    assert told(stream, start) == plain


def test_what_goes_wrong_ahead_comes_out(stream: list[IQBlock]) -> None:
    def fail() -> Prepared:
        raise MemoryError

    with ThreadPoolExecutor(1) as pool, pytest.raises(MemoryError):
        told(stream, lambda _work: pool.submit(fail).result)


def test_one_core_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    assert secondcore.second_core() is None


def test_a_slow_rate_is_worked_on_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdr_detect.epoch.AHEAD_FROM_HZ", 6e6)

    def never(_work: Work) -> Work:
        raise AssertionError("handed out")

    pipeline = Pipeline((), ahead=never)
    pipeline.process(IQBlock(stream_info(2.4e6), 0, np.zeros(600_000, np.complex64)))
    assert pipeline.finish()
