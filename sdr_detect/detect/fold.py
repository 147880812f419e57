"""Detector: bursts too weak to be seen one by one, folded at 1/750 s.

Every dwell's energies and lag products are summed by their phase in the frame
of 4/3 ms. Runs of one dwell, ten and a hundred and fifty (0.1, 1 and 15 s: the
scheduler reassigns a terminal every 15 s) are searched for an energy that keeps
its phase, and for a preamble's repetition at one phase. Either makes a track;
both together are the structure of a terminal's burst. Whether a terminal keeps
its phase is not published: other detectors must not depend on this one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.fold_tracks import (
    ENERGY_SHARE,
    SCALES,
    FoldSighting,
    FoldTrack,
    chance_weight,
    measure_fold,
    new_track,
    sightings,
)
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_lags import FoldedLags
from sdr_detect.features.folded import DwellFold, Folder, FoldWindow
from sdr_detect.model import Burst, Span, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts, which renew the noise reference.
ORDER = 15

#: Phase bins below which a frame cannot show its shortest burst (53.6 µs).
LEAST_BINS = 25

#: Short pulses count where noise shows a preamble's repetition so rarely.
PULSE_CHANCE = 1e-3


class GridFold:
    """Folds dwells, searches windows, keeps what was found."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._folder = Folder(setup.layout)
        self._dwells: list[DwellFold] = []
        self._tracks: list[FoldTrack] = []
        self._searched = dict.fromkeys(SCALES, 0)
        self._overflow = 0
        self._unsteady = 0
        self._pulses = 0
        self._index = 0
        self._live: dict[int, tuple[int, list[FoldSighting]]] = {}

    def update(self, dwell: Dwell) -> list[Burst]:
        """Fold a dwell; search the windows that it completes."""
        if self._folder.plan.size < LEAST_BINS:
            return []
        index = dwell.first_sample // dwell.layout.dwell_samples
        for scale in SCALES[1:]:
            # Blind dwells count too: a window is closed once, by the first dwell beyond it.
            if index // scale != self._index // scale and self._window_dwells(scale):
                self._close(scale)
        if index // SCALES[-1] != self._index // SCALES[-1]:
            self._dwells.clear()
        self._index = index
        if dwell.analysed_frames:
            self._dwells.append(self._folder.fold(dwell))
            self._close(SCALES[0])
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Search what the last windows hold."""
        self._live.clear()  # what a display asked for earlier must not decide
        self._tracks = self._with_open_windows(final=True)
        self._dwells.clear()
        self._tracks = [self._numbered(track) for track in self._tracks]
        return []

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """What was found so far, the open windows included."""
        return [self._measure(track) for track in self._with_open_windows(final=False)]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """Tracks not seen again for long."""
        idle = [t for t in self._tracks if t.stop_sample < before_sample]
        self._tracks = [t for t in self._tracks if t.stop_sample >= before_sample]
        return [self._measure(self._numbered(track)) for track in idle]

    def _numbered(self, track: FoldTrack) -> FoldTrack:
        return replace(track, id=next(self._setup.ids))

    def notes(self) -> list[Note]:
        """Caps reached, and what kept other rates as well."""
        notes = []
        if self._pulses:
            notes.append(
                Note(
                    "pulses_at_frame_rate",
                    f"in {self._pulses} windows pulses shorter than a terminal's burst come at "
                    "750 Hz: a radar, or preambles too weak to be told from one",
                )
            )
        if self._unsteady and not self._tracks:
            notes.append(
                Note(
                    "other_rates",
                    f"in {self._unsteady} windows something repeats at 750 Hz and at least nearly "
                    "as well at other rates: bursts at random times, a radar or a base station",
                )
            )
        if self._overflow:
            notes.append(Note("folds_capped", f"{self._overflow} folded emissions beyond the cap"))
        return notes

    def _measure(self, track: FoldTrack) -> tuple[Track, Measured]:
        return measure_fold(track, self._setup, self._searched)

    def _with_open_windows(self, *, final: bool) -> list[FoldTrack]:
        """The tracks, with what the windows not yet full show."""
        tracks = list(self._tracks)
        held = 1
        for scale in SCALES[1:]:
            size = len(self._window_dwells(scale))
            if size > held:
                found = self._search(scale, count=True) if final else self._look(scale, size)
                self._searched[scale] += final
                self._add(tracks, found, count=final)
                held = size
        return tracks

    def _look(self, scale: int, size: int) -> list[FoldSighting]:
        """Sightings in a window not yet full; searched anew when it has grown by a tenth."""
        known = self._live.get(scale)
        if known is None or not known[0] <= size < known[0] + max(1, scale // 10):
            known = size, self._search(scale, count=False)
            self._live[scale] = known
        return known[1]

    def _window_dwells(self, scale: int) -> list[DwellFold]:
        """Dwells of the window of that scale that holds the latest dwell."""
        first = self._index // scale * scale * self._setup.layout.dwell_samples
        return [d for d in self._dwells[-scale:] if d.first_sample >= first]

    def _close(self, scale: int) -> None:
        """Search a window that is full; from now on it counts."""
        found = self._search(scale, count=True)
        self._searched[scale] += 1
        self._live.pop(scale, None)
        self._add(self._tracks, found, count=True)

    def _search(self, scale: int, *, count: bool) -> list[FoldSighting]:
        """What the window of ``scale`` dwells that holds the latest one shows.

        What is left out is counted for the notes only if ``count``: looks of a
        display must not change what is told.
        """
        listened_s = self._setup.layout.dwell_s * (self._searched[1] + 1)
        allowed = self._setup.settings.reported_pfa(listened_s)
        budget = allowed / chance_weight(self._searched[scale] + 1)
        window = FoldWindow(self._window_dwells(scale), self._folder)
        hit = window.search(budget * ENERGY_SHARE)
        if hit is not None and not hit.steady:
            self._unsteady += count
            hit = None
        lags = self._folded_lags(window, 0.0 if hit is None else hit.drift_ppm)
        preamble = None if lags is None else lags.search()
        if preamble is not None and preamble.chance > budget * (1 - ENERGY_SHARE):
            preamble = None
        found = sightings(window, scale, hit, lags, preamble)
        kept = [sighting for sighting in found if not _is_pulse(sighting)]
        self._pulses += count * (len(found) - len(kept))
        return kept

    def _folded_lags(self, window: FoldWindow, drift_ppm: float) -> FoldedLags | None:
        lags_s = self._folder.lags.lags_s
        if not lags_s:
            return None
        return FoldedLags(window.aligned("lags", drift_ppm).astype(np.complex128), lags_s)

    def _add(self, tracks: list[FoldTrack], found: list[FoldSighting], *, count: bool) -> None:
        """Put sightings into tracks."""
        bins, hop = self._folder.plan.size, self._setup.layout.hop
        for sighting in found:
            for k, track in enumerate(tracks):
                if track.goes_on_with(sighting, bins, hop):
                    tracks[k] = track.joined(sighting)
                    break
            else:
                if len(tracks) < self._setup.settings.tracks.max_tracks:
                    tracks.append(new_track(sighting))
                else:
                    self._overflow += count


def _is_pulse(sighting: FoldSighting) -> bool:
    """Whether it may as well be a radar: short, and without a preamble's repetition."""
    if sighting.hit is None or not sighting.hit.is_pulse:
        return False
    preamble = None if sighting.lags is None else sighting.lags.search()
    return preamble is None or preamble.chance > PULSE_CHANCE


def detector(setup: Setup) -> GridFold:
    """Make one."""
    return GridFold(setup)
