"""A window that looks on from another machine: keys on both sides, real processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QSettings
from sdr_detect_gui.app import application
from sdr_detect_gui.session import Watching
from sdr_detect_gui.window import MainWindow

from sdr_detect import curve


def test_only_who_has_a_key_that_is_allowed_sees_the_watch(
    qtbot: Any, tmp_path: Path, repo_root: Path
) -> None:
    public, secret = curve.write_pair(tmp_path, "there")
    friend, own = curve.write_pair(tmp_path, "friend")
    _, stranger = curve.write_pair(tmp_path, "stranger")
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / friend.name).write_bytes(friend.read_bytes())
    source = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    monitor = subprocess.Popen(
        [
            sys.executable, "-m", "sdr_detect", "monitor",
            "--source", f"file://{source}?loop=60&pace=0.5",
            "--publish-view", "tcp://127.0.0.1:*", "--json", str(tmp_path / "e.jsonl"),
            "--curve-key", str(secret), "--curve-allow", str(allowed),
        ],
        stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    windows = []
    try:
        assert monitor.stderr is not None
        told = next(line for line in monitor.stderr if "showing on" in line)
        endpoint = re.sub(r".*showing on ", "", told).strip()
        application("en")
        for name, key in (("friend", own), ("stranger", stranger)):
            keys = curve.SubscriberKeys(curve.read_pair(key), curve.read_public(public))
            settings = QSettings(str(tmp_path / f"{name}.ini"), QSettings.Format.IniFormat)
            windows.append(MainWindow(Watching(None, endpoint, keys), settings))
            windows[-1].show()
        seen, blind = windows
        qtbot.waitUntil(lambda: seen.assessment.word == "detected", timeout=60_000)
        assert seen.live.bar.isHidden()  # who looks on cannot record
        assert blind.watching.state is None
        assert blind.assessment.word == "none"
        assert "Waiting" in blind.strip.text.text()
        monitor.kill()
        qtbot.waitUntil(lambda: seen.assessment.word == "none", timeout=10_000)
    finally:
        monitor.kill()
        monitor.communicate()
        for window in windows:
            window.close()
            window.deleteLater()
        qtbot.wait(1)
