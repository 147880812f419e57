"""How far the clock of this machine may be off, by chrony or by the kernel."""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import asdict, dataclass
from typing import Any

from sdr_detect import hostclock

#: Reference of a chrony that has no source and serves its own clock.
_LOCAL_REFERENCE = "7F7F0101"
_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class ClockQuality:
    """Whether a source of time steers the clock, and the bound on its error.

    ``bound_ns`` is None when no source does, or none tells.
    """

    source: str
    synchronised: bool
    bound_ns: int | None
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def quality() -> ClockQuality:
    """Ask chrony, if it is there, else the kernel."""
    if shutil.which("chronyc") is not None:
        found = _chrony()
        if found is not None:
            return found
    bound = hostclock.error_ns()
    if bound is None:
        return ClockQuality("kernel", False, None, "no time source steers this clock")
    return ClockQuality("kernel", True, bound, f"error at most {bound / 1e6:.3g} ms")


def _chrony() -> ClockQuality | None:
    try:
        done = subprocess.run(
            ["chronyc", "-c", "tracking"],
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else parse_tracking(done.stdout)


def parse_tracking(line: str) -> ClockQuality | None:
    """Read chrony's tracking report in CSV; None when it is none.

    Its leap state "Normal" is no proof: a chrony without sources that serves its own
    clock says the same. The reference tells.
    """
    fields = line.strip().split(",")
    try:
        reference, name, stratum = fields[0], fields[1], int(fields[2])
        offset_s, delay_s, dispersion_s = (float(fields[place]) for place in (4, 10, 11))
        leap = fields[13]
    except (IndexError, ValueError):
        return None
    bound_s = abs(offset_s) + dispersion_s + delay_s / 2
    if leap == "Not synchronised" or stratum == 0 or reference in (_LOCAL_REFERENCE, "00000000"):
        why = "it serves its own clock" if reference == _LOCAL_REFERENCE else "it has no source"
        return ClockQuality("chrony", False, None, f"chrony runs, and {why}")
    if not math.isfinite(bound_s):
        return ClockQuality("chrony", False, None, "chrony states no bound")
    return ClockQuality(
        "chrony",
        True,
        round(bound_s * 1e9),
        f"reference {name or reference}, stratum {stratum}, error at most {bound_s * 1e3:.3g} ms",
    )
