"""Libraries of receivers without hardware, built here, under the real drivers."""

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


def _build(name: str, folder: Path) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the fake libraries cannot be built")
    out = folder / f"lib{name}.so.0"
    source = Path(__file__).with_name(f"fake_{name}.c")
    command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread"]
    command += [f"-Wl,-soname,{out.name}", "-o", str(out), str(source), "-lm"]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built librtlsdr."""
    return _build("rtlsdr", tmp_path_factory.mktemp("fake"))


@pytest.fixture(scope="session")
def soapy_fakes(fake_library: Path) -> Path:
    """The folder with both libraries, for the real SoapySDR modules."""
    try:
        ctypes.CDLL("libSoapySDR.so.0.8")
    except OSError as exc:
        pytest.skip(f"SoapySDR is not installed ({exc})")
    folder = fake_library.parent
    _build("hackrf", folder)
    command = [sys.executable, "-m", "sdr_detect_hardware._soapy_look"]
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    for module in ("libHackRFSupport.so", "librtlsdrSupport.so"):
        if module not in done.stdout:
            pytest.skip(f"SoapySDR's {module} is not installed: {done.stdout} {done.stderr}")
    return folder


@pytest.fixture
def soapy_logs(
    soapy_fakes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """Puts the libraries under the modules in this process; the files of calls by driver."""
    logs = {}
    for name in ("hackrf", "rtlsdr"):
        # The modules need them by this name, and take what is already loaded.
        ctypes.CDLL(str(soapy_fakes / f"lib{name}.so.0"), ctypes.RTLD_GLOBAL)
        logs[name] = tmp_path / f"{name}.log"
        monkeypatch.setenv(f"FAKE_{name.upper()}_LOG", str(logs[name]))
        monkeypatch.setenv(f"FAKE_{name.upper()}", "")
    return logs


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
