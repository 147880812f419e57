"""From nothing to an answer: what a user waits for."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path

from sdr_detect.bench.results import Start
from sdr_detect.bench.signal import RF_HZ, Files
from sdr_detect.ownprocess import module_command

NAME = "startup"

#: What is allowed, seconds on an idle machine.
HELP_S = 0.4
FIRST_RESULT_S = 3.0

#: A dwell and a bit: the shortest recording with a verdict worth having.
_RECORDING_S = 0.12


def measure(files: Files, repeats: int) -> tuple[Start, ...]:
    """Time each command several times; the first run, which fills caches, does not count."""
    sample = files.sample("busy", "cs8", _RECORDING_S)
    recording = [
        sample.path,
        *("--format", sample.datatype, "--rate", str(sample.rate_hz), "--rf", str(RF_HZ)),
    ]
    return (
        _start("help", ["--help"], HELP_S, repeats),
        _start("first result", ["analyze", *recording, "--json", "-"], FIRST_RESULT_S, repeats),
    )


def _start(name: str, arguments: list[str], limit_s: float, repeats: int) -> Start:
    walls, cpus = [], []
    # This very copy of the program.
    path = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    for _ in range(repeats + 1):
        wall_s, before = time.perf_counter(), os.times()
        command = module_command("sdr_detect", *arguments)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=env)
        after = os.times()
        walls.append(time.perf_counter() - wall_s)
        cpus.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    return Start(
        name=name,
        command=f"sdr-detect {arguments[0]}",
        wall_s=statistics.median(walls[1:]),
        cpu_s=statistics.median(cpus[1:]),
        limit_s=limit_s,
    )
