"""Blocks in the bytes they came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.datatype import Datatype, parse_datatype
from sdr_detect.model import IQBlock, Notice, StreamInfo
from sdr_detect.rawblock import RawBlock, decoded, stored

INFO = StreamInfo("dev", 1e6, 14.2e9)
CU8 = parse_datatype("cu8")
TOLD = (Notice("source_lost", "unplugged"),)


@given(st.binary(max_size=64), st.sampled_from(["cu8", "cs8", "cs16", "cf32"]), st.booleans())
def test_decoding_keeps_place_loss_and_notices(raw: bytes, name: str, mirrored: bool) -> None:
    datatype = parse_datatype(name)
    whole = len(raw) // datatype.sample_bytes * datatype.sample_bytes
    codes = np.frombuffer(raw[:whole], np.uint8)
    block = RawBlock(INFO, 9, codes, datatype, 3, TOLD, mirrored)
    read = decoded(block)
    assert (read.first_sample, read.lost_before, read.notices) == (9, 3, TOLD)
    assert read.stop_sample == block.stop_sample == 9 + read.sample_count
    assert block.sample_count == whole // datatype.sample_bytes
    upright = decoded(RawBlock(INFO, 9, codes, datatype))
    expected = upright.samples.conj() if mirrored else upright.samples
    np.testing.assert_array_equal(read.samples, expected)


def test_codes_of_a_mirrored_block() -> None:
    block = RawBlock(INFO, 0, np.array([255, 0], np.uint8), CU8, mirrored=True)
    assert block.decode().samples.tolist() == [127.5 / 128 * (1 + 1j)]


def test_a_block_of_floats_is_stored_without_a_copy() -> None:
    samples = np.arange(5).astype(np.complex64)
    block = IQBlock(INFO, 4, samples, 1, TOLD)
    kept = stored(block)
    assert np.shares_memory(kept.raw, samples)
    assert (kept.lost_before, kept.notices, kept.datatype) == (1, TOLD, Datatype("f", 32))
    assert stored(kept) is kept
    assert decoded(block) is block
    np.testing.assert_array_equal(kept.decode().samples, samples)


@pytest.mark.parametrize(
    ("raw", "lost", "match"),
    [
        (np.zeros(3, np.uint8), 0, "2 bytes each"),
        (np.zeros((2, 2), np.uint8), 0, "2 bytes each"),
        (np.zeros(2, np.int8), 0, "2 bytes each"),
        (np.zeros(2, np.uint8), 8, "more than all"),
        (np.zeros(2, np.uint8), -1, "negative"),
    ],
)
def test_impossible_blocks(raw: np.ndarray, lost: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RawBlock(INFO, 7, raw, CU8, lost)
