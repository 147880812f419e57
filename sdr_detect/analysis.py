"""From a recording to its verdict, offline."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdr_detect import __version__
from sdr_detect.calibrated import Calibrated
from sdr_detect.calibration.levels import Levels
from sdr_detect.config import apply_sets, build, read_toml
from sdr_detect.events import Event, Incident, Verdict
from sdr_detect.formats.base import Recording
from sdr_detect.formats.evidence import Evidence, examine
from sdr_detect.model import Span, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.ports import Overflow, Sink
from sdr_detect.profiles.schema import Profile
from sdr_detect.rawblock import Block
from sdr_detect.runner import Detector, Tap, run
from sdr_detect.settings import Settings
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.jsonl import JsonLines
from sdr_detect.sinks.spectrogram import Spectrogram, SpectrogramTap


@dataclass(frozen=True, slots=True)
class Facts:
    """What was analysed, with what: the ``recording`` line of the contract.

    What a live stream cannot know beforehand is None.
    """

    path: str
    format: str
    info: StreamInfo
    config_sha256: str
    sha256: str | None = None
    sample_count: int | None = None
    duration_s: float | None = None
    notes: tuple[str, ...] = ()
    calibration_sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The line, ready for JSON."""
        return {
            "type": "recording",
            "path": self.path,
            "sha256": self.sha256,
            "format": self.format,
            "sample_rate_hz": self.info.sample_rate_hz,
            "rf_center_hz": self.info.center_hz,
            "duration_s": self.duration_s,
            "sample_count": self.sample_count,
            "config_sha256": self.config_sha256,
            "version": __version__,
            "start_ns": self.info.start_ns,
            "gain_db": self.info.gain_db,
            "dbm_offset_db": self.info.dbm_offset_db,
            "converter": self.info.plan.converter.name,
            "converter_side": self.info.plan.converter.side,
            "lo_hz": self.info.plan.lo_hz,
            "calibration_sha256": self.calibration_sha256,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything a table, a plot or a report shows of one recording."""

    facts: Facts
    found: Collector
    verdict: Verdict
    picture: Spectrogram | None = None


def resolve_settings(config: Path | None, sets: Sequence[str]) -> Settings:
    """Defaults, then the file, then ``a.b=c`` assignments.

    Raises
    ------
    ConfigError
        A file or an assignment is wrong; the message names the key.
    """
    data = {} if config is None else read_toml(config)
    return build(Settings, apply_sets(data, sets), file=config)


def config_sha256(settings: Settings, profiles: Sequence[Profile]) -> str:
    """Digest of everything that steers a result: all settings, and every claim used.

    The same settings give the same digest however they were written down.
    """
    resolved = {
        "settings": settings.model_dump(mode="json"),
        "profiles": {profile.id: profile.model_dump(mode="json") for profile in profiles},
    }
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def analyze_recording(
    recording: Recording,
    *,
    settings: Settings,
    profiles: Sequence[Profile],
    lines: JsonLines | None = None,
    sinks: Sequence[Sink] = (),
    taps: Sequence[Tap] = (),
    picture: bool = False,
    stop: threading.Event | None = None,
    levels: Levels | None = None,
    calibration_sha256: str | None = None,
    make_pipeline: Callable[[Sequence[Profile], Settings], Detector] = Pipeline,
) -> Analysis:
    """Run a recording through a fresh pipeline.

    Parameters
    ----------
    recording : Recording
        Closed afterwards.
    settings, profiles
        What steers the pipeline.
    lines : JsonLines, optional
        Gets the ``recording`` line, then every event.
    sinks, taps : sequence
        Get every event, or every block, too.
    picture : bool
        Build a spectrogram on the way.
    stop : threading.Event, optional
        Ends the analysis early; the verdict is then on the part analysed.
    levels : Levels, optional
        States levels and limits in physical units.
    calibration_sha256 : str, optional
        Digest of the file they come from.
    make_pipeline : callable
        Makes the pipeline.

    Raises
    ------
    SdrDetectError
        The recording cannot be read to its end, or a sink takes no more.
    """
    facts = replace(
        _facts(recording, config_sha256(settings, profiles)), calibration_sha256=calibration_sha256
    )
    pipeline = Calibrated(make_pipeline(profiles, settings), levels or Levels(), settings)
    found = Collector()
    all_sinks: list[Sink] = [found, *sinks]
    if lines is not None:
        lines.write_object(facts.to_json())
        all_sinks.append(lines)
    evidence = examine(recording)
    for doubt in _doubts(recording, evidence):
        for sink in all_sinks:
            sink.write(doubt)
    drawing = SpectrogramTap(recording.sample_count) if picture else None
    verdict = run(
        recording,
        _Doubting(pipeline, evidence.unfit),
        all_sinks,
        overflow=Overflow.BLOCK,
        stop=stop,
        taps=[*taps, *([] if drawing is None else [drawing])],
    )
    return Analysis(facts, found, verdict, None if drawing is None else drawing.result())


def _facts(recording: Recording, config_digest: str) -> Facts:
    return Facts(
        path=str(recording.path),
        format=recording.format,
        info=recording.info,
        config_sha256=config_digest,
        sha256=recording.sha256(),
        sample_count=recording.sample_count,
        duration_s=recording.duration_s,
        notes=recording.notes,
    )


def _doubts(recording: Recording, evidence: Evidence) -> list[Incident]:
    """What the reader of the file doubts, as events over all of it."""
    whole = Span(0, recording.stop_sample)
    found = [Incident("health", whole, "recording", note) for note in recording.notes]
    found += [Incident("health", whole, "evidence", text) for text in evidence.suspicions]
    if recording.verify() is False:
        text = "the samples do not agree with the checksum in their metadata: they were changed"
        found.append(Incident("health", whole, "checksum", text))
    return found


class _Doubting:
    """A pipeline whose samples may be no receiver's IQ at all.

    Nothing found in such samples means nothing, so that "not detected" would
    be a wrong verdict. What is found all the same stays, with the doubt.
    """

    def __init__(self, pipeline: Detector, doubts: Sequence[str]) -> None:
        self._pipeline = pipeline
        self._doubts = tuple(doubts)

    def process(self, block: Block) -> list[Event]:
        """As the pipeline does."""
        return self._pipeline.process(block)

    def finish(self) -> list[Event]:
        """As the pipeline does, the verdict tempered by the doubts."""
        events = self._pipeline.finish()
        if self._doubts and events and isinstance(events[-1], Verdict):
            events[-1] = _tempered(events[-1], self._doubts)
        return events


def _tempered(verdict: Verdict, doubts: tuple[str, ...]) -> Verdict:
    if verdict.verdict == "detected":
        reasons = (*verdict.reasons, *(f"against: {doubt}" for doubt in doubts))
        return replace(verdict, reasons=reasons)
    return replace(
        verdict,
        verdict="inconclusive",
        system=None,
        confidence=0.0,
        reasons=(*doubts, *verdict.reasons),
    )
