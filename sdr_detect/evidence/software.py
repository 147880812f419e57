"""Which program made a result: versions, and a digest of its own files."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from llvmlite import binding as llvm

import sdr_detect

#: Libraries whose version may change a number.
_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "h5py", "pydantic")

#: What makes the libraries use less of the processor than it has, or another part.
_SWITCHES = (
    "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES",
    "NUMBA_OPT", "OPENBLAS_CORETYPE",
)  # fmt: skip


@cache
def build_sha256() -> str:
    """Digest of every source and data file of the library, by name and content."""
    root = Path(sdr_detect.__file__).parent
    state = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".toml", ".j2")):
        state.update(path.relative_to(root).as_posix().encode() + b"\0")
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def describe() -> dict[str, Any]:
    """The program, its libraries and the machine, for a package.

    The processor is part of it: numpy and numba use what it offers, and round otherwise.
    """
    features = llvm.get_host_cpu_features().flatten()
    return {
        "program": "sdr-detect",
        "version": sdr_detect.__version__,
        "build_sha256": build_sha256(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "machine": platform.machine(),
        "processor": llvm.get_host_cpu_name(),
        "processor_features_sha256": hashlib.sha256(features.encode()).hexdigest(),
        "processor_switches": {name: os.environ[name] for name in _SWITCHES if name in os.environ},
        "system": sys.platform,
    }
