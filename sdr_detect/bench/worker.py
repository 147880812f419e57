"""A process that does one contender's work whenever it is told to.

Run by its path, also by an interpreter that knows nothing of this project but has
GNU Radio. It answers each line on its input with a line of JSON: first that it has
done the work once and kept the result, then the processor time of each further
pass; at the end of the input, the most memory that it held.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(job: dict[str, Any]) -> None:
    """Do the job that the command line describes."""
    if job["core"] is not None:
        os.sched_setaffinity(0, {job["core"]})
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**said: Any) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    from sdr_detect.bench.work import Sample

    comparisons = importlib.import_module(job["module"]).COMPARISONS
    (comparison,) = (c for c in comparisons if c.name == job["comparison"])
    (contender,) = (c for c in comparison.contenders if c.name == job["contender"])
    work = contender.prepare(Sample(**job["sample"]))
    np.savez(job["result"], **work())
    answer(version=_version(contender.library))
    for _ in sys.stdin:
        begun = _cpu_s()
        work()
        answer(cpu_s=_cpu_s() - begun)
    answer(peak_bytes=_peak_bytes())


def _cpu_s() -> float:
    """Processor time of this process and of programs that it ran."""
    run = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + run.ru_utime + run.ru_stime


def _version(library: str) -> str:
    if library == "gnuradio":
        from gnuradio import gr

        return str(gr.version())
    if importlib.util.find_spec(library) is None:
        told = subprocess.run([library, "-V"], capture_output=True, text=True, check=False)
        return (told.stdout + told.stderr).splitlines()[0]
    return str(importlib.import_module(library).__version__)


def _peak_bytes() -> int | None:
    """Most memory held; None where a program did the work, or the system does not tell.

    A process' `ru_maxrss` would be its parent's, if that is larger.
    """
    if resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss:
        return None
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    # This very copy of the program; but what a foreign interpreter has of its own, such as
    # the numpy that its GNU Radio was built for, goes before what may lie beside it here.
    place = 0 if told["own"] else len(sys.path)
    sys.path.insert(place, str(Path(__file__).resolve().parents[2]))
    main(told)
