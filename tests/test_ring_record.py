"""What surrounds a trigger, to the sample, however the stream came."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import ConfigError, SinkError
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import sigmf_pair
from sdr_detect.sinks.ring_record import RingLimits, RingRecorder

RATE = 1000.0
CU8 = parse_datatype("cu8")
INFO = StreamInfo("dev", RATE, 14.2e9, start_ns=1_700_000_000_000_000_000)


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigmf_pair, "RESERVE_BYTES", 1)


def block(first: int, count: int, lost: int = 0, notices: tuple[Notice, ...] = ()) -> RawBlock:
    """Samples that tell their own index."""
    index = np.arange(first, first + count, dtype="<u2")
    return RawBlock(INFO, first, index.view(np.uint8), CU8, lost, notices)


def limits(pre: int, post: int, longest: int = 10**6, quota: int | None = None) -> RingLimits:
    return RingLimits(pre / RATE, post / RATE, longest / RATE, quota_bytes=quota)


def documents(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in folder.glob("*.sigmf-meta"):
        yield file, json.loads(file.read_text())


def stretches(folder: Path) -> list[tuple[int, int]]:
    """Index ranges of all captures; each sample must tell the index that it is said to have."""
    found = []
    for file, document in documents(folder):
        data = np.fromfile(file.with_suffix(".sigmf-data"), "<u2")
        starts = [c["core:sample_start"] for c in document["captures"]]
        digest = hashlib.sha512(data.tobytes()).hexdigest()
        assert document["global"]["core:sha512"] == digest
        for capture, stop in zip(document["captures"], [*starts[1:], len(data)], strict=True):
            first, at = capture["core:global_index"], capture["core:sample_start"]
            assert data[at:stop].tolist() == list(range(first, first + stop - at))
            found.append((first, first + stop - at))
    return sorted(found)


def joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges with those that touch put together; they must not overlap."""
    out: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        assert not out or start >= out[-1][1], "a sample is recorded twice"
        if out and start == out[-1][1]:
            out[-1] = out[-1][0], stop
        elif start < stop:
            out.append((start, stop))
    return out


def test_the_past_and_what_follows(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(25, 30))
    for first in range(0, 200, 10):
        if first == 100:
            ring.trigger("trigger: test", "because")
        ring.take(block(first, 10))
    assert stretches(tmp_path) == [(75, 130)]  # done before the end of the stream
    ring.close()
    (path, document) = next(documents(tmp_path))
    assert path.name == "2023-11-14T221320.075Z-75.sigmf-meta"
    (note,) = document["annotations"]
    assert (note["core:sample_start"], note["core:label"]) == (0, "trigger: test")
    assert note["core:comment"] == "because; asked for at sample 100 of the stream"


def test_a_trigger_during_a_run_lengthens_it_and_is_noted_once(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(10, 30))
    for first in range(0, 300, 10):
        if first in (100, 110, 125, 130):
            ring.trigger("trigger: burst", str(first))
        if first == 140:
            ring.trigger("trigger: by hand")
        ring.take(block(first, 10))
    ring.close()
    assert stretches(tmp_path) == [(90, 170)]
    ((_, document),) = documents(tmp_path)
    told = [(a["core:sample_start"], a["core:comment"]) for a in document["annotations"]]
    assert told == [(0, "100; asked for at sample 100 of the stream"), (50, "")]


def test_losses_are_named_and_count_as_time(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(30, 50))
    ring.take(block(0, 80))
    ring.take(block(90, 10, 10))
    ring.trigger("t")
    ring.take(block(120, 10, 20))
    ring.take(block(130, 0, notices=(Notice("source_lost", "unplugged"),)))
    ring.take(block(140, 100, 10))
    ring.close()
    ((_, document),) = documents(tmp_path)
    assert stretches(tmp_path) == [(70, 80), (90, 100), (120, 130), (140, 150)]
    notes = [(a["core:sample_start"], a["core:label"]) for a in document["annotations"]]
    assert notes == [(0, "t"), (30, "source_lost")]


def test_what_is_lost_cannot_be_recorded(tmp_path: Path) -> None:
    told: list[str] = []
    ring = RingRecorder(tmp_path, limits(0, 10), tell=told.append)
    ring.take(block(0, 10))
    ring.trigger("t")
    ring.take(block(100, 10, 90))
    ring.close()
    assert stretches(tmp_path) == []
    assert told == ["nothing to record for t: its samples were lost"]


def test_a_trigger_before_the_first_and_after_the_last_sample(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(5, 5))
    ring.trigger("early")
    ring.take(block(10, 30))
    ring.trigger("late")
    ring.close()
    ring.close()
    ring.take(block(40, 10))
    assert stretches(tmp_path) == [(10, 15), (35, 40)]
    notes = [a["core:label"] for _, d in documents(tmp_path) for a in d["annotations"]]
    assert sorted(notes) == ["early", "late"]


@dataclass(frozen=True)
class Step:
    """One thing that happens: a block after a loss, or a trigger."""

    count: int = 0
    lost: int = 0
    trigger: bool = False
    told: bool = False


STEPS = st.lists(
    st.one_of(
        st.builds(
            Step, st.integers(0, 60), st.sampled_from([0, 0, 0, 1, 7, 40]), told=st.booleans()
        ),
        st.just(Step(trigger=True)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, 50), st.integers(0, 50), st.sampled_from([20, 75, 10**6]))
def test_files_hold_exactly_what_they_should(
    steps: list[Step], pre: int, post: int, longest: int
) -> None:
    received: list[tuple[int, int]] = []
    wanted: list[list[int]] = []
    early = False
    with tempfile.TemporaryDirectory() as name:
        ring = RingRecorder(Path(name), limits(pre, post, longest))
        position = 0
        for number, step in enumerate(steps):
            if step.trigger:
                ring.trigger("t")
                if not received:
                    early = True
                else:
                    wanted.append([received[-1][1] - pre, received[-1][1] + max(post, 1)])
                continue
            first = position + step.lost
            position = first + step.count
            notices = (Notice("n", str(number)),) if step.told else ()
            ring.take(block(first, step.count, step.lost, notices))
            if step.count:
                if early and not received:
                    wanted.append([first, first + max(post, 1)])
                received.append((first, position))
        ring.close()
        recorded = stretches(Path(name))
    asked: set[int] = set()
    for start, stop in wanted:
        asked |= set(range(max(start, 0), stop))
    expected = sorted(asked & {n for start, stop in received for n in range(start, stop)})
    assert [n for start, stop in joined(recorded) for n in range(start, stop)] == expected


def test_a_ring_that_does_not_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, replace(limits(2000, 0), memory_bytes=3000))
    told = r"2 s before .* 1000 samples a second of 2 bytes, are 4000 bytes .* 3000; at most 1\.5 s"
    with pytest.raises(ConfigError, match=told):
        ring.take(block(0, 10))


def test_a_higher_rate_later_shortens_the_ring(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, replace(limits(1000, 1), memory_bytes=2000))
    ring.take(block(0, 100))
    fast = StreamInfo("dev", 10 * RATE, 14.2e9)
    for first in range(100, 5100, 100):
        ring.take(replace(block(first, 100), info=fast))
    ring.trigger("t")
    ring.close()
    assert joined(stretches(tmp_path)) == [(4100, 5100)]


def test_memory_stays_flat(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(10_000, 10))
    tracemalloc.start()
    peaks = []
    for first in range(0, 60_000, 500):
        ring.take(replace(block(0, 500), first_sample=first, lost_before=0))
        for _ in range(30):
            ring.take(block(first + 500, 0, notices=(Notice("n", "x"),)))
        peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    ring.close()
    assert max(peaks[60:]) < 1.2 * max(peaks[30:60])
    assert list(tmp_path.iterdir()) == []


def test_a_quota_counts_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "old.sigmf-data").write_bytes(bytes(1000))
    ring = RingRecorder(tmp_path, limits(0, 1000, quota=1100))
    ring.trigger("t")
    with pytest.raises(SinkError, match=r"quota of 100 bytes .* 50 samples"):
        ring.take(block(0, 200))
    ring.take(block(200, 200))
    ring.trigger("t")
    ring.close()
    assert stretches(tmp_path) == [(0, 50)]
    with pytest.raises(SinkError, match=r"of the 1100 allowed; move some elsewhere"):
        RingRecorder(tmp_path, limits(0, 10, quota=1100))


def test_the_same_name_is_not_taken_twice(tmp_path: Path) -> None:
    for _ in range(2):
        ring = RingRecorder(tmp_path, limits(0, 10))
        ring.trigger("t")
        ring.take(block(0, 20))
        ring.close()
    names = sorted(path.name for path in tmp_path.glob("*-meta"))
    assert names == [
        "2023-11-14T221320.000Z-0-0001.sigmf-meta",
        "2023-11-14T221320.000Z-0.sigmf-meta",
    ]


def test_triggers_from_another_thread(tmp_path: Path) -> None:
    ring = RingRecorder(tmp_path, limits(50, 50))
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            ring.trigger("t")

    thread = threading.Thread(target=ask)
    thread.start()
    for first in range(0, 30_000, 10):
        ring.take(block(first, 10))
    done.set()
    thread.join()
    ring.close()
    found = joined(stretches(tmp_path))
    assert found
    assert all(stop - start >= 50 or stop == 30_000 for start, stop in found)
