"""What a watch has covered: where, how long, how well, and what made it blind."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdr_detect.detect.energy import EnergyTest
from sdr_detect.epoch import Epoch
from sdr_detect.intercept import detection_limit_db
from sdr_detect.reasons import Watch
from sdr_detect.settings import BurstSettings

#: Share of time with clipped samples above which silence proves nothing.
MAX_OVERLOAD = 0.1

#: Epochs whose coverage is kept; later ones are counted with the last.
MAX_EPOCHS = 4096


@dataclass(frozen=True, slots=True)
class Coverage:
    """Sums over epochs; each of the first `MAX_EPOCHS` has its own range, time and limit.

    ``noise_dbfs_per_hz`` and ``bandwidth_hz`` are the largest of any epoch, as the limit
    is: together they state what was found everywhere.
    """

    ranges_hz: tuple[tuple[float, float] | None, ...] = ()
    watched_s: tuple[float, ...] = ()
    limits_db: tuple[float | None, ...] = ()
    blind_s: float = 0.0
    bursts: int = 0
    cells: int = 0
    overloaded: int = 0
    noise_dbfs_per_hz: float | None = None
    bandwidth_hz: float | None = None

    def with_epoch(self, epoch: Epoch, settings: BurstSettings) -> Coverage:
        """The sums with one epoch more."""
        watched_s = epoch.analysed_s
        total = replace(
            self,
            blind_s=self.blind_s + epoch.blind_s,
            bursts=self.bursts + epoch.burst_count,
            cells=self.cells + epoch.cells,
            overloaded=self.overloaded + epoch.overloaded_cells,
            noise_dbfs_per_hz=_larger(self.noise_dbfs_per_hz, epoch.noise_dbfs_per_hz),
            bandwidth_hz=_larger(self.bandwidth_hz, epoch.layout.used_hz),
        )
        if len(self.watched_s) >= MAX_EPOCHS:
            last_s = self.watched_s[-1] + watched_s
            return replace(total, watched_s=(*self.watched_s[:-1], last_s))
        return replace(
            total,
            ranges_hz=(*self.ranges_hz, epoch.info.rf_range_hz),
            watched_s=(*self.watched_s, watched_s),
            limits_db=(*self.limits_db, _limit_db(epoch, settings)),
        )

    @property
    def analysed_s(self) -> float:
        """All analysed time."""
        return sum(self.watched_s)

    def watch(self) -> Watch:
        """What the verdict rests on."""
        known = [limit for limit in self.limits_db if limit is not None]
        return Watch(
            self.ranges_hz,
            self.watched_s,
            self.blind_s,
            max(known) if known else None,
            self._problems(),
            self.noise_dbfs_per_hz,
            self.bandwidth_hz,
        )

    def _problems(self) -> tuple[str, ...]:
        share = self.overloaded / max(1, self.cells)
        if share > MAX_OVERLOAD:
            return (
                f"the receiver was overloaded for {share:.0%} of the time: reduce gain or "
                "attenuate, and record again",
            )
        if not any(self.watched_s):
            return ("no sample could be analysed: the data are missing, zero or not finite",)
        return ()


def _larger(one: float | None, other: float | None) -> float | None:
    return max((v for v in (one, other) if v is not None), default=None)


def _limit_db(epoch: Epoch, settings: BurstSettings) -> float | None:
    watched_s = epoch.analysed_s
    if watched_s <= 0:
        return None
    thermal = EnergyTest(epoch.layout, settings).least_excess
    return detection_limit_db(watched_s, epoch.layout.used_hz, thermal, epoch.energy_excess)
