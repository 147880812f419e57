"""No live session compiles in the middle, and compiled code finds a place or says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Makes all ready, then runs what the command line says; prints what was added to the
#: compiled functions while samples were coming.
WATCHED = """
import json, sys
from numba.core.registry import CPUDispatcher
from sdr_detect import runner
from sdr_detect.cli import build_app
from sdr_detect.compiled import ready

def known():
    return {
        f"{value.py_func.__module__}.{value.py_func.__name__} {signature}"
        for name, module in list(sys.modules.items()) if name.startswith("sdr_detect")
        for value in vars(module).values() if isinstance(value, CPUDispatcher)
        for signature in value.nopython_signatures
    }

run, added = runner.run, set()

def watched(*args, **kwargs):
    before = known()
    verdict = run(*args, **kwargs)
    added.update(known() - before)
    return verdict

import sdr_detect.analysis
runner.run = sdr_detect.analysis.run = watched
readied, *commands = json.loads(sys.argv[1])
if readied:
    ready()
for command in commands:
    build_app()(command, standalone_mode=False)
print(json.dumps(sorted(added)))
"""


def added(ready: bool, *commands: list[str]) -> list[str]:
    path = os.pathsep.join(str(ROOT / root) for root in (".", "gui", "hardware"))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps([ready, *commands])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_all_that_recordings_of_all_kinds_call_is_ready(tmp_path: Path) -> None:
    recordings = [str(path) for path in sorted(ROOT.glob("recordings/*.sigmf-meta"))]
    assert len(recordings) > 10
    analyze = ["analyze", *recordings, "--json", str(tmp_path / "found.jsonl")]
    assert added(True, analyze) == []
    # Without it functions do come in the middle: the test can fail.
    assert added(False, ["analyze", recordings[0], "--json", str(tmp_path / "one.jsonl")]) != []


def test_a_watch_compiles_nothing_once_it_has_begun(tmp_path: Path) -> None:
    source = f"file://{ROOT}/recordings/starlink_subband_20m.sigmf-meta?pace=0"
    found = tmp_path / "found.jsonl"
    shown = ["--publish-view", f"ipc://{tmp_path}/view", "--occupancy"]
    assert added(False, ["monitor", "--source", source, "--json", str(found), *shown]) == []
    last = json.loads(found.read_text().splitlines()[-1])
    assert last["verdict"] == "detected"


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    """An install whose folders for compiled code cannot be made, for root neither."""
    package = tmp_path / "install" / "sdr_detect"
    shutil.copytree(ROOT / "sdr_detect", package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("")
    return package.parent


def run(install: Path, cache: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(install), "XDG_CACHE_HOME": str(cache)}
    env.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=install,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )


def test_a_read_only_install_keeps_compiled_code_with_the_user(
    unwritable: Path, tmp_path: Path
) -> None:
    code = "from sdr_detect.dsp import kernels; print(kernels.cell_statistics.stats.cache_path)"
    done = run(unwritable, tmp_path / "cache", "-c", code)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "cache")


def test_where_nothing_can_be_written_the_remedy_is_named(unwritable: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    recording = str(ROOT / "recordings" / "blank_2m4.sigmf-meta")
    done = run(unwritable, nowhere, "-m", "sdr_detect", "analyze", recording)
    assert done.returncode == 2
    assert "NUMBA_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr
