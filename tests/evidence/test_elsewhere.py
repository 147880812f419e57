"""A package is computed again on another processor: the same machine, used as an old one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from sdr_detect.evidence import package, signing
from tests.evidence.parts import SIGNED, Sealed, files, record

#: As numpy, numba and OpenBLAS compute on any x86-64 processor.
OLD = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(n for n in __cpu_dispatch__ if __cpu_features__[n]),
    "NUMBA_CPU_NAME": "generic",
    "OPENBLAS_CORETYPE": "Prescott",
}


@pytest.fixture(scope="module")
def found(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in which there is something to be measured."""
    folder = tmp_path_factory.mktemp("found")
    recordings = [
        files(record(folder, "on", cn_db=9.0, duration_s=0.1), "r1", "on_target"),
        files(record(folder, "weak", cn_db=-9.0, duration_s=0.1), "r2", "off_target"),
    ]
    path = folder / "found.sdrcase"
    contents = replace(sealed.contents, recordings=recordings)
    package.seal(path, contents, signing.read_secret(sealed.secret), SIGNED)
    return path


def recomputed(path: Path, switches: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "sdr_detect", "verify", str(path), "--recompute", "--json"],
        capture_output=True, text=True, check=False, env=os.environ | switches,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)["recomputed"]
    return said


def test_within_tolerance_on_an_old_processor(found: Path) -> None:
    said = recomputed(found, OLD)
    assert said["differences"] == []
    assert said["same_build"] is False
    assert said["compared"] > 200
