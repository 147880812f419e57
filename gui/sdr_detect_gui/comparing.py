"""An inspector's test, leg by leg: towards and away, or open and covered. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from sdr_detect.errors import FormatError

Kind = Literal["off-target", "absorber"]
Side = Literal["on", "off"]

#: Length of a leg.
LEG_S = 20.0

#: What a recording of a leg is attached to a case for.
PURPOSES: dict[tuple[str, str], str] = {
    ("off-target", "on"): "on_target",
    ("off-target", "off"): "off_target",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a comparison says."""

    kind: Kind
    verdict: str
    attributed: bool | None
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Comparison:
    """The legs of one test.

    Attributes
    ----------
    legs : list of (side, path)
        Done, in order.
    running : str or None
        The leg that is recorded now.
    """

    kind: Kind = "off-target"
    legs: list[tuple[Side, str]] = field(default_factory=list)
    running: Side | None = None
    outcome: Outcome | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """On and off, in the order in which they were recorded."""
        ons = [path for side, path in self.legs if side == "on"]
        offs = [path for side, path in self.legs if side == "off"]
        return list(zip(ons, offs, strict=False))

    def words(self, out: str) -> list[str]:
        """The verb that compares what was recorded."""
        told = ["compare", "--kind", self.kind, "--json", out]
        for on, off in self.pairs():
            told += ["--on", on, "--off", off]
        return told


def read_outcome(kind: Kind, text: str) -> Outcome:
    """What JSON Lines of ``compare`` say.

    Raises
    ------
    FormatError
        There is no verdict in them.
    """
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line]
        last = lines[-1]
        attributed = last["attributed"]
        if last["type"] != "verdict" or not isinstance(attributed, bool | None):
            raise ValueError("no verdict")
        return Outcome(kind, str(last["verdict"]), attributed, tuple(map(str, last["reasons"])))
    except (ValueError, KeyError, IndexError, TypeError) as exc:
        raise FormatError(
            f"the comparison's result has no verdict in its last line: {exc}"
        ) from exc
