"""A librtlsdr without hardware, built here, under the real pyrtlsdr."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

Process = subprocess.Popen[str]


@pytest.fixture(autouse=True)
def drivers_may_log() -> None:
    """import-linter, run by another test in the same process, disables all loggers."""
    for name, logger in logging.Logger.manager.loggerDict.items():
        if name.startswith("sdr_detect_hardware") and isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built library."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the fake librtlsdr cannot be built")
    out = tmp_path_factory.mktemp("fake") / "librtlsdr.so.0"
    source = Path(__file__).with_name("fake_rtlsdr.c")
    command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(out), str(source), "-lm"], check=True)
    return out


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts ``sdr-detect`` processes and ends what is left of them."""
    with contextlib.ExitStack() as stack:

        def begin(*words: object, env: dict[str, str] | None = None) -> Process:
            process = subprocess.Popen(
                [sys.executable, "-m", "sdr_detect", *map(str, words)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **(env or {})},
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def fake_usb(fake_library: Path, tmp_path: Path) -> dict[str, str]:
    """Environment in which pyrtlsdr finds the fake library."""
    package = tmp_path / "lib" / "pyrtlsdrlib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"import ctypes\n\ndef load_librtlsdr():\n    return ctypes.CDLL({str(fake_library)!r})\n"
    )
    return {"PYTHONPATH": str(package.parent), "FAKE_RTLSDR_LOG": str(tmp_path / "calls.log")}


@pytest.fixture
def rtlsdr_log(fake_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the library under pyrtlsdr; the file that its calls are written to."""
    if importlib.util.find_spec("rtlsdr") is None:
        pytest.skip("pyrtlsdr is not installed")
    stub = ModuleType("pyrtlsdrlib")
    library = ctypes.CDLL(str(fake_library))
    stub.load_librtlsdr = lambda: library  # type: ignore[attr-defined]
    for name in [n for n in sys.modules if n.partition(".")[0] in ("rtlsdr", "pyrtlsdrlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyrtlsdrlib", stub)
    log = tmp_path / "calls.log"
    monkeypatch.setenv("FAKE_RTLSDR_LOG", str(log))
    monkeypatch.delenv("FAKE_RTLSDR", raising=False)
    return log
