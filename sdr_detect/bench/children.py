"""The processes that do the work, one a contender, and how they are spoken to."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench import worker
from sdr_detect.bench.work import Comparison, Contender, Sample
from sdr_detect.ownprocess import ONE_THREAD

#: A pass that takes longer than this is given up.
LONGEST_S = 300.0


class ChildFailed(Exception):
    """A contender's process ended or took too long; the message says why."""


class Child:
    """One contender at work in a process of its own.

    Parameters
    ----------
    folder : Path
        For its result and its complaints.
    core : int or None
        The processor it is kept to.

    Raises
    ------
    ChildFailed
        It could not do the work once.
    """

    def __init__(
        self,
        module: str,
        comparison: Comparison,
        contender: Contender,
        sample: Sample,
        python: str,
        folder: Path,
        core: int | None,
    ) -> None:
        self._folder = folder
        job = {
            "module": module,
            "comparison": comparison.name,
            "contender": contender.name,
            "sample": asdict(sample),
            "result": str(folder / "result.npz"),
            "core": core,
            "own": python == sys.executable,
        }
        self._errors = (folder / "stderr").open("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [python, "-P", worker.__file__, json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | ONE_THREAD,
        )
        try:
            self.version = str(self._answer()["version"])
        except ChildFailed:
            self.close()
            raise

    def cpu_s(self) -> float:
        """Processor time of one pass, all threads together.

        Raises
        ------
        ChildFailed
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildFailed(self._complaint()) from None
        return float(self._answer()["cpu_s"])

    def result(self) -> dict[str, NDArray[Any]]:
        """What the first pass yielded."""
        with np.load(self._folder / "result.npz", allow_pickle=False) as kept:
            return dict(kept)

    def peak_bytes(self) -> int | None:
        """End it; the most memory it held, None where the system does not tell.

        Raises
        ------
        ChildFailed
        """
        assert self._process.stdin is not None
        self._process.stdin.close()
        peak: int | None = self._answer()["peak_bytes"]
        return peak

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(LONGEST_S, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise ChildFailed(self._complaint())
        said: dict[str, Any] = json.loads(line)
        return said

    def _complaint(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with status {code}"


@functools.cache
def python_with(library: str) -> str | None:
    """The interpreter that can import a library, or start a program of that name.

    This one, else the system's own: GNU Radio comes from the operating system, and is
    seldom in a virtual environment.
    """
    if importlib.util.find_spec(library) is not None or shutil.which(library) is not None:
        return sys.executable
    for python in dict.fromkeys(("/usr/bin/python3", shutil.which("python3"))):
        if python is None or not Path(python).exists():
            continue
        tried = subprocess.run(
            [python, "-c", f"import sys, numpy, {library}; assert sys.version_info >= (3, 11)"],
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return python
    return None
