"""What came out: the JSON that ``bench`` writes, as models."""

from __future__ import annotations

from typing import Any, Literal

from sdr_detect.config import Strict

#: Form of the JSON; a change that breaks readers raises it.
SCHEMA = 1


class Row(Strict):
    """One contender of a comparison; numbers are None unless ``state`` is ``ok``.

    ``msps_per_cpu_s`` is the median over the rounds, with the slowest and fastest.
    ``ours_over_this`` is how many times as fast ours is, ``of_limit`` the share of what
    the transforms alone reach: medians of each round's ratio. ``error`` is how far the
    result lies from plain double precision.
    """

    contender: str
    kind: Literal["ours", "peer", "limit"]
    state: Literal["ok", "absent", "failed", "disagrees"]
    detail: str = ""
    version: str | None = None
    msps_per_cpu_s: float | None = None
    slowest: float | None = None
    fastest: float | None = None
    ours_over_this: float | None = None
    of_limit: float | None = None
    error: float | None = None
    peak_bytes: int | None = None


class Compared(Strict):
    """One comparison."""

    name: str
    title: str
    note: str
    datatype: str
    sample_rate_hz: float
    sample_count: int
    tolerance: float
    rows: tuple[Row, ...]

    @property
    def times_real_time(self) -> float | None:
        """Seconds of signal that a second of one core takes in, by ours."""
        (speed,) = (row.msps_per_cpu_s for row in self.rows if row.kind == "ours")
        return None if speed is None else speed * 1e6 / self.sample_rate_hz


class Start(Strict):
    """How long a command takes from nothing: medians, seconds, and what is allowed."""

    name: str
    command: str
    wall_s: float
    cpu_s: float
    limit_s: float


class Bench(Strict):
    """The whole run. ``core`` is the processor that all were kept to, None if none."""

    type: Literal["bench"] = "bench"
    schema_: int = SCHEMA
    software: dict[str, Any]
    processor_model: str
    cores: int
    core: int | None
    load: float | None
    seconds: float
    repeats: int
    quick: bool
    comparisons: tuple[Compared, ...]
    starts: tuple[Start, ...]

    @property
    def sound(self) -> bool:
        """Whether everybody who is there did the same work."""
        rows = (row for compared in self.comparisons for row in compared.rows)
        return all(row.state in ("ok", "absent") for row in rows)

    def to_json(self) -> dict[str, Any]:
        """One object, ready for JSON."""
        data = self.model_dump(mode="json")
        return {("schema" if key == "schema_" else key): value for key, value in data.items()}
