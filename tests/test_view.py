"""Views of a watch as messages: they come back as they were, and damage is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import view
from sdr_detect.catalog import profiles
from sdr_detect.errors import ConfigError, FormatError, SinkError
from sdr_detect.events import BurstEvent, Incident
from sdr_detect.model import Burst, Detection, IQBlock, Notice, Span, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.sinks.view_pub import ViewPublisher
from sdr_detect.sinks.view_rows import RowMeter, bins_for, threshold_db
from tests import view_messages as made

BODIES = [
    made.row(3, carrier=100),
    made.state(),
    made.state(verdict=made.verdict("detected"), final=True),
    made.finds((100, 2000), (40_000, 42_000)),
    view.End(cause="the receiver was lost"),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_what_is_sent_comes_back(body: view.Body) -> None:
    message = view.decode(view.encode(body, made.stamp(7)))
    assert message.stamp == made.stamp(7)
    if not isinstance(body, view.Row):
        assert message.body == body
        return
    assert isinstance(message.body, view.Row)
    assert message.body.head == body.head
    for name in ("peak", "mean", "floor"):
        np.testing.assert_array_equal(getattr(message.body, name), getattr(body, name))


@given(st.data())
def test_damage_is_an_error_of_ours(data: st.DataObject) -> None:
    head, payload = view.encode(data.draw(st.sampled_from(BODIES)), made.stamp(0))
    place = data.draw(st.integers(0, len(head) - 1))
    damaged = bytearray(head)
    damaged[place] = data.draw(st.integers(0, 255))
    cut = payload[: data.draw(st.integers(0, len(payload)))]
    try:
        message = view.decode([bytes(damaged), cut])
    except FormatError:
        return
    assert len(cut) == len(payload)
    assert isinstance(message.stamp.seq, int)


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_anything_else_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(FormatError):
        view.decode(parts)


def changed(**fields: Any) -> list[bytes]:
    head, payload = view.encode(made.row(), made.stamp(0))
    document = json.loads(head[len(view.TOPIC) :])
    document["row"].update(fields)
    return [view.TOPIC + json.dumps(document).encode(), payload]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bins": 1 << 20}, "bins"),
        ({"bins": 511}, "do not hold"),
        ({"frames": 0}, "frames"),
        ({"stop_sample": 0}, "is empty"),
        ({"colour": "red"}, "colour"),
        ({"has_floor": 1}, "has_floor"),
        ({"rbw_hz": "7"}, "rbw_hz"),
    ],
)
def test_each_field_is_checked(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        view.decode(changed(**fields))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_power_is_a_power(value: float) -> None:
    row = made.row()
    row.peak[5] = value
    with pytest.raises(FormatError, match="negative or not finite"):
        view.decode(view.encode(row, made.stamp(0)))


def test_samples_are_told_from_views() -> None:
    with pytest.raises(FormatError, match="--publish-view"):
        view.decode([b"iq/rtl {}", b""])


def test_a_row_of_wrong_length_is_not_sent() -> None:
    row = made.row()
    wrong = view.Row(row.head, row.peak[:-1], row.mean, row.floor)
    with pytest.raises(ValueError, match="512 bins"):
        view.encode(wrong, made.stamp(0))


# Spectra of every frame


def noise(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.complex64]]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(2 * count, np.float32) * np.float32(0.05)).view(np.complex64)


INFO = StreamInfo("test", 2.4e6, 14.2225e9, start_ns=made.START_NS, clip_level=0.99)


def test_a_burst_of_54_us_shows_wherever_it_falls() -> None:
    """Half overlapped frames: its peak falls by less than 6 dB between two of them."""
    bins, length = bins_for(INFO.sample_rate_hz), 129
    peaks = []
    for shift in range(0, bins, 32):
        meter = RowMeter(INFO)
        samples = np.zeros(1 << 15, np.complex64)
        start = 8192 + shift
        tone = np.exp(2j * np.pi * 0.125 * np.arange(length)).astype(np.complex64)
        samples[start : start + length] = tone
        meter.take(IQBlock(INFO, 0, samples))
        pooled = meter.row()
        assert pooled is not None
        assert int(pooled.peak.argmax()) == bins // 2 + bins // 8
        peaks.append(float(pooled.peak.max()))
    assert 10 * np.log10(max(peaks) / min(peaks)) < 6


def test_rows_do_not_depend_on_how_the_stream_was_cut() -> None:
    samples = noise(200_000)
    whole, cut = RowMeter(INFO), RowMeter(INFO)
    whole.take(IQBlock(INFO, 0, samples.copy()))
    for start in range(0, len(samples), 7_001):
        cut.take(IQBlock(INFO, start, samples[start : start + 7_001].copy()))
    first, second = whole.row(), cut.row()
    assert first is not None
    assert second is not None
    assert (first.frames, first.stop_sample) == (second.frames, second.stop_sample)
    np.testing.assert_array_equal(first.peak, second.peak)
    np.testing.assert_allclose(first.mean, second.mean, rtol=1e-5)
    assert whole.row() is None


def test_levels_are_those_of_full_scale_tones_and_of_noise() -> None:
    meter = RowMeter(INFO)
    tone = np.exp(2j * np.pi * 0.25 * np.arange(100_000)).astype(np.complex64)
    meter.take(IQBlock(INFO, 0, tone))
    pooled = meter.row()
    assert pooled is not None
    assert pooled.peak.max() == pytest.approx(1.0, rel=1e-4)
    meter = RowMeter(INFO)
    meter.take(IQBlock(INFO, 0, noise(400_000)))
    pooled = meter.row()
    assert pooled is not None
    reference = meter.reference(np.full(128, 2 * 0.05**2, np.float32))
    np.testing.assert_allclose(pooled.mean, reference, rtol=0.2)
    assert pooled.mean.mean() == pytest.approx(float(reference.mean()), rel=0.02)


def test_noise_alone_crosses_the_threshold_once_in_a_thousand_rows() -> None:
    rng = np.random.default_rng(5)
    frames, bins, rows = 20, 64, 4000
    limit = 10 ** (threshold_db(frames, bins) / 10)
    largest = rng.exponential(size=(rows, frames * bins)).max(axis=1)
    assert 0 <= np.count_nonzero(largest > limit) <= 12
    assert np.count_nonzero(largest > limit / 10**0.15) > 12


def test_a_sample_that_is_no_number_spoils_its_frames_only() -> None:
    meter = RowMeter(INFO)
    samples = noise(50_000)
    samples[20_000] = np.nan
    meter.take(IQBlock(INFO, 0, samples))
    pooled = meter.row()
    assert pooled is not None
    assert np.isfinite(pooled.peak).all()
    assert pooled.mean.mean() == pytest.approx(2 * 0.05**2 * meter.noise_gain, rel=0.1)


# The publisher


class Listener:
    """A subscriber in this process."""

    def __init__(self, endpoint: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(endpoint)

    def until(self, kind: type[Any], limit_ms: int = 10_000) -> list[view.Message]:
        """Messages up to the first of a kind."""
        got = []
        while True:
            assert self.socket.poll(limit_ms), f"no {kind.__name__} among {got}"
            got.append(view.decode(self.socket.recv_multipart()))
            if isinstance(got[-1].body, kind):
                return got

    def close(self) -> None:
        self.socket.close(linger=0)
        self.context.term()


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[ViewPublisher, Listener]]:
    pipeline = Pipeline(profiles())
    publisher = ViewPublisher(f"ipc://{tmp_path}/view", pipeline.snapshot)
    listener = Listener(publisher.endpoint)
    block = IQBlock(INFO, 0, noise(100_000))
    joined = threading.Event()
    for _ in range(200):  # a subscriber needs a moment to be known
        publisher.take(block)
        if listener.socket.poll(20):
            joined.set()
            break
    assert joined.is_set()
    yield publisher, listener
    listener.close()
    publisher.close()


def test_a_watch_is_shown(shown: tuple[ViewPublisher, Listener]) -> None:
    publisher, listener = shown
    for k in range(1, 8):
        publisher.take(IQBlock(INFO, 100_000 * k, noise(100_000, k)))
    region = Detection(Span(5, 2000), 14.2220e9, 14.2229e9, 9.0, 1e-9)
    publisher.write(BurstEvent(Burst(region, -40.0), INFO))
    publisher.write(Incident("health", Span(0, 5), "source_back", "after 2 s"))
    gone = Notice("source_lost", "unplugged")
    publisher.take(IQBlock(INFO, 800_000, noise(0), notices=(gone,)))
    publisher.write(Pipeline(profiles()).finish()[-1])
    got = listener.until(view.Finds) + listener.until(view.State)
    while not (isinstance(got[-1].body, view.State) and got[-1].body.final):
        got += listener.until(view.State)
    rows = [m.body for m in got if isinstance(m.body, view.Row)]
    assert rows
    lengths = [r.head.stop_sample - r.head.first_sample for r in rows]
    assert min(lengths[:-1]) >= 79_000  # the last one ends with the watch
    finds = next(m.body for m in got if isinstance(m.body, view.Finds))
    assert [b.start_sample for b in finds.bursts] == [5]
    assert [n.reason for n in finds.notes] == ["source_back"]
    last = got[-1].body
    assert isinstance(last, view.State)
    assert last.health.lost_reason == "unplugged"
    assert [m.stamp.seq for m in got] == sorted({m.stamp.seq for m in got})
    publisher.close()
    assert isinstance(listener.until(view.End)[-1].body, view.End)


def test_many_bursts_leave_the_strongest(shown: tuple[ViewPublisher, Listener]) -> None:
    publisher, listener = shown
    for k in range(3000):
        region = Detection(Span(10 * k, 10 * k + 5), 14.2220e9, 14.2229e9, k / 100, 1e-9)
        publisher.write(BurstEvent(Burst(region, -40.0), INFO))
    publisher.take(IQBlock(INFO, 100_000, noise(100_000)))
    finds = listener.until(view.Finds)[-1].body
    assert isinstance(finds, view.Finds)
    assert len(finds.bursts) == view.MAX_BURSTS
    assert len(finds.bursts) + finds.bursts_left_out == 3000
    assert min(b.snr_db or 0 for b in finds.bursts) > 27
    starts = [b.start_sample for b in finds.bursts]
    assert starts == sorted(starts)


def test_nobody_beyond_this_machine_looks_on_without_keys(tmp_path: Path) -> None:
    snapshot = Pipeline(profiles()).snapshot
    with pytest.raises(ConfigError, match="keys"):
        ViewPublisher("tcp://0.0.0.0:5999", snapshot)
    with pytest.raises(SinkError, match="choose another endpoint"):
        ViewPublisher(f"ipc://{tmp_path}/none/view", snapshot)
