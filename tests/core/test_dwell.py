"""Blocks become dwells on an absolute grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.dsp.dwell import DwellBuffer, missing_cells
from sdr_detect.dsp.layout import Layout, make_layout
from sdr_detect.model import ComplexArray, IQBlock, StreamInfo
from sdr_detect.rawblock import Block, stored
from sdr_detect.settings import FrameSettings

REPEATABLE = settings(max_examples=80, deadline=None, derandomize=True)

#: 8 kHz: the smallest dwell there is.
INFO = StreamInfo("test", 8e3)
LAYOUT: Layout = make_layout(INFO, FrameSettings())
STEP = LAYOUT.dwell_samples
SIZE = STEP + LAYOUT.lookahead

Taken = list[tuple[int, ComplexArray, list[bool]]]


def taken(blocks: Sequence[Block]) -> Taken:
    """What the buffer yields: start, samples and which of them are missing."""
    buffer = DwellBuffer(LAYOUT)
    out: Taken = []
    for raw in itertools.chain(
        itertools.chain.from_iterable(map(buffer.push, blocks)), buffer.flush()
    ):
        missing = np.zeros(SIZE, bool)
        for start, stop in raw.missing:
            assert 0 <= start < stop <= SIZE
            missing[start:stop] = True
        out.append((raw.first_sample, raw.iq.copy(), missing.tolist()))
    return out


def naive(blocks: list[IQBlock]) -> Taken:
    """The same from one long array of the whole stream."""
    total = max((b.stop_sample for b in blocks), default=0)
    stream = np.zeros(total + 2 * SIZE, np.complex64)
    real = np.zeros(stream.size, bool)
    for block in blocks:
        stream[block.first_sample : block.stop_sample] = block.samples
        real[block.first_sample : block.stop_sample] = True
    return [
        (base, stream[base : base + SIZE], (~real[base : base + SIZE]).tolist())
        for base in range(0, total, STEP)
        if real[base : base + SIZE].any() and base < total
    ]


@st.composite
def block_lists(draw: st.DrawFn) -> list[IQBlock]:
    """Blocks of any length with gaps of any length between them."""
    at = draw(st.sampled_from([0, 1, STEP - 1, STEP, 5 * STEP + 3]))
    blocks = []
    for _ in range(draw(st.integers(0, 6))):
        lost = draw(st.sampled_from([0, 0, 1, 40, LAYOUT.lookahead, STEP, 3 * STEP + 7]))
        at += lost
        size = draw(st.integers(0, 2 * STEP))
        samples = np.arange(1 + at, 1 + at + size).astype(np.complex64)
        blocks.append(IQBlock(INFO, at, samples, lost))
        at += size
    return blocks


@REPEATABLE
@given(blocks=block_lists())
def test_dwells_hold_what_arrived_and_say_what_did_not(blocks: list[IQBlock]) -> None:
    got, expected = taken(blocks), naive(blocks)
    # A dwell without a sample of its own, only with lookahead, may be left out.
    own = [entry for entry in expected if not all(entry[2][:STEP])]
    got = [entry for entry in got if not all(entry[2][:STEP])]
    assert [entry[0] for entry in got] == [entry[0] for entry in own]
    for (_, samples, missing), (_, want, lost) in zip(got, own, strict=True):
        assert np.array_equal(samples, want)
        assert missing == lost


@REPEATABLE
@given(blocks=block_lists())
def test_stored_blocks_are_decoded_on_the_way(blocks: list[IQBlock]) -> None:
    turned = [replace(block, samples=block.samples * np.complex64(1j)) for block in blocks]
    mirrored = [replace(stored(block), mirrored=True) for block in turned]
    for got, want in zip(taken(mirrored), taken(turned), strict=True):
        assert got[0] == want[0]
        assert np.array_equal(got[1], want[1].conj())
        assert got[2] == want[2]


@REPEATABLE
@given(blocks=block_lists())
def test_every_dwell_starts_on_the_grid_and_only_once(blocks: list[IQBlock]) -> None:
    starts = [entry[0] for entry in taken(blocks)]
    assert all(start % STEP == 0 for start in starts)
    assert starts == sorted(set(starts))


def test_a_gap_of_a_year_costs_nothing() -> None:
    late = 365 * 86400 * 8000
    samples = np.ones(10, np.complex64)
    got = taken([IQBlock(INFO, 0, samples), IQBlock(INFO, late, samples, late - 10)])
    assert [entry[0] for entry in got] == [0, late // STEP * STEP]


def test_nothing_comes_of_nothing() -> None:
    assert taken([]) == []
    assert taken([IQBlock(INFO, 70, np.zeros(0, np.complex64))]) == []


def test_blocks_must_not_overlap_or_step_back() -> None:
    buffer = DwellBuffer(LAYOUT)
    samples = np.ones(100, np.complex64)
    list(buffer.push(IQBlock(INFO, 50, samples)))
    with pytest.raises(ValueError, match="before 150"):
        list(buffer.push(IQBlock(INFO, 149, samples)))


def test_a_dwell_is_complete_as_soon_as_its_lookahead_is() -> None:
    buffer = DwellBuffer(LAYOUT)
    assert list(buffer.push(IQBlock(INFO, 0, np.ones(SIZE - 1, np.complex64)))) == []
    assert len(list(buffer.push(IQBlock(INFO, SIZE - 1, np.ones(1, np.complex64))))) == 1


@REPEATABLE
@given(data=st.data(), cell=st.integers(1, 7))
def test_missing_cells(data: st.DataObject, cell: int) -> None:
    total = cell * data.draw(st.integers(1, 30))
    spans = data.draw(
        st.lists(
            st.tuples(st.integers(0, total - 1), st.integers(1, 20)).map(
                lambda p: (p[0], min(total, p[0] + p[1]))
            ),
            max_size=4,
        )
    )
    lost = np.zeros(total, bool)
    for start, stop in spans:
        lost[start:stop] = True
    expected = lost.reshape(-1, cell).any(axis=1)
    assert np.array_equal(missing_cells(tuple(spans), cell, total // cell), expected)
