"""`sdr-detect gui` where there is no desktop: it says what is missing and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.startswith({name!r}):
            raise ModuleNotFoundError("libEGL.so.1: cannot open shared object file", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = ["sdr-detect", *{words!r}]
from sdr_detect.cli import main
main()
"""


def run(
    words: list[str], *, absent: str = "nothing_at_all", **changes: str
) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
    env.pop("WAYLAND_DISPLAY", None)
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-c", ABSENT.format(name=absent, words=["gui", *words])],
        capture_output=True, text=True, check=False, env=env | changes, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [[], ["a.wav", "--source", "rtlsdr://0"], ["--source", "sim://a", "--subscribe", "ipc:///a"]],
)
def test_one_thing_is_looked_at(words: list[str]) -> None:
    done = run(words)
    assert done.returncode == 2
    assert "give one" in " ".join(done.stderr.split())


def test_a_library_that_qt_lacks_is_named_with_its_remedy() -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="Qt is missing", exc_type=ImportError)
    done = run(["--source", "rtlsdr://0"], absent="PySide6.QtWidgets")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "libEGL.so.1" in done.stderr
    assert "apt-get install" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="screens are named so on Linux")
def test_without_a_screen_it_says_so(repo_root: Path) -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="Qt is missing", exc_type=ImportError)
    done = run([str(repo_root / "recordings" / "blank_2m4.sigmf-meta")])
    assert done.returncode == 1
    assert "there is no screen" in done.stderr
    assert "Traceback" not in done.stderr
