"""The whole run: files, rounds, medians."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sdr_detect.bench import startup
from sdr_detect.bench.children import Child, ChildFailed, python_with
from sdr_detect.bench.comparisons import all_comparisons
from sdr_detect.bench.results import Bench, Compared, Row, Start
from sdr_detect.bench.signal import Files
from sdr_detect.bench.work import Comparison, Contender, Sample
from sdr_detect.errors import ConfigError
from sdr_detect.evidence.software import describe

#: Length of the scenes and rounds, in full and quick.
SECONDS = 0.5, 0.2
REPEATS = 7, 3

#: Told what is done next.
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; ``only`` names comparisons, all if it is empty."""

    quick: bool = False
    seconds: float | None = None
    repeats: int | None = None
    only: tuple[str, ...] = ()

    @property
    def length_s(self) -> float:
        """Length of the scenes."""
        return SECONDS[self.quick] if self.seconds is None else self.seconds

    @property
    def rounds(self) -> int:
        """Passes of each contender."""
        return REPEATS[self.quick] if self.repeats is None else self.repeats


def bench(plan: Plan, progress: Progress = lambda _next: None) -> Bench:
    """Run the plan.

    Raises
    ------
    ConfigError
        ``plan.only`` names no comparison.
    """
    known = all_comparisons()
    unknown = sorted(set(plan.only) - known.keys() - {startup.NAME})
    if unknown:
        names = ", ".join([*known, startup.NAME])
        raise ConfigError(f"no comparison {unknown[0]!r}; known: {names}", key="only")
    core = _core()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    done: list[Compared] = []
    starts: tuple[Start, ...] = ()
    with tempfile.TemporaryDirectory(prefix="sdr-detect-bench-") as name:
        files = Files(Path(name))
        for title, (module, comparison) in known.items():
            if plan.only and title not in plan.only:
                continue
            progress(f"{title}: files")
            length_s = plan.length_s * comparison.length
            sample = files.sample(comparison.scene, comparison.datatype, length_s)
            with tempfile.TemporaryDirectory(dir=name) as folder:
                race = _Race(module, comparison, sample, Path(folder), core)
                done.append(race.run(plan.rounds, progress))
        if not plan.only or startup.NAME in plan.only:
            progress("start-up")
            starts = startup.measure(files, 1 if plan.quick else 5)
    return Bench(
        software=describe(),
        processor_model=_processor_model(),
        cores=os.cpu_count() or 1,
        core=core,
        load=load,
        seconds=plan.length_s,
        repeats=plan.rounds,
        quick=plan.quick,
        comparisons=tuple(done),
        starts=starts,
    )


@dataclass(slots=True)
class _Lane:
    """One contender: its process while it runs, its times, and what became of it."""

    contender: Contender
    row: Row
    child: Child | None = None
    speeds: list[float] = field(default_factory=list)

    def fail(self, why: str) -> None:
        if self.child is not None:
            self.child.close()
        self.child = None
        self.row = self.row.model_copy(update={"state": "failed", "detail": why})


class _Race:
    """One comparison: all processes stand ready, and take turns."""

    def __init__(
        self, module: str, comparison: Comparison, sample: Sample, folder: Path, core: int | None
    ) -> None:
        self._module = module
        self._comparison = comparison
        self._sample = sample
        self._folder = folder
        self._core = core

    def run(self, rounds: int, progress: Progress) -> Compared:
        """Start all, measure them in turns, check what they yielded."""
        name = self._comparison.name
        with contextlib.ExitStack() as stack:
            lanes = []
            for number, contender in enumerate(self._comparison.contenders):
                progress(f"{name}: {contender.name}")
                lanes.append(self._lane(number, contender, stack))
            for turn in range(rounds):
                progress(f"{name}: round {turn + 1} of {rounds}")
                # Whoever comes first finds the processor cooler and its cache emptier.
                at = turn % len(lanes)
                for lane in (*lanes[at:], *lanes[:at]):
                    self._pass(lane)
            for lane in lanes:
                self._check(lane)
        return Compared(
            name=name,
            title=self._comparison.title,
            note=self._comparison.note,
            datatype=self._sample.datatype,
            sample_rate_hz=self._sample.rate_hz,
            sample_count=self._sample.count,
            tolerance=self._comparison.tolerance,
            rows=_rows(lanes),
        )

    def _lane(self, number: int, contender: Contender, stack: contextlib.ExitStack) -> _Lane:
        lane = _Lane(contender, Row(contender=contender.name, kind=contender.kind, state="ok"))
        python = python_with(contender.library)
        if python is None:
            detail = f"{contender.library} is not installed"
            lane.row = lane.row.model_copy(update={"state": "absent", "detail": detail})
            return lane
        folder = self._folder / str(number)
        folder.mkdir()
        try:
            lane.child = stack.enter_context(
                Child(
                    self._module,
                    self._comparison,
                    contender,
                    self._sample,
                    python,
                    folder,
                    self._core,
                )
            )
        except ChildFailed as exc:
            lane.fail(str(exc))
        return lane

    def _pass(self, lane: _Lane) -> None:
        if lane.child is None:
            return
        try:
            lane.speeds.append(self._sample.count / lane.child.cpu_s() / 1e6)
        except ChildFailed as exc:
            lane.fail(str(exc))

    def _check(self, lane: _Lane) -> None:
        if lane.child is None:
            return
        found: dict[str, object] = {"version": lane.child.version}
        try:
            found["peak_bytes"] = lane.child.peak_bytes()
        except ChildFailed as exc:
            lane.fail(str(exc))
            return
        if lane.contender.kind != "limit":
            error = self._comparison.error(self._sample, lane.child.result())
            found["error"] = error
            if not error <= self._comparison.tolerance:
                found["state"] = "disagrees"
                found["error"] = error if error < float("inf") else None
                found["detail"] = (
                    f"its result is off by {error:.2g}, more than "
                    f"{self._comparison.tolerance:.2g}: it did other work"
                )
        lane.row = lane.row.model_copy(update=found)


def _rows(lanes: list[_Lane]) -> tuple[Row, ...]:
    """All rows with their medians; ratios are of passes of the same round."""
    ours = _speeds(lanes, "ours")
    limit = _speeds(lanes, "limit")
    rows = []
    for lane in lanes:
        if lane.row.state != "ok":
            rows.append(lane.row)
            continue
        own = lane.speeds
        update = {
            "msps_per_cpu_s": statistics.median(own),
            "slowest": min(own),
            "fastest": max(own),
            "ours_over_this": _ratio(ours, own),
            "of_limit": _ratio(own, limit),
        }
        rows.append(lane.row.model_copy(update=update))
    return tuple(rows)


def _speeds(lanes: list[_Lane], kind: str) -> list[float]:
    """Of the contender of that kind; none if it is not there or did other work."""
    return next(
        (la.speeds for la in lanes if la.contender.kind == kind and la.row.state == "ok"), []
    )


def _ratio(over: list[float], under: list[float]) -> float | None:
    if not over or not under:
        return None
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def _core() -> int | None:
    """The processor to keep to: the last one allowed; None where the system has no say."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
