"""One emission that two detectors see.

Bursts one by one, and their preamble by folding: single weak bursts are placed too badly
for the preamble's repetition to be read, or for a grid to be told; folded at the frame
rate they place each other. Where both detectors see something in one band, and most
bursts begin where the folded preamble does, what it repeats belongs to the bursts, and
its phase is the grid that they keep.

Carriers and tones, and the contrast with the noise off target that they make: told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import bdtrc

from sdr_detect.dsp.fold import FRAME_RATE_HZ
from sdr_detect.features.folded import GRID_PFA, FoldedGrid
from sdr_detect.model import StreamInfo, Track
from sdr_detect.profiles.match import LAG_PFA
from sdr_detect.profiles.measured import Measured

#: Bursts from which a common phase is told.
LEAST_STARTS = 4

#: A burst at the limit is placed to this.
NEAR_S = 60e-6

#: Share of the bursts that must begin there: every second pulse of a radar of 1500 Hz
#: does.
SHARE = 2 / 3

#: So far from the middle of what was folded a clock has not slipped by much.
AROUND_S = 0.5

Pair = tuple[Track, Measured]


def joined(pairs: Sequence[Pair], info: StreamInfo) -> list[Pair]:
    """The tracks; bursts have what their preamble shows where they do not show it themselves."""
    heads = [pair for pair in pairs if pair[0].kind == "preamble"]
    carriers = [track for track, _ in pairs if track.kind in ("carrier", "tone")]
    return [
        (track, _with_head(track, own, heads, info) if track.kind == "burst" else own)
        for track, own in pairs
        if track.kind != "contrast" or not _explained(track, carriers)
    ]


def _explained(contrast: Track, carriers: Sequence[Track]) -> bool:
    """Whether carriers inside it make up most of it."""
    inside = [
        c for c in carriers
        if contrast.freq_lower_hz <= (c.freq_lower_hz + c.freq_upper_hz) / 2
        <= contrast.freq_upper_hz
    ]  # fmt: skip
    return sum(map(_power, inside)) > 0.5 * _power(contrast)


def _power(track: Track) -> float:
    """Relative to the noise in one hertz."""
    width_hz = track.freq_upper_hz - track.freq_lower_hz
    return width_hz * float(10 ** (track.snr_db / 10))


def _with_head(track: Track, own: Measured, heads: Sequence[Pair], info: StreamInfo) -> Measured:
    for other, folded in heads:
        grid = _common_grid(own, other, info) if track.shares_band(other) else None
        if grid is None:
            continue
        head = own.lags.get("head")
        if head is None or not head.peaks(LAG_PFA):
            own = replace(own, lags={**own.lags, "head": folded.lags["head"]})
        kept = own.grid(1 / FRAME_RATE_HZ)
        return own if kept is not None and kept.kept else replace(own, folded=grid)
    return own


def _common_grid(own: Measured, preamble: Track, info: StreamInfo) -> FoldedGrid | None:
    """The frame that the bursts keep with the preamble; None where most do not.

    Its phase is the preamble's, so that nothing was chosen for them.
    """
    phase_s = preamble.features.get("fold_phase_s")
    if not isinstance(phase_s, float):
        return None
    middle_s = info.seconds(preamble.span.start_sample + preamble.span.stop_sample) / 2
    starts = np.array(own.starts_s)
    starts = starts[np.abs(starts - middle_s) < AROUND_S]
    frame_s = 1 / FRAME_RATE_HZ
    off = (starts - phase_s + frame_s / 2) % frame_s - frame_s / 2
    near, count = int(np.count_nonzero(np.abs(off) <= NEAR_S)), int(starts.size)
    if count < LEAST_STARTS or near < SHARE * count:
        return None
    chance = float(bdtrc(near - 1, count, 2 * NEAR_S / frame_s))
    if chance >= GRID_PFA:
        return None
    return FoldedGrid(frame_s, chance, f"{near} of {count} begin with the preamble")
