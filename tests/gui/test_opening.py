"""Files come in: asked for, dropped, named; what nobody says of a raw one is asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPushButton, QTreeView
from sdr_detect_gui.app import application
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.opening import Opener, described_by, must_be_stated
from sdr_detect_gui.rawdialog import RawDialog
from sdr_detect_gui.theme import THEMES

from sdr_detect.errors import UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from tests.gui.desk import Desk, share
from tests.gui.desk import desk as desk
from tests.gui.desk import screen as screen
from tests.gui.fed import Fed
from tests.gui.test_pictures import pixels
from tests.recording_files import noise_codes, write_sigmf

LIMIT_MS = 20_000


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Signed bytes: noise, and a tone at a quarter of the rate in the second half."""
    count = 300_000
    values = noise_codes("i1", count).astype(np.float64) * 0.3
    tone = 40 * np.exp(0.5j * np.pi * np.arange(count // 2))
    values[count:] += np.stack([tone.real, tone.imag], axis=1).reshape(-1)
    path = tmp_path / "unknown.bin"
    path.write_bytes(np.rint(values).astype(np.int8).tobytes())
    return path


@pytest.fixture
def asked(qtbot: Any) -> Iterator[Callable[..., RawDialog]]:
    dialogs = []

    def ask(path: Path, theme: str = "dark", scale: float = 1.0) -> RawDialog:
        application("en")
        dialog = RawDialog(path, RawSpec(), (THEMES[theme], scale))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        dialog.show()
        dialogs.append(dialog)
        qtbot.waitUntil(lambda: dialog.table.rowCount() > 0, timeout=LIMIT_MS)
        return dialog

    yield ask
    for dialog in dialogs:
        dialog.close()
        dialog.deleteLater()
    qtbot.wait(1)


def brightest(dialog: RawDialog) -> float:
    """Column of the picture that is brightest, as a share of its width."""
    seen = pixels(dialog.picture).astype(int).sum(axis=2)
    inner = seen[30 : int(0.8 * len(seen)), 4:-4]
    return float(inner.mean(axis=0).argmax() / inner.shape[1])


def test_evidence_statements_and_picture(
    asked: Callable[..., RawDialog], qtbot: Any, raw: Path
) -> None:
    dialog = asked(raw)
    assert dialog.type.currentText() == "cs8"  # the only one that fits
    assert not dialog.open_button.isEnabled()
    assert "State the sample rate" in dialog.message.text()
    assert "bytes centre on" in dialog.note.text()
    qtbot.waitUntil(lambda: dialog.picture.image is not None, timeout=LIMIT_MS)
    dialog.place.setValue(1000)
    qtbot.waitUntil(lambda: abs(brightest(dialog) - 0.75) < 0.02, timeout=LIMIT_MS)

    qtbot.keyClicks(dialog.rate, "2.4M")
    dialog.frequency.setText("1450")
    dialog.centre.setCurrentIndex(1)
    assert "Choose the converter" in dialog.message.text()
    dialog.converter.setCurrentText("ku-15.45-high")
    assert "RF 13\u202f998.800–14\u202f001.200 MHz" in dialog.message.text()
    assert "inverts" in dialog.message.text()
    qtbot.waitUntil(lambda: abs(brightest(dialog) - 0.25) < 0.02, timeout=LIMIT_MS)

    dialog.table.selectRow(2)
    other = dialog.table.item(2, 0).text()
    assert dialog.type.currentText() == other
    dialog.type.setCurrentText("cs8")
    with qtbot.waitSignal(dialog.stated, timeout=1000) as caught:
        dialog.open_button.click()
    (spec,) = caught.args
    assert (spec.datatype, spec.sample_rate_hz, spec.center_hz) == ("cs8", 2.4e6, 14.0e9)
    assert spec.conjugate
    assert not dialog.isVisible()


def test_bytes_that_are_no_such_samples_are_told(
    asked: Callable[..., RawDialog], qtbot: Any, raw: Path
) -> None:
    dialog = asked(raw)
    raw.write_bytes(b"\x7fELF" + bytes(100))
    dialog.type.setCurrentText("cf32")
    qtbot.waitUntil(lambda: "is a program" in dialog.picture._text, timeout=LIMIT_MS)
    assert dialog.picture.image is None


@pytest.mark.parametrize(("theme", "scale"), [("light", 1.0), ("outdoor", 1.4)])
def test_the_dialog_fits_a_small_screen(
    asked: Callable[..., RawDialog], qtbot: Any, raw: Path, theme: str, scale: float
) -> None:
    dialog = asked(raw, theme, scale)
    dialog.resize(800, 480)
    qtbot.wait(50)
    assert (dialog.width(), dialog.height()) == (800, 480)
    for part in (*dialog.findChildren(QLabel), *dialog.findChildren(QPushButton)):
        if part.isVisible() and not isinstance(part, Shrinking):
            assert part.sizeHint().width() <= part.width() + 1, part.text()
    assert dialog.picture.width() >= 220
    assert len(np.unique(pixels(dialog).reshape(-1, 3), axis=0)) > 20


def test_what_must_be_stated(tmp_path: Path, raw: Path) -> None:
    known = write_sigmf(tmp_path, bytes(range(256)) * 40)
    assert must_be_stated(raw, RawSpec())
    assert must_be_stated(raw, RawSpec("cs8"))
    assert not must_be_stated(raw, RawSpec("cs8", 1e6))
    assert not must_be_stated(known, RawSpec())
    program = tmp_path / "x.bin"
    program.write_bytes(b"\x7fELF" + bytes(5000))
    with pytest.raises(UnsupportedError, match="a program"):
        must_be_stated(program, RawSpec())
    assert described_by(raw) == raw
    assert described_by(Path()) == Path()  # no file, which opening it tells
    beside = raw.with_name("unknown.bin.sigmf-meta")
    beside.write_text(json.dumps({"global": {}}))
    assert described_by(raw) == beside
    assert described_by(known.with_suffix(".sigmf-data")) == known.with_suffix(".sigmf-data")


def showing(path: Path) -> list[int]:
    """Processes that show a file."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if b"gui" in words and str(path).encode() in words:
            found.append(int(folder.name))
    return found


def test_a_dropped_file_is_opened_in_a_process_of_its_own(
    fed: Callable[..., Fed], qtbot: Any, tmp_path: Path
) -> None:
    window = fed().window
    Opener(window)
    data = QMimeData()
    path = write_sigmf(tmp_path, bytes(range(256)) * 40)
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, button, keys = QPointF(300, 300), Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0)
    enter = QDragEnterEvent(place.toPoint(), Qt.DropAction.CopyAction, data, button, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(place, Qt.DropAction.CopyAction, data, button, keys)
    began_s = time.monotonic()
    QApplication.sendEvent(window, drop)
    assert time.monotonic() - began_s < 0.5
    qtbot.waitUntil(lambda: bool(showing(path)), timeout=LIMIT_MS)
    (pid,) = showing(path)
    os.kill(pid, signal.SIGKILL)
    assert "opening" in window.statusBar().currentMessage()


def test_what_cannot_be_opened_is_told_in_the_window(
    fed: Callable[..., Fed], qtbot: Any, tmp_path: Path
) -> None:
    window = fed().window
    opener = Opener(window)
    broken = tmp_path / "a.sigmf-meta"
    broken.write_text("{")
    opener.open(broken)
    qtbot.waitUntil(
        lambda: "is not valid JSON" in window.statusBar().currentMessage(), timeout=LIMIT_MS
    )
    assert showing(broken) == []


def test_ctrl_o_asks_and_a_raw_file_asks_on(fed: Callable[..., Fed], qtbot: Any, raw: Path) -> None:
    shown = fed()
    shown.tick()
    window = shown.window
    qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    (dialog,) = window.findChildren(QFileDialog)
    for files in dialog.findChildren(QTreeView):  # words and ground of one look
        ground = QColor(*(int(part) for part in pixels(files.viewport())[-5, -5]))
        assert ground.name() == window.theme.panel
    dialog.filesSelected.emit([str(raw)])
    dialog.close()
    qtbot.waitUntil(lambda: bool(window.findChildren(RawDialog)), timeout=LIMIT_MS)
    (asking,) = window.findChildren(RawDialog)
    assert not asking.isModal()
    asking.close()


def test_what_only_lacks_its_rate_is_asked_for_that_alone(qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.ones(4000, np.complex64))
    assert must_be_stated(path, RawSpec())
    assert not must_be_stated(path, RawSpec(sample_rate_hz=1e6))
    application("en")
    dialog = RawDialog(path, RawSpec(), (THEMES["dark"], 1.0))
    found: list[RawSpec] = []
    dialog.stated.connect(found.append)
    dialog.show()
    assert not dialog.table.isVisible()
    assert not dialog.type.isVisible()
    assert not dialog.picture.isVisible()
    dialog.rate.setText("2.4M")
    assert not dialog.open_button.isEnabled()
    dialog.frequency.setText("14250")
    dialog.open_button.click()
    assert found == [RawSpec(None, 2.4e6, 14.25e9)]


def coloured(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    """Share of the pixels that are not grey: text is, a spectrogram is not."""
    return float((np.ptp(picture.astype(int), axis=2) > 50).mean())


def test_a_raw_file_from_statement_to_annotation_on_a_real_screen(
    desk: Desk, tmp_path: Path, raw: Path
) -> None:
    window = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", "gui", str(raw), "--language", "en"],
        env=desk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def focus(name: str) -> None:
        number = desk.hands("search", "--sync", "--onlyvisible", "--name", name).splitlines()[0]
        desk.hands("windowmove", number, "0", "0", "windowfocus", "--sync", number)

    try:
        focus("^What does unknown.bin hold")
        desk.hands("type", "2.4M")
        desk.hands("key", "Tab", "Tab")
        desk.hands("type", "14250")
        desk.until(lambda picture: coloured(picture[60:400, 520:940]) > 0.5)
        desk.hands("key", "Return")
        focus("^unknown.bin")
        desk.until(lambda picture: coloured(picture[300:315, 120:880]) > 0.5)
        desk.hands("keydown", "shift", "mousemove", "500", "305", "mousedown", "1")
        for k in range(1, 11):
            desk.hands("mousemove", str(500 + 20 * k), str(305 + k))
        desk.hands("mouseup", "1", "keyup", "shift")
        # Doubts stand in the panel of the measurement.
        desk.until(lambda picture: share(picture[160:560, 930:1270], "#ff9e4a") > 0.002)
        desk.hands("key", "ctrl+k")
        desk.hands("type", "by hand")
        desk.hands("key", "Return")
        desk.hands("key", "ctrl+s")
        beside = raw.with_name("unknown.bin.sigmf-meta")
        desk.until(lambda _: beside.is_file())
        desk.hands("key", "ctrl+q")
        _, err = window.communicate(timeout=60)
    finally:
        window.kill()
        window.wait()
    assert window.returncode == 0, err
    assert "Traceback" not in err
    document = json.loads(beside.read_bytes())
    (entry,) = document["annotations"]
    assert entry["core:label"] == "by hand"
    assert document["global"]["core:dataset"] == "unknown.bin"
    center = document["captures"][0]["core:frequency"]
    assert center == 14.25e9
    assert center - 1.2e6 < entry["core:freq_lower_edge"] < entry["core:freq_upper_edge"]
    assert 0.1e6 < entry["core:freq_upper_edge"] - entry["core:freq_lower_edge"] < 1.2e6
    with open_recording(beside) as opened:
        assert opened.sample_count == 300_000
