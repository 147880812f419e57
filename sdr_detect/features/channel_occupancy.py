"""Channel and band occupancy by integration periods (ITU-R SM.1880, Rep. SM.2256).

A *sample* is one channel over a fraction of a millisecond: occupied when its
mean power exceeds the noise reference by a threshold. Frequency channel
occupancy (FCO) is the share of samples that are; frequency band occupancy (FBO)
is the same over all channels of the band.

The reference is the quiet level of the dwell, channel by channel, so that a
burst as wide as the slice stands out in time; where a channel lies above the
quietest fifth of the slice by more than the passband's ripple, that fifth is the
reference instead, so that a carrier which never pauses stands out in frequency.
What fills the slice *and* never pauses is seen by neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.cfar import WelchFreedom, mean_threshold
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.stft import Dwell
from sdr_detect.events import ChannelShare, Event, Incident, OccupancyEvent
from sdr_detect.features.blocking import Blocking, wilson
from sdr_detect.model import Flag, Span, StreamInfo
from sdr_detect.settings import OccupancySettings

Floats = NDArray[np.float64]

#: Bands whose occupancy is followed in one period: 500 MHz in stops of 2 MHz, four times.
MAX_BANDS = 1024

#: The quietest share of the channels, which tells the noise (as in ITU-R SM.1753).
QUIET_SHARE = 0.2

#: Two-sided 95 %.
Z95 = 1.959964


class OccupancyLog:
    """Gathers dwells; gives one event for each band when a period is over.

    Parameters
    ----------
    settings : OccupancySettings
    """

    def __init__(self, settings: OccupancySettings) -> None:
        self._settings = settings
        self._bands: dict[tuple[float | None, float, int], _Band] = {}
        self._current: _Band | None = None
        self._period = 0
        self._began_s: float | None = None
        self._capped = 0
        self._last_sample = 0

    def observe(self, dwell: Dwell) -> list[Event]:
        """Take a dwell; the events of a period that it shows to be over."""
        start_s = dwell.info.seconds(dwell.first_sample)
        period = int(start_s // self._settings.integration_s)
        events = self._close(complete=True) if period != self._period else []
        if period != self._period or self._began_s is None:
            self._period, self._began_s = period, start_s
        self._last_sample = dwell.first_sample
        band = self._band(dwell)
        if band is not None:
            band.add(dwell)
        return events

    def finish(self) -> list[Event]:
        """Events of the last period, marked incomplete."""
        return self._close(complete=False)

    def current(self) -> OccupancyEvent | None:
        """The band last heard, as far as its period has come; None before any sample."""
        band = self._current
        return None if band is None else self._event(band, complete=False)

    def _band(self, dwell: Dwell) -> _Band | None:
        info = dwell.info
        key = info.center_hz, info.sample_rate_hz, dwell.layout.nfft
        band = self._bands.get(key)
        if band is None and len(self._bands) >= MAX_BANDS:
            self._capped += 1
            return None
        if band is None:
            band = self._bands[key] = _Band(info, dwell.layout, self._settings)
        self._current = band
        return band

    def _close(self, *, complete: bool) -> list[Event]:
        heard = [self._event(band, complete=complete) for band in self._bands.values()]
        events: list[Event] = [event for event in heard if event is not None]
        if self._capped:
            span = Span(self._last_sample, self._last_sample + 1)
            detail = f"{self._capped} dwells outside the first {MAX_BANDS} bands of the period"
            events.append(Incident("health", span, "occupancy_capped", detail))
        self._bands.clear()
        self._current = None
        self._capped = 0
        return events

    def _event(self, band: _Band, *, complete: bool) -> OccupancyEvent | None:
        start_s = self._period * self._settings.integration_s
        began_s = start_s if self._began_s is None else self._began_s
        # A watch that began inside a period does not make it whole.
        whole = complete and began_s < start_s + band.dwell_s
        stop_s = start_s + self._settings.integration_s if complete else band.stop_s
        return band.event(start_s if whole else began_s, stop_s, complete=whole)


@dataclass(slots=True)
class _Last:
    """The sample before: when it ended, and which channels were occupied."""

    stop_s: float
    busy: NDArray[np.bool_]


@dataclass(slots=True)
class _Times:
    """Observed and unobserved time of a period."""

    observed_s: float = 0.0
    first_s: float | None = None
    last_s: float = 0.0
    gaps: int = 0
    gap_s: float = 0.0


class _Band:
    """Sums over one period of one band."""

    def __init__(self, info: StreamInfo, layout: Layout, settings: OccupancySettings) -> None:
        self._info = info
        self._layout = layout
        self._settings = settings
        hop_s = layout.hop / layout.sample_rate_hz
        self._frames = max(1, round(settings.sample_s / hop_s))
        self._sample_s = self._frames * hop_s
        self._bins = np.diff(layout.subband_edges)
        window = np.hanning(layout.nfft + 1)[:-1]
        spread = WelchFreedom(window, layout.hop).spread(float(self._bins.min()), self._frames)
        self._threshold = max(
            10 ** (settings.threshold_db / 10), mean_threshold(settings.pfa, spread)
        )
        channels = layout.subbands
        self._last: _Last | None = None
        self._times = _Times()
        self._transitions = np.zeros(channels)
        self._starts = np.zeros(channels)
        #: Squares of the gaps that a channel went into in one state and left in the other.
        self._crossed_s2 = np.zeros(channels)
        self._blocks = Blocking(channels + 1)
        self._flags: set[Flag] = {Flag.RF_UNKNOWN} if info.center_hz is None else set()

    @property
    def dwell_s(self) -> float:
        """Time from one dwell's start to the next."""
        return self._layout.dwell_s

    @property
    def stop_s(self) -> float:
        """End of the last sample."""
        return self._times.last_s

    def add(self, dwell: Dwell) -> None:
        """Samples of one dwell."""
        count = self._layout.frames // self._frames
        frames = count * self._frames
        ok = dwell.frame_ok[:frames].reshape(count, self._frames).all(axis=1)
        at = np.flatnonzero(ok)
        ratio = self._over_reference(dwell)
        if ratio is None or not at.size:
            return
        energy = dwell.energy[:frames].reshape(count, -1)
        busy = _sums(energy, self._layout.subbands)[at] * ratio > self._threshold * self._frames
        start_s = dwell.info.seconds(dwell.first_sample) + at.astype(np.float64) * self._sample_s
        self._follow(start_s, busy)
        if dwell.overload.any():
            self._flags.add(Flag.CLIPPED)
        occupied = busy.sum(axis=0, dtype=np.float64)
        self._blocks.add(float(at.size), np.append(occupied, occupied.mean()))

    def _over_reference(self, dwell: Dwell) -> Floats | None:
        """Quiet level of each channel over its noise reference; None without a level."""
        edges = self._layout.subband_edges
        floor = np.add.reduceat(dwell.floor[: edges[-1]], edges[:-1]) / self._bins
        lowest = float(np.quantile(floor, QUIET_SHARE))
        if lowest <= 0:
            return None
        return np.asarray(np.maximum(1.0, floor / (lowest * 10 ** (self._settings.ripple_db / 10))))

    def _follow(self, start_s: Floats, busy: NDArray[np.bool_]) -> None:
        """Changes of state, with the time that nobody looked in between."""
        times = self._times
        if self._last is None:
            self._starts += busy[0]
            times.first_s = float(start_s[0])
        else:
            start_s = np.append(self._last.stop_s - self._sample_s, start_s)
            busy = np.vstack((self._last.busy, busy))
        unseen_s = np.diff(start_s) - self._sample_s
        # The frames left over at a dwell's end are less than one sample.
        gap = unseen_s > self._sample_s
        change = busy[1:] != busy[:-1]
        self._transitions += np.count_nonzero(change, axis=0)
        self._starts += np.count_nonzero(change & busy[1:], axis=0)
        self._crossed_s2 += np.where(gap, unseen_s, 0) ** 2 @ change
        times.gaps += int(np.count_nonzero(gap))
        times.gap_s += float(unseen_s[gap].sum())
        times.observed_s += float(unseen_s.size - gap.sum()) * self._sample_s
        times.last_s = float(start_s[-1]) + self._sample_s
        self._last = _Last(times.last_s, busy[-1])

    def event(self, start_s: float, stop_s: float, *, complete: bool) -> OccupancyEvent | None:
        """The period's figures; None without a sample."""
        times, samples = self._times, self._blocks.weight
        if times.first_s is None or not samples:
            return None
        elapsed_s = max(stop_s - start_s, times.last_s - times.first_s)
        share = min(1.0, samples * self._sample_s / elapsed_s)
        channels = [self._channel(k, share, elapsed_s) for k in range(self._layout.subbands)]
        value = self._blocks.mean(self._layout.subbands)
        independent = self._blocks.independent(self._layout.subbands)
        lower, upper = wilson(value, independent)
        revisit_s = self._sample_s
        if times.gaps:
            revisit_s = (times.last_s - times.first_s) / (times.gaps + 1)
        return OccupancyEvent(
            start_s,
            stop_s,
            channels[0].freq_lower_hz,
            channels[-1].freq_upper_hz,
            complete,
            samples * self._sample_s,
            share,
            self._sample_s,
            revisit_s,
            10 * float(np.log10(self._threshold)),
            value,
            lower,
            upper,
            tuple(channels),
            frozenset(self._flags),
        )

    def _channel(self, k: int, share: float, elapsed_s: float) -> ChannelShare:
        edges = self._layout.subband_edges
        low, high = self._layout.offsets_hz[[edges[k], edges[k + 1] - 1]]
        half, centre = self._layout.bin_hz / 2, self._info.center_hz or 0.0
        value, independent = self._blocks.mean(k), self._blocks.independent(k)
        lower, upper = wilson(value, independent)
        starts = int(self._starts[k])
        busy_s = value * self._blocks.weight * self._sample_s
        length_s = busy_s / starts if starts else None
        return ChannelShare(
            float(centre + low - half),
            float(centre + high + half),
            value,
            lower,
            upper,
            self._accuracy(k, share, elapsed_s, length_s),
            independent,
            starts,
            length_s,
        )

    def _accuracy(
        self, k: int, share: float, elapsed_s: float, length_s: float | None
    ) -> float | None:
        """Error, at 95 %, against the true occupancy of this very period.

        A transmission longer than the gaps is missed only where it begins or ends:
        a change lies anywhere in its gap, with a variance of gap²/12, and else within
        its sample. Shorter ones come and go unseen: the samples are a draw, and their
        error shrinks with the share that was observed.
        """
        if length_s is None:
            return None
        edges_s2 = self._transitions[k] * self._sample_s**2 + self._crossed_s2[k]
        variance = edges_s2 / 12 / elapsed_s**2
        gaps = self._times.gaps
        if gaps and length_s < self._times.gap_s / gaps:
            variance += (1 - share) * self._blocks.variance(k)
        return float(Z95 * np.sqrt(variance))


def _sums(energy: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Sums over the frames of each sample: (samples, frames * channels) to (samples, channels).

    A product with ones is several times faster than a sum over a middle axis.
    """
    count, width = energy.shape
    ones = np.ones(width // channels, np.float32)
    return np.asarray(ones @ energy.reshape(count, -1, channels))
