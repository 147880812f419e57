"""``sdr-detect doctor``: what this machine lacks, and the command that helps."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._output import JsonOption, json_output

if TYPE_CHECKING:
    from sdr_detect.registry import Finding


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("doctor")(doctor)


def doctor(json: JsonOption = None) -> None:
    """Check this machine: drivers, access to devices, clock, compiled code.

    Each finding is ok, missing (needed for some receivers only) or a fault, with
    the command that helps. Exit code 1 when there is a fault.

    Example: sdr-detect doctor
    """
    from sdr_detect.registry import check_drivers
    from sdr_detect.sinks.jsonl import JsonLines

    findings = [_compiled_code(), _clock(), *check_drivers()]
    with json_output(json) as out:
        if out is not None:
            for finding in findings:
                JsonLines(out).write_object({"type": "check"} | asdict(finding))
    if json != "-":
        for finding in findings:
            print(f"{finding.state:<8} {finding.name}: {finding.detail}")
            if finding.remedy:
                print(f"         remedy: {finding.remedy}")
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(_exit.FAILURE)


def _compiled_code() -> Finding:
    """What is not compiled yet is compiled; numba looks for a folder when it is imported."""
    from sdr_detect.registry import Finding

    name = "compiled code"
    try:
        from sdr_detect import compiled
    except RuntimeError as exc:
        return Finding(name, "fault", str(exc), "export NUMBA_CACHE_DIR=$HOME/.cache/numba")
    compiled.ready()
    kernel, _ = compiled.KERNELS[0]
    return Finding(name, "ok", f"kept in {kernel.stats.cache_path}")


def _clock() -> Finding:
    from sdr_detect import hostclock
    from sdr_detect.registry import Finding

    error_ns = hostclock.error_ns()
    if error_ns is None:
        return Finding(
            "clock",
            "missing",
            "nothing steers the clock of this machine: UTC in results has no known error",
            "sudo apt install chrony",
        )
    return Finding("clock", "ok", f"steered; UTC is within ±{error_ns / 1e6:g} ms")
