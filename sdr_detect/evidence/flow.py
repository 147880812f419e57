"""Guided flows: what a case still needs, step by step. Each is one TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import Field, model_validator

from sdr_detect.config import Strict, build, read_toml
from sdr_detect.errors import EvidenceError
from sdr_detect.evidence.attribution import ROLES
from sdr_detect.evidence.case import Case


class Need(Strict):
    """One thing a step needs: exactly one kind of it."""

    #: A field of the vessel that must be known; ``number`` is IMO or MMSI.
    vessel: str | None = None
    #: Recordings made for this purpose, so many of them.
    recording: str | None = None
    count: int = Field(default=1, ge=1)
    #: Another attachment of this kind.
    attached: str | None = None
    #: A position of the receiver.
    position: bool = False
    #: Recordings whose clock's error was known.
    clock: bool = False

    @model_validator(mode="after")
    def _one(self) -> Need:
        given = [self.vessel, self.recording, self.attached, self.position, self.clock]
        if sum(map(bool, given)) != 1:
            raise ValueError("a need names exactly one thing")
        if self.recording is not None and self.recording not in ROLES:
            raise ValueError(f"no such purpose of a recording: {self.recording!r}")
        return self

    def missing(self, case: Case) -> str | None:
        """What is missing in words; None when it is there."""
        if self.vessel is not None:
            return _missing_of_vessel(case, self.vessel)
        if self.recording is not None:
            count = sum(one.role == self.recording for one in case.current("recording"))
            if count >= self.count:
                return None
            return f"{self.count - count} recordings, {ROLES[self.recording]} ({self.recording})"
        if self.attached is not None:
            return None if case.current(self.attached) else f"an attachment: {self.attached}"
        if self.position:
            return None if case.position is not None else "the receiver's position"
        return _missing_clock(case)


def _missing_of_vessel(case: Case, field: str) -> str | None:
    if field == "number":
        known = case.vessel.imo or case.vessel.mmsi
        return None if known else "the vessel's IMO number or MMSI"
    return None if getattr(case.vessel, field) else f"the vessel's {field}"


def _missing_clock(case: Case) -> str | None:
    loose = [one.id for one in case.current("recording") if one.facts.get("time_error_ns") is None]
    return f"a clock with a known error, for {', '.join(loose)}" if loose else None


class Step(Strict):
    """One step; it is done when somebody has stated it and nothing it needs is missing."""

    id: str = Field(pattern=r"^[a-z_]+$")
    title: str
    do: str
    minutes: float = Field(gt=0)
    optional: bool = False
    needs: tuple[Need, ...] = ()


class Flow(Strict):
    """A whole flow."""

    id: str
    title: str
    step: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is."""

    step: Step
    stated: str | None
    missing: tuple[str, ...]

    @property
    def done(self) -> bool:
        """Whether it is stated and complete."""
        return self.stated is not None and not self.missing


def flows() -> dict[str, Flow]:
    """The flows that ship with the program, by name."""
    found = {}
    with resources.as_file(resources.files("sdr_detect.evidence") / "flows") as folder:
        for path in sorted(Path(folder).glob("*.toml")):
            found[path.stem] = build(Flow, {"id": path.stem, **read_toml(path)}, file=path)
    return found


def flow(name: str) -> Flow:
    """One flow.

    Raises
    ------
    EvidenceError
        There is none of this name.
    """
    known = flows()
    if name not in known:
        raise EvidenceError(f"there is no flow {name!r}; known: {', '.join(known)}")
    return known[name]


def progress(case: Case) -> list[Progress]:
    """Every step of a case's flow, and what is missing."""
    return [
        Progress(
            step,
            case.steps[step.id][1] if step.id in case.steps else None,
            tuple(text for need in step.needs if (text := need.missing(case)) is not None),
        )
        for step in flow(case.flow).step
    ]


def unfinished(case: Case) -> list[str]:
    """Steps of the flow that are not done, in words: a case may be sealed without them."""
    return [
        f"{one.step.title}: {'; '.join(one.missing) or 'not stated'}"
        for one in progress(case)
        if not one.done and not one.step.optional
    ]
