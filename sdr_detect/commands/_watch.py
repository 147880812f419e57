"""A watch of one live source, which ``monitor`` and ``record`` share."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sdr_detect.commands._calibration_options import Calibrating
from sdr_detect.commands._output import picture_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sdr_detect.curve import PublisherKeys
    from sdr_detect.events import Event
    from sdr_detect.pipeline import Pipeline, Snapshot
    from sdr_detect.ports import Sink
    from sdr_detect.rawblock import Block
    from sdr_detect.registry import Driver, SourceOptions
    from sdr_detect.resume import Policy
    from sdr_detect.runner import Keeper, Tap
    from sdr_detect.settings import Settings
    from sdr_detect.sinks.triggers import Trigger
    from sdr_detect.sinks.view_pub import ViewPublisher
    from sdr_detect.view import RecorderPart, SweepPart

_STATUS_INTERVAL_S = 1.0


class Watch:
    """One watch of one source."""

    def __init__(
        self,
        uri: str,
        options: SourceOptions,
        settings: Settings,
        policy: Policy,
        stop: threading.Event,
        calibrating: Calibrating | None = None,
    ) -> None:
        from sdr_detect.analysis import Facts, config_sha256
        from sdr_detect.calibrated import Calibrated
        from sdr_detect.catalog import profiles
        from sdr_detect.compiled import ready
        from sdr_detect.live import open_live
        from sdr_detect.pipeline import Pipeline
        from sdr_detect.secondcore import second_core
        from sdr_detect.sinks.collect import Collector
        from sdr_detect.sinks.spectrogram import SpectrogramTap

        ready()
        emitters = profiles()
        _warm_up(Pipeline(emitters, settings))
        self.pipeline = Pipeline(emitters, settings, ahead=second_core())
        known = calibrating or Calibrating()
        self.levels = known.levels(settings.site)
        self.judged = Calibrated(self.pipeline, self.levels, settings)
        self.driver: Driver = known.source(open_live(uri, options, policy=policy, stop=stop))
        digest = config_sha256(settings, emitters)
        self.facts = Facts(uri, "stream", self.driver.info, digest, calibration_sha256=known.sha256)
        self.found = Collector()
        self.picture = SpectrogramTap()
        self.view: ViewPublisher | None = None

    def show(
        self,
        endpoint: str,
        keys: PublisherKeys | None,
        *,
        recorder: Callable[[], RecorderPart | None] | None = None,
        sweep: Callable[[], SweepPart] | None = None,
    ) -> None:
        """Let windows look on."""
        from sdr_detect.sinks.view_pub import ViewPublisher

        self.view = ViewPublisher(endpoint, self._so_far, keys=keys)
        self.view.recorder, self.view.sweep = recorder, sweep
        print(f"showing on {self.view.endpoint}", file=sys.stderr, flush=True)

    def _so_far(self) -> Snapshot:
        """Where it stands, the verdict kept to what is asked, as at the end."""
        seen = self.pipeline.snapshot()
        return replace(seen, verdict=self.judged.kept(seen.verdict))

    def run(
        self,
        out: TextIO | None,
        stop: threading.Event,
        *,
        tables: bool,
        cap: int,
        picture: bool = False,
        keeper: Keeper | None = None,
        trigger: Trigger | None = None,
        extra: Tap | None = None,
    ) -> None:
        """Watch until the source ends, is lost, or ``stop`` is set."""
        from sdr_detect import runner
        from sdr_detect.sinks.jsonl import JsonLines
        from sdr_detect.sinks.signs import Signs

        sinks: list[Sink] = [self.found]
        if out is not None:
            lines = JsonLines(out, max_bursts=cap, flush=True, levels=self.levels)
            lines.write_object(self.facts.to_json())
            sinks.append(lines)
        if tables:
            sinks.append(_Lines())
        taps: list[Tap] = [_Join(sinks)]
        if out is not None:
            taps.append(Signs(lines, self._so_far))
        if picture:
            taps.append(self.picture)
        if trigger is not None:
            sinks.append(trigger)
            taps.append(trigger)
        if extra is not None:
            taps.append(extra)
        if self.view is not None:
            sinks.append(self.view)
            taps.append(self.view)
        if sys.stderr.isatty():
            taps.append(_Status(self.pipeline))
        runner.run(
            self.driver,
            self.judged,
            sinks,
            overflow=self.driver.overflow,
            stop=stop,
            taps=taps,
            keeper=keeper,
        )

    @property
    def detected(self) -> bool:
        """Whether the verdict is that a terminal was heard."""
        return self.found.verdict is not None and self.found.verdict.verdict == "detected"

    def conclude(self, plots: Path | None, *, tables: bool) -> None:
        """Show what is known at the end; nothing when no verdict came."""
        if self.found.verdict is None:
            return
        from sdr_detect.commands import _show
        from sdr_detect.sinks.plots import render, save

        console = _show.console()
        _clear_status()
        if tables:
            console.print(_show.recording(self.facts, self.found, self.found.verdict, self.levels))
        picture = self.picture.result()
        if plots is not None and picture is not None:
            path = plots / picture_name(self.facts.info.stream_id)
            save(path, render(picture, self.found, self.facts.info.stream_id))
            if tables:
                console.print(f"wrote {path}", markup=False)


def _warm_up(pipeline: Pipeline) -> None:
    """Load what is loaded at first use, which takes time that no device waits for."""
    import numpy as np

    from sdr_detect.model import IQBlock, StreamInfo

    rng = np.random.default_rng(0)
    samples = rng.standard_normal(1 << 19, np.float32).view(np.complex64)
    for start in range(50_000, len(samples), 50_000):
        samples[start : start + 1000] *= 10  # bursts, so that their path is loaded too
    pipeline.process(IQBlock(StreamInfo("warm-up", 1e6, 14.2e9, clip_level=1e9), 0, samples))
    pipeline.finish()


class _Join:
    """Tells when the watch joined a stream that was running already."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._first = True

    def take(self, block: Block) -> None:
        """Look at the first block only."""
        first, self._first = self._first, False
        before = block.first_sample - block.lost_before
        if not first or before == 0:
            return
        from sdr_detect.events import Incident
        from sdr_detect.model import Span

        detail = f"the stream had run for {before} samples; what came in them was not heard"
        for sink in self._sinks:
            sink.write(Incident("health", Span(0, before), "joined_late", detail))


class _Lines:
    """Tells tracks and incidents as they happen; bursts are only counted."""

    def write(self, event: Event) -> None:
        """Print one event."""
        from sdr_detect.commands._show import event_line

        line = event_line(event)
        if line is not None:
            _clear_status()
            print(line, flush=True)

    def close(self) -> None:
        """Nothing to release."""


def _clear_status() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class _Status:
    """A line on the terminal: how the receiver is, and how far the watch has come."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._began_s = self._due_s = time.monotonic()
        self._samples = 0
        self._lost = 0

    def take(self, block: Block) -> None:
        """Renew the line now and then."""
        now_s = time.monotonic()
        self._samples += block.sample_count
        self._lost += block.lost_before
        if now_s < self._due_s:
            return
        watched_s = now_s - self._began_s
        rate_hz = self._samples / watched_s if watched_s >= 1 else None
        text = status_text(block, self._pipeline.snapshot(), rate_hz, self._lost)
        # A busy band takes a while to judge: never more than a twentieth of the time.
        self._due_s = now_s + max(_STATUS_INTERVAL_S, 20 * (time.monotonic() - now_s))
        _clear_status()
        width = shutil.get_terminal_size().columns - 1
        print(text[:width], end="", file=sys.stderr, flush=True)


def status_text(block: Block, seen: Snapshot, rate_hz: float | None, lost: int) -> str:
    """One line, what matters most first: 80 columns hold it up to overload.

    The verdict so far, the weakest C/N that would have been found and the probability
    of intercept; rate and losses, level and overload; what was found.
    """
    import numpy as np

    from sdr_detect.rawblock import decoded

    if block.sample_count:
        whole = decoded(block)
        power = float(np.vdot(whole.samples, whole.samples).real) / block.sample_count
        clipped = whole.clipped / block.sample_count
        level = f"{10 * np.log10(max(power, 1e-20)):.0f} dBFS, clipped {clipped:.0%}"
    else:
        level = "NO SAMPLES"
    said = seen.verdict
    limit = "" if said.detection_limit_db is None else f", limit {said.detection_limit_db:.0f} dB"
    poi = "" if said.poi is None else f", PoI {said.poi:.0%}"
    rate = "" if rate_hz is None else f"{rate_hz / 1e6:.1f} Msps, "
    return (
        f"{block.info.seconds(block.stop_sample):.0f} s: {said.verdict}{limit}{poi}; "
        f"{rate}lost {lost}, {level}; {seen.burst_count} bursts, {len(seen.tracks)} tracks, "
        f"blind {seen.blind_s:.1f} s"
    )
