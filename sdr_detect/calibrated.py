"""A receiver with its calibration: its samples, and the verdict on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sdr_detect.calibration.apply import apply
from sdr_detect.calibration.levels import Levels
from sdr_detect.calibration.link import Limits
from sdr_detect.calibration.schema import Calibration
from sdr_detect.errors import ConfigError
from sdr_detect.events import Event, Verdict
from sdr_detect.formats.base import Recording
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block
from sdr_detect.registry import Driver, Tunable
from sdr_detect.runner import Detector
from sdr_detect.settings import Settings


class CalibratedSource:
    """A source whose blocks carry what a calibration says.

    Problems travel as notices with the first block of each stretch.
    """

    def __init__(self, source: Driver, calibration: Calibration, gain_db: float | None) -> None:
        self._source = source
        self._calibration = calibration
        self._gain_db = gain_db

    @property
    def info(self) -> StreamInfo:
        """Settings of the next block."""
        return apply(self._calibration, self._source.info, self._gain_db).info

    @property
    def overflow(self) -> Overflow:
        """As the source."""
        return self._source.overflow

    def blocks(self) -> Iterator[Block]:
        """The source's blocks."""
        seen: StreamInfo | None = None
        for block in self._source.blocks():
            notices = block.notices
            if block.info != seen:
                seen = block.info
                applied = apply(self._calibration, seen, self._gain_db)
                notices += tuple(Notice("calibration", text) for text in applied.problems)
            yield replace(block, info=applied.info, notices=notices)

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF, as the calibrated LO gives it.

        Raises
        ------
        ConfigError
            The source cannot be tuned.
        SdrDetectError
            What the source raises.
        """
        if not isinstance(self._source, Tunable):
            raise ConfigError("this source cannot be tuned; a sweep needs a receiver or sim://")
        # The source counts with the converter's nominal LO.
        if_hz = self.info.plan.if_from_rf(rf_hz)
        self._source.retune(self._source.info.plan.rf_from_if(if_hz))

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def restate(recording: Recording, calibration: Calibration, gain_db: float | None) -> None:
    """Give a recording's captures what a calibration says; what does not hold is noted."""
    found = [apply(calibration, capture.info, gain_db) for capture in recording.captures]
    recording.captures = tuple(
        replace(capture, info=applied.info)
        for capture, applied in zip(recording.captures, found, strict=True)
    )
    problems = dict.fromkeys(text for applied in found for text in applied.problems)
    recording.notes += tuple(f"calibration: {text}" for text in problems)


class Calibrated:
    """A pipeline whose verdict states its limit in physical units, and keeps to what is asked.

    Parameters
    ----------
    pipeline : Detector
    levels : Levels
    settings : Settings
    """

    def __init__(self, pipeline: Detector, levels: Levels, settings: Settings) -> None:
        self._pipeline = pipeline
        self._levels = levels
        self._required_dbm = settings.verdict.max_limit_eirp_dbm
        self._info: StreamInfo | None = None
        self._uncalibrated = False

    def process(self, block: Block) -> list[Event]:
        """As the pipeline does."""
        self._info = block.info
        self._uncalibrated |= block.info.dbm_offset_db is None
        return self._pipeline.process(block)

    def finish(self) -> list[Event]:
        """As the pipeline does, the verdict with its limit."""
        events = self._pipeline.finish()
        if events and isinstance(events[-1], Verdict):
            events[-1] = self.kept(events[-1])
        return events

    def kept(self, verdict: Verdict) -> Verdict:
        """A verdict on what was processed so far, with its limit."""
        info = None if self._uncalibrated else self._info
        found = None if info is None else self._levels.limits(verdict, info)
        return kept_to(verdict, found, self._required_dbm)


def kept_to(verdict: Verdict, found: Limits | None, required_dbm: float | None) -> Verdict:
    """The verdict with its limit; ``not_detected`` above what is asked is inconclusive.

    Parameters
    ----------
    verdict : Verdict
    found : Limits or None
    required_dbm : float or None
        EIRP over the channel that an absence must be good for.
    """
    if found is not None:
        verdict = replace(verdict, physical=found.stated)
    if required_dbm is None or verdict.verdict != "not_detected":
        return verdict
    eirp = None if found is None else found.eirp_dbm
    if eirp is None:
        reason = (
            f"a detection limit of {required_dbm:g} dBm EIRP is asked for, and none can be stated: "
            "it takes --calibration with an antenna, within its validity, and site.distance_m"
        )
    elif eirp.value + eirp.expanded > required_dbm:
        reason = (
            f"only a terminal above {eirp.value:.1f} dBm EIRP (± {eirp.expanded:.1f} dB, k = 2) "
            f"would surely have been found, {required_dbm:g} dBm with its uncertainty are asked "
            "for: come nearer, watch longer, or take more antenna gain"
        )
    else:
        return verdict
    return replace(
        verdict, verdict="inconclusive", confidence=0.0, pfa=1.0,
        reasons=(reason, *verdict.reasons),
    )  # fmt: skip
