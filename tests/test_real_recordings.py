"""Real recordings by others, through the pipeline: what a correct tool says of each.

None of them holds a satellite user terminal, so that none may ever be `detected`,
whatever frequency and converter the user states. Expected figures are those of
the recordings' own index.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

from sdr_detect.analysis import Analysis, analyze_recording
from sdr_detect.catalog import converter, profiles
from sdr_detect.errors import UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Track
from sdr_detect.plan import FrequencyPlan
from sdr_detect.settings import Settings


@dataclass(frozen=True)
class File:
    """What the index states about a file."""

    pattern: str
    datatype: str
    rate_hz: float
    center_hz: float


FILES = {
    "modes": File("dump1090/modes1.bin", "cu8", 2e6, 1090e6),
    "qpsk": File("SatelliteQPSK/small_sample_256k.bin", "cs16", 500e6, 1200e6),
    # The index names no channel; the rate is all that matters to their lags.
    "wifi_a": File("openofdm/conducted__dot11a_*.dat", "cs16", 20e6, 2412e6),
    "wifi_n": File("openofdm/conducted__dot11n_*.dat", "cs16", 20e6, 2412e6),
    "lte_0": File("lte/f1815.3_*_hackrf.bin", "cs8", 19.2e6, 1815.3e6),
    "lte_1": File("lte/f1815.3_*_hackrf-1.bin", "cs8", 19.2e6, 1815.3e6),
    "lte_tdd": File("lte/f1890_*_rtlsdr.bin", "cu8", 1.92e6, 1890e6),
    "noise": File("lte/f826_*_rtlsdr.bin", "cu8", 1.92e6, 826e6),
    "tone": File("lte/f2360_*_hackrf_home.bin", "cs8", 19.2e6, 2360e6),
    "ook": File("ism/g001_*.cu8", "cu8", 250e3, 433.92e6),
    # Its rate is unknown: 1 Msps is assumed, sample positions do not depend on it.
    "enocean": File("ism/enocean.complex", "cf32", 1e6, 868.3e6),
    "tpms": File("ism/tpms_*.cf32", "cf32", 1e6, 315e6),
}

WAYS = ("as it is", "as 14.25 GHz", "ku-12.80", "ku-13.05")


def spec_of(file: File, way: str) -> RawSpec:
    if way == "as it is":
        return RawSpec(file.datatype, file.rate_hz, rf_hz=file.center_hz)
    if way == "as 14.25 GHz":
        return RawSpec(file.datatype, file.rate_hz, rf_hz=14.25e9)
    plan = FrequencyPlan(converter(way))
    return RawSpec(file.datatype, file.rate_hz, if_hz=file.center_hz, plan=plan)


def analysis_of(folder: Path, name: str, way: str = WAYS[0]) -> Analysis:
    return _analysis(folder, name, way)


@functools.cache
def _analysis(folder: Path, name: str, way: str) -> Analysis:
    (path,) = folder.glob(FILES[name].pattern)
    with open_recording(path, spec_of(FILES[name], way)) as recording:
        return analyze_recording(recording, settings=Settings(), profiles=profiles())


def tracks_of(folder: Path, name: str) -> list[Track]:
    return [event.track for event in analysis_of(folder, name).found.tracks]


def lags_of(folder: Path, name: str) -> list[float]:
    return [
        peak["lag_s"]
        for track in tracks_of(folder, name)
        for key, peaks in track.features.items()
        if key.endswith("_lags")
        for peak in peaks
    ]


def matches_of(folder: Path, name: str) -> list[str]:
    """The profiles that come first, of the tracks that agree well with one."""
    firsts = [track.matches[0] for track in tracks_of(folder, name) if track.matches]
    return [match.profile for match in firsts if match.score > 0.9]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FILES)
def test_never_a_terminal(shared_recordings: Path, name: str, way: str) -> None:
    verdict = analysis_of(shared_recordings, name, way).verdict
    assert verdict.verdict != "detected", verdict.reasons
    assert verdict.system is None


@pytest.mark.parametrize("name", FILES)
def test_outside_every_uplink_band_nothing_is_excluded(shared_recordings: Path, name: str) -> None:
    verdict = analysis_of(shared_recordings, name).verdict
    assert verdict.verdict == "inconclusive"
    assert verdict.poi == 0
    assert any("covers no band" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("name", ["lte_0", "lte_1", "lte_tdd"])
def test_lte_shows_its_useful_symbol(shared_recordings: Path, name: str) -> None:
    got = min(lags_of(shared_recordings, name), key=lambda lag_s: abs(lag_s - 66.667e-6))
    assert got == pytest.approx(1e-3 / 15, abs=0.02e-6)
    assert "lte" in matches_of(shared_recordings, name)


@pytest.mark.parametrize("name", ["lte_0", "lte_tdd"])
def test_lte_repeats_its_synchronisation(shared_recordings: Path, name: str) -> None:
    periods = [t.burst_period_s for t in tracks_of(shared_recordings, name) if t.burst_period_s]
    assert any(period == pytest.approx(5e-3, abs=2e-6) for period in periods), periods


@pytest.mark.parametrize("name", ["wifi_a", "wifi_n"])
def test_wifi_shows_its_useful_symbol(shared_recordings: Path, name: str) -> None:
    got = min(lags_of(shared_recordings, name), key=lambda lag_s: abs(lag_s - 3.2e-6))
    assert got == pytest.approx(64 / 20e6, abs=3e-9)
    assert set(matches_of(shared_recordings, name)) == {"wifi"}


def test_qpsk_downlink(shared_recordings: Path) -> None:
    """The index gives 69-70 MHz at -3 dB; the tool measures 71.2 MHz."""
    (track,) = tracks_of(shared_recordings, "qpsk")
    assert track.kind == "carrier"
    assert track.features["symbol_rate_hz"] == pytest.approx(75e6, rel=5e-4)
    assert 69e6 <= track.features["bandwidth_3db_hz"] <= 76e6
    assert analysis_of(shared_recordings, "qpsk").found.burst_count == 0


def test_one_tone_without_doppler(shared_recordings: Path) -> None:
    tracks = tracks_of(shared_recordings, "tone")
    (tone,) = [track for track in tracks if track.kind == "tone"]
    assert tone.features["center_hz"] == pytest.approx(2360e6 + 9.2e6, abs=3e3)
    rate, sigma = tone.doppler_rate_hz_per_s, tone.features["doppler_rate_sigma_hz_per_s"]
    assert rate is None or abs(rate) < 4 * sigma
    assert not [track for track in tracks if track.kind in ("burst", "carrier")]


def test_noise_holds_nothing(shared_recordings: Path) -> None:
    found = analysis_of(shared_recordings, "noise").found
    assert not found.tracks
    assert found.burst_count == 0


def test_aircraft_transponders(shared_recordings: Path) -> None:
    """The channel is so busy that many of the 216 frames whose checksum holds
    merge or stay below a reference that is never quiet."""
    assert analysis_of(shared_recordings, "modes").found.burst_count >= 60


def test_on_off_keyed_messages(shared_recordings: Path) -> None:
    """Eight messages at least in part; the first one is found in two pieces."""
    found = analysis_of(shared_recordings, "ook").found
    messages = [e.burst for e in found.bursts if e.burst.features["duration_s"] > 20e-3]
    assert len(messages) in (7, 8)
    durations = sorted(burst.features["duration_s"] for burst in messages)
    assert durations[len(durations) // 2] == pytest.approx(35e-3, abs=1e-3)
    for burst in messages:  # to the width of a bin
        assert burst.features["peak_hz"] - 433.92e6 == pytest.approx(-107e3, abs=4e3)
    periods = [t.burst_period_s for t in tracks_of(shared_recordings, "ook") if t.burst_period_s]
    assert any(period == pytest.approx(113.2e-3, abs=0.1e-3) for period in periods), periods


def test_enocean_messages(shared_recordings: Path) -> None:
    """Truth by the recording's makers, to 130 samples."""
    bursts = [e.burst.span for e in analysis_of(shared_recordings, "enocean").found.bursts]
    truth = [(2107, 5432), (20428, 23758), (44216, 47546)]
    assert len(bursts) == len(truth)
    for span, (start, stop) in zip(bursts, truth, strict=True):
        assert abs(span.start_sample - start) <= 130
        assert abs(span.stop_sample - stop) <= 130


def test_tyre_sensor(shared_recordings: Path) -> None:
    """The index's end, 35905, is where the level begins to fall: it decays for
    600 samples more, during which the detector still sees it."""
    (event,) = analysis_of(shared_recordings, "tpms").found.bursts
    assert abs(event.burst.span.start_sample - 17346) <= 150
    assert abs(event.burst.span.stop_sample - 35905) <= 400


def test_sound_is_refused(shared_recordings: Path) -> None:
    with pytest.raises(UnsupportedError, match="one channel: sound"):
        open_recording(shared_recordings / "satellite-recordings" / "ao73.wav")
