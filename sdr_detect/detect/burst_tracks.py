"""Detector: bursts in time, gathered to tracks."""

from __future__ import annotations

from collections import deque

import numpy as np

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.burst import BurstDetector, Sighting
from sdr_detect.detect.energy import UNSTEADY, Exceedances
from sdr_detect.detect.measuring import (
    Features,
    measured,
    ofdm_features,
    public_features,
    stated_pfa,
)
from sdr_detect.detect.track import BurstTrack, Tracker, chance_of
from sdr_detect.dsp.fold import FRAME_RATE_HZ
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.grid import common_period_s, grid_period, grid_test
from sdr_detect.model import Burst, Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: First: it renews the noise reference and marks the active frames.
ORDER = 10

#: Bursts that must reach the slice's edge, as a share, to call the band cut off.
EDGE_SHARE = 0.5

#: A burst of no more bins than the first looks wider than it is by up to the second:
#: the window's main lobe, and where among the bins it lies.
UNRESOLVED_BINS = 5
WINDOW_BINS = 3

#: Dwells with an unsteady noise level, as a share, that are worth a word.
UNSTEADY_SHARE = 0.2


class BurstTracks:
    """Bursts of a stream and the tracks they form."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        settings = setup.settings
        self._bursts = BurstDetector(
            setup.layout, settings.burst, setup.meter, settings.lag.bursts_per_dwell
        )
        self._tracker = Tracker(setup.layout, settings.tracks, setup.meter, setup.ids)
        self._prepared: deque[Exceedances] = deque()
        self._frames = 0
        self._dwells = 0
        self._unsteady = 0

    def prepare(self, dwell: Dwell) -> None:
        """Renew the dwell's noise reference and mark its active frames."""
        self._prepared.append(self._bursts.mark(dwell))

    def update(self, dwell: Dwell) -> list[Burst]:
        """Find the dwell's bursts."""
        found = self._prepared.popleft()
        sightings = self._bursts.update(dwell, found)
        self._frames += dwell.analysed_frames
        self._dwells += 1
        self._unsteady += found.unsteadiness > UNSTEADY
        return self._gather(sightings)

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Bursts still open at the end."""
        return self._gather(self._bursts.finish(self._setup.info))

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """Tracks of bursts."""
        return [self._measure(track) for track in self._tracker.tracks]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """Tracks whose last burst is too long ago to go on."""
        return [self._measure(track) for track in self._tracker.retire(before_sample)]

    def notes(self) -> list[Note]:
        """Unsteady noise and caps."""
        notes = []
        if self._unsteady > UNSTEADY_SHARE * max(1, self._dwells):
            notes.append(
                Note(
                    "unsteady_noise",
                    f"in {self._unsteady} of {self._dwells} dwells the level fluctuates more "
                    "than receiver noise does; thresholds were raised accordingly",
                )
            )
        if self._bursts.dropped:
            notes.append(Note("bursts_capped", f"{self._bursts.dropped} beyond the cap per dwell"))
        if self._tracker.overflow:
            notes.append(
                Note("tracks_capped", f"{self._tracker.overflow} bursts beyond the track cap")
            )
        return notes

    def _gather(self, sightings: list[Sighting]) -> list[Burst]:
        for sighting in sightings:
            self._tracker.add(sighting)
        self._tracker.close_dwell()
        return [sighting.burst for sighting in sightings]

    def _measure(self, track: BurstTrack) -> tuple[Track, Measured]:
        setup = self._setup
        rate = setup.info.sample_rate_hz
        starts_s = tuple(s / rate for s in track.starts)
        cut_off = track.fills_slice or track.edge_count > EDGE_SHARE * track.count
        duty = track.on_samples / track.span.sample_count if track.count > 2 else None
        period_s = common_period_s(starts_s, setup.layout.fine / rate)
        width_hz, bin_hz = track.upper_hz - track.lower_hz, setup.layout.bin_hz
        resolved = width_hz > (UNRESOLVED_BINS + 0.5) * bin_hz
        features: Features = {
            "burst_duration_min_s": min(track.durations_s),
            "burst_duration_median_s": float(np.median(track.durations_s)),
            "burst_duration_max_s": max(track.durations_s),
            "pulse_width_s": float(np.median(track.widths_s)),
            "duty_cycle": duty,
            "burst_period_s": period_s,
            **_frame_period(starts_s, 1 / rate),
            "bandwidth_hz": None if cut_off else width_hz,
            "bandwidth_hz_doubt": None if cut_off or resolved else WINDOW_BINS * bin_hz,
            "continuous": False,
            "tone": False,
            "fills_slice": track.fills_slice,
            **track.slots.features(setup.info),
            **ofdm_features(track.ofdm, setup.settings.lag.pfa),
        }
        lags = {"head": track.head, "burst": track.body}
        cells = float(self._frames) * 2 * setup.layout.subbands
        public = Track(
            track.id,
            "burst",
            track.span,
            track.lower_hz,
            track.upper_hz,
            track.count,
            duty,
            period_s,
            float(np.median(track.snr_db)),
            stated_pfa(chance_of(track.count, cells, setup.settings.burst.pfa)),
            None,
            public_features(features, lags, setup.settings.lag.pfa),
            (),
            frozenset(track.flags | ({Flag.EDGE} if cut_off else set())),
        )
        band_hz = (track.lower_hz, track.upper_hz)
        return public, measured(setup.info, band_hz, features, starts_s, lags)


def _frame_period(starts_s: tuple[float, ...], resolution_s: float) -> Features:
    """Period of the frame whose grid the starts keep; None where they keep none."""
    grid = grid_test(starts_s, 1 / FRAME_RATE_HZ)
    kept = grid is not None and grid.kept
    found = grid_period(starts_s, 1 / FRAME_RATE_HZ, resolution_s) if kept else None
    return {
        "frame_period_s": None if found is None else found.period_s,
        "frame_period_sigma_s": None if found is None else found.sigma_s,
    }


def detector(setup: Setup) -> BurstTracks:
    """Make one."""
    return BurstTracks(setup)
