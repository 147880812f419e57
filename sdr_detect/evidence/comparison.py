"""What an inspector's tests showed: the JSON Lines that ``sdr-detect compare`` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdr_detect.errors import EvidenceError

#: A result has some thousand lines at most.
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test: which, and whether the emission counts for the vessel.

    ``attributed`` is None when the test decided nothing.
    """

    name: str
    kinds: tuple[str, ...]
    attributed: bool | None
    reasons: tuple[str, ...]

    def sentence(self) -> str:
        """For the grounds of a conclusion."""
        said = {True: "counts for this vessel", False: "does not count for this vessel"}
        word = "decided nothing" if self.attributed is None else said[self.attributed]
        why = f": {self.reasons[0]}" if self.reasons else ""
        return f"test {self.name} ({', '.join(self.kinds)}) {word}{why}"


def read(name: str, content: bytes) -> Comparison:
    """Read a result.

    Raises
    ------
    EvidenceError
        It is no result of a comparison.
    """
    wanted = "write one with 'sdr-detect compare … --json FILE'"
    if len(content) > MAX_BYTES:
        raise EvidenceError(f"{name} has {len(content)} bytes and is no comparison; {wanted}")
    try:
        lines = [json.loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError) as exc:
        raise EvidenceError(f"{name} is no JSON Lines ({exc}); {wanted}") from exc
    tests = [line for line in lines if _of(line, "comparison")]
    if not lines or not _of(lines[-1], "verdict") or "attributed" not in lines[-1]:
        raise EvidenceError(f"{name} has no verdict of a comparison; {wanted}")
    attributed, reasons = lines[-1]["attributed"], lines[-1].get("reasons", [])
    if attributed not in (True, False, None) or not isinstance(reasons, list):
        raise EvidenceError(f"{name} has a damaged verdict; {wanted}")
    kinds = sorted({str(test.get("kind")) for test in tests}) or ["nothing to compare"]
    return Comparison(name, tuple(kinds), attributed, tuple(map(str, reasons)))


def _of(line: Any, kind: str) -> bool:
    return isinstance(line, Mapping) and line.get("type") == kind
