"""Real recordings by others: the evidence names the type their makers state."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.evidence import examine
from sdr_detect.formats.find import open_recording
from sdr_detect.formats.store import FileRange
from sdr_detect.formats.weigh import FIT, UNFIT, weigh_range

#: pattern -> the type its maker states.
FILES = {
    "dump1090/modes1.bin": "cu8",
    "lte/f826_*_rtlsdr.bin": "cu8",
    "lte/f1890_*_rtlsdr.bin": "cu8",
    "ism/g001_*.cu8": "cu8",
    "lte/f1815.3_*_hackrf.bin": "cs8",
    "lte/f1815.3_*_hackrf-1.bin": "cs8",
    "lte/f2360_*_hackrf_home.bin": "cs8",
    "SatelliteQPSK/small_sample_256k.bin": "cs16",
    "openofdm/conducted__dot11a_*.dat": "cs16",
    "openofdm/conducted__dot11n_*.dat": "cs16",
    "ism/enocean.complex": "cf32",
    "ism/tpms_*.cf32": "cf32",
}


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


@pytest.mark.parametrize("pattern", FILES)
def test_evidence_ranks_the_true_type_first(shared_recordings: Path, pattern: str) -> None:
    first, second, *_ = weigh_range(FileRange(only(shared_recordings, pattern)))
    assert first.datatype == FILES[pattern]
    assert first.weight >= FIT
    assert second.weight < UNFIT


@pytest.mark.parametrize("pattern", FILES)
def test_true_type_is_not_suspected_and_a_wrong_one_is(
    shared_recordings: Path, pattern: str
) -> None:
    path, truth = only(shared_recordings, pattern), FILES[pattern]
    for stated in ("cu8", "cs8", "cs16", "cf32"):
        with open_recording(path, RawSpec(stated, 1e6)) as recording:
            suspicions = examine(recording).suspicions
        suspected = any("but the bytes look like" in text for text in suspicions)
        assert suspected == (stated != truth), (stated, suspicions)


@pytest.mark.parametrize("pattern", FILES)
def test_nothing_is_guessed(shared_recordings: Path, pattern: str) -> None:
    with pytest.raises(FormatError, match="a name is no evidence; give --format TYPE --rate HZ"):
        open_recording(only(shared_recordings, pattern))


def test_sound_is_refused(shared_recordings: Path) -> None:
    with pytest.raises(UnsupportedError, match="one channel: sound, or real samples, not IQ"):
        open_recording(shared_recordings / "satellite-recordings" / "ao73.wav")


def test_evidence_of_a_weak_recording(shared_recordings: Path) -> None:
    """The maker's index states an rms of about 2.6 LSB."""
    path = only(shared_recordings, "lte/f1890_*_rtlsdr.bin")
    with open_recording(path, RawSpec("cu8", 1.92e6)) as recording:
        got = examine(recording)
    assert got.rms_dbfs is not None
    assert 128 * 10 ** (got.rms_dbfs / 20) == pytest.approx(2.6, abs=0.15)
    assert got.clipped_fraction == 0
