"""The house rules that no reviewer should have to remember."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sdr_detect", "hardware", "gui")
MAX_LINES = 500

#: Calls by which known radio libraries transmit.
TRANSMIT = re.compile(r"SOAPY_SDR_TX|writeStream|start_tx|hackrf_transfer|tx_stream|sendBuffer")

#: An absolute path, and the first parts of those that every machine has.
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/<>{}()%*$\]-])/([A-Za-z]+)/\w")
EVERYWHERE = {"bin", "dev", "etc", "lib", "no", "path", "proc", "run", "sys", "tmp", "usr", "var"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_import_contracts_hold() -> None:
    # In a process of its own: the linter switches off every logger in its own.
    path = os.pathsep.join(str(ROOT / root) for root in (".", "gui", "hardware"))
    run = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_core_draws_no_random_number_and_opens_no_file() -> None:
    """What import contracts cannot see: numpy's generators and the built-in ``open``."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (core,) = (c["source_modules"] for c in contracts["contracts"] if c["type"] == "forbidden")
    paths = [ROOT / name.replace(".", "/") for name in core]
    files = [file for path in paths for file in (*path.rglob("*.py"), path.with_suffix(".py"))]
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in files
        if file.exists()
        for match in re.finditer(r"\brandom\.|(?<![.\w])open\(", file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_files_stay_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*PACKAGES, "tests", "scripts")
    }
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_nothing_transmits() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sources(*PACKAGES, "scripts")
        for match in TRANSMIT.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_path_of_one_machine() -> None:
    files = [*sources(*PACKAGES, "tests", "scripts"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    files += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.rglob("scripts/*.sh")]
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files
        for match in ABSOLUTE_PATH.finditer(path.read_text(encoding="utf-8"))
        if match[1] not in EVERYWHERE
    ]
    assert found == []


WITHOUT_EXTRAS = """
import importlib, pkgutil, sys

class Absent:
    names = {
        "PySide6", "distributed", "pyais", "pyarrow", "pyqtgraph", "rtlsdr", "shapely",
        "SoapySDR", "sqlalchemy", "sdr_detect_gui", "sdr_detect_hardware",
    }

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import sdr_detect

names = [m.name for m in pkgutil.walk_packages(sdr_detect.__path__, "sdr_detect.")]
for name in names:
    # Verbs of cases import these three, and say which extra is missing.
    if not name.endswith(("__main__", "evidence.store", "evidence.ais", "evidence.zones")):
        importlib.import_module(name)
print(len(names), "modules")
"""


def test_core_imports_without_desktop_and_drivers(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_EXTRAS],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 20


def test_help_answers_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from sdr_detect.cli import build_app; "
        "build_app()(['--help'], standalone_mode=False); heavy = "
        "{'numpy', 'scipy', 'numba', 'matplotlib', 'pydantic', 'rich', 'zmq'}; "
        "print(*sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: ")
    assert done.stderr.split() == []
