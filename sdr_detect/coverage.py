"""What a watch has covered: how long, how well, and what made it blind."""

from __future__ import annotations

from dataclasses import dataclass

from sdr_detect.detect.energy import EnergyTest
from sdr_detect.epoch import Epoch
from sdr_detect.intercept import detection_limit_db
from sdr_detect.reasons import Watch
from sdr_detect.scan.book import Intercept
from sdr_detect.settings import BurstSettings

#: Share of time with clipped samples above which silence proves nothing.
MAX_OVERLOAD = 0.1


@dataclass(frozen=True, slots=True)
class Coverage:
    """Sums over epochs.

    ``limit_db``, ``noise_dbfs_per_hz`` and ``bandwidth_hz`` are the largest of any
    epoch: together they state what was found everywhere.
    """

    analysed_s: float = 0.0
    blind_s: float = 0.0
    retune_s: float = 0.0
    limit_db: float | None = None
    bursts: int = 0
    cells: int = 0
    overloaded: int = 0
    noise_dbfs_per_hz: float | None = None
    bandwidth_hz: float | None = None

    def with_epoch(self, epoch: Epoch, settings: BurstSettings) -> Coverage:
        """The sums with one epoch more."""
        limits = [x for x in (self.limit_db, _limit_db(epoch, settings)) if x is not None]
        return Coverage(
            analysed_s=self.analysed_s + epoch.analysed_s,
            blind_s=self.blind_s + epoch.blind_s,
            retune_s=self.retune_s + epoch.retune_samples / epoch.info.sample_rate_hz,
            limit_db=max(limits, default=None),
            bursts=self.bursts + epoch.burst_count,
            cells=self.cells + epoch.cells,
            overloaded=self.overloaded + epoch.overloaded_cells,
            noise_dbfs_per_hz=_larger(self.noise_dbfs_per_hz, epoch.noise_dbfs_per_hz),
            bandwidth_hz=_larger(self.bandwidth_hz, epoch.layout.used_hz),
        )

    def watch(self, intercept: Intercept | None) -> Watch:
        """What the verdict rests on."""
        return Watch(
            self.analysed_s,
            self.blind_s,
            self.limit_db,
            intercept,
            self._problems(),
            self.noise_dbfs_per_hz,
            self.bandwidth_hz,
            self.retune_s,
        )

    def _problems(self) -> tuple[str, ...]:
        share = self.overloaded / max(1, self.cells)
        if share > MAX_OVERLOAD:
            return (
                f"the receiver was overloaded for {share:.0%} of the time: reduce gain or "
                "attenuate, and record again",
            )
        if not self.analysed_s:
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
