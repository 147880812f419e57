"""Levels of events, and limits of verdicts, in physical units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdr_detect.calibration.apply import offset_budget
from sdr_detect.calibration.budget import COVERAGE_FACTOR, DB_PER_NEPER, Term
from sdr_detect.calibration.link import Geometry, Limits, limits, pfd_terms, session_noise
from sdr_detect.calibration.schema import Calibration
from sdr_detect.events import BurstEvent, Event, Stated, TrackEvent, Verdict
from sdr_detect.model import StreamInfo
from sdr_detect.settings import SiteSettings


@dataclass(frozen=True, slots=True)
class Level:
    """Level of one emission in its own bandwidth; ``expanded`` is None where not known."""

    bandwidth_hz: float
    dbm: Stated
    pfd_dbw_m2: Stated | None


class Levels:
    """What turns dBFS into dBm and dBW/m², as far as it is known.

    Parameters
    ----------
    calibration : Calibration or None
        Without one a stream's own ``dbm_offset_db`` still gives dBm, with an
        uncertainty that is not known.
    site : SiteSettings
    """

    def __init__(
        self, calibration: Calibration | None = None, site: SiteSettings | None = None
    ) -> None:
        self._site = site or SiteSettings()
        self._antenna = None if calibration is None else calibration.antenna
        self._offset = None if calibration is None else offset_budget(calibration)

    def level(self, event: BurstEvent | TrackEvent) -> Level | None:
        """Level of a burst or a track; None where the stream is not calibrated."""
        info = event.info
        power_dbfs, low_hz, high_hz, snr_db, on_s = _figures(event)
        if info.dbm_offset_db is None or power_dbfs is None or high_hz <= low_hz:
            return None
        width_hz = high_hz - low_hz
        dbm = power_dbfs + info.dbm_offset_db
        if not self._covers(info):
            return Level(width_hz, Stated(dbm, None), None)
        assert self._offset is not None
        terms = [*self._offset.terms, Term("noise", 0.0, _scatter_db(snr_db, width_hz * on_s))]
        stated = Stated(dbm, _expanded(terms))
        geometry = self._geometry(info)
        if self._antenna is None or geometry is None:
            return Level(width_hz, stated, None)
        further = pfd_terms(self._antenna, geometry)
        pfd = dbm + sum(t.sensitivity * t.value for t in further)
        return Level(width_hz, stated, Stated(pfd, _expanded([*terms, *further])))

    def fields(self, event: Event) -> dict[str, float | None]:
        """Fields of JSON that a burst or a track gets besides its own; unknown is None."""
        if not isinstance(event, BurstEvent | TrackEvent):
            return {}
        found = self.level(event)
        pfd = None if found is None else found.pfd_dbw_m2
        return {
            "level_bandwidth_hz": None if found is None else found.bandwidth_hz,
            "power_dbm": None if found is None else round(found.dbm.value, 2),
            "power_expanded_db": None if found is None else _rounded(found.dbm.expanded),
            "pfd_dbw_m2": None if pfd is None else round(pfd.value, 2),
            "pfd_expanded_db": None if pfd is None else _rounded(pfd.expanded),
        }

    def limits(self, verdict: Verdict, info: StreamInfo) -> Limits | None:
        """The limit of a verdict; None where the stream is not calibrated, or has none."""
        cn_db, noise, width_hz = (
            verdict.detection_limit_db, verdict.noise_dbfs_per_hz, verdict.bandwidth_hz,
        )  # fmt: skip
        if not self._covers(info) or cn_db is None or noise is None or width_hz is None:
            return None
        assert self._offset is not None
        return limits(
            session_noise(noise, self._offset), cn_db, width_hz, self._antenna,
            self._geometry(info),
        )  # fmt: skip

    def _covers(self, info: StreamInfo) -> bool:
        """Whether a stream's offset is the calibration's, which tells how well it is known."""
        offset = self._offset
        return (
            offset is not None
            and info.dbm_offset_db is not None
            and abs(info.dbm_offset_db - offset.value) < 1e-3
        )

    def _geometry(self, info: StreamInfo) -> Geometry | None:
        if info.center_hz is None or info.center_hz <= 0:
            return None
        site = self._site
        return Geometry(
            info.center_hz, site.distance_m, site.distance_uncertainty_m, site.pointing_error_deg
        )


def _figures(event: BurstEvent | TrackEvent) -> tuple[float | None, float, float, float, float]:
    """dBFS, edges, C/N and seconds on air."""
    if isinstance(event, BurstEvent):
        burst = event.burst
        on_s = burst.span.sample_count / event.info.sample_rate_hz
        region = burst.detection
        return (burst.power_dbfs, region.freq_lower_hz, region.freq_upper_hz, region.snr_db, on_s)
    track = event.track
    share = 1.0 if track.duty_cycle is None else track.duty_cycle
    on_s = share * track.span.sample_count / event.info.sample_rate_hz
    return (track.power_dbfs, track.freq_lower_hz, track.freq_upper_hz, track.snr_db, on_s)


def _scatter_db(snr_db: float, samples: float) -> float:
    """What noise leaves of doubt in a level, its mean over so many samples less the noise's."""
    return DB_PER_NEPER * (1 + 10 ** (-snr_db / 10)) / math.sqrt(max(1.0, samples))


def _expanded(terms: list[Term]) -> float:
    return COVERAGE_FACTOR * math.sqrt(sum(term.contribution**2 for term in terms))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
