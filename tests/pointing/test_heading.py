"""Headings typed, read and asked for; the lobe and what it is compared with."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.errors import FormatError, SourceLost, SourceNotFound
from sdr_detect.features.heading_fit import HeadingBin, compare, fit_lobe, into_bins
from sdr_detect.pointing import rotctld
from sdr_detect.pointing.rotctld import Rotctld, parse_position, split_address
from sdr_detect.pointing.timeline import HeadingTimeline, parse_typed, read_table
from tests.core.streams import band_noise, noise


def gaussian(off: np.ndarray, width: float = 30.0) -> np.ndarray:
    """A dish's lobe in dB, side lobes 22 dB down: another shape than the fitted one."""
    return np.asarray(10 ** (-np.minimum(12 * (off / width) ** 2, 22) / 10))


def levels(strongest: float, seed: int, sigma: float = 0.03, step: float = 5.0) -> list[HeadingBin]:
    rng = np.random.default_rng(seed)
    heading = np.arange(0, 360, step)
    off = (heading - strongest + 180) % 360 - 180
    level = gaussian(off) + sigma * rng.standard_normal(heading.size)
    return [HeadingBin(float(h), float(v), sigma, 9) for h, v in zip(heading, level, strict=True)]


def test_the_strongest_heading_and_its_error_hold() -> None:
    pulls = []
    for seed in range(40):
        strongest = float(np.random.default_rng(seed).uniform(0, 360))
        lobe = fit_lobe(levels(strongest, seed))
        assert lobe.heading_deg is not None, lobe.reason
        assert lobe.sigma_deg is not None
        off = (lobe.heading_deg - strongest + 180) % 360 - 180
        pulls.append(off / lobe.sigma_deg)
        assert lobe.width_deg == pytest.approx(30, rel=0.15)
    assert 0.6 < np.std(pulls) < 1.5
    assert abs(np.mean(pulls)) < 0.6


def test_reasons_for_no_heading() -> None:
    flat = [HeadingBin(h, 0.5 + 0.01 * math.sin(9 * h), 0.05, 3) for h in range(0, 360, 10)]
    assert "does not depend" in fit_lobe(flat).reason
    assert "are needed" in fit_lobe(flat[:5]).reason
    two = [
        HeadingBin(b.heading_deg, b.excess + 0.8 * o.excess, 0.03, 3)
        for b, o in zip(levels(100, 1), levels(220, 2), strict=True)
    ]
    assert "two maxima" in fit_lobe(two).reason
    flank = [b for b in levels(120, 3) if b.heading_deg < 118]
    assert "turn further" in fit_lobe(flank).reason
    undetermined = compare(fit_lobe(flat), "A", 10, 3)
    assert (undetermined.answer, undetermined.sigmas) == ("not determined", None)


def test_bearings_beside_the_strongest_heading() -> None:
    lobe = fit_lobe(levels(2.0, 5))
    assert lobe.sigma_deg is not None
    near, far = compare(lobe, "A", 358.0, 3.0), compare(lobe, "B", 40.0, 3.0)
    assert near.answer == "agrees"
    assert near.off_deg == pytest.approx(-4, abs=2)
    assert far.answer == "disagrees"
    assert far.sigmas == pytest.approx(38 / math.hypot(3, lobe.sigma_deg), abs=0.7)
    assert compare(lobe, "C", 9.6, 3.0).answer == "doubtful"


@settings(max_examples=30)
@given(turn=st.floats(0, 360), seed=st.integers(0, 99))
def test_turning_everything_turns_the_answer(turn: float, seed: int) -> None:
    bins = levels(77.0, seed)
    turned = [HeadingBin((b.heading_deg + turn) % 360, b.excess, b.sigma, b.count) for b in bins]
    one, other = fit_lobe(bins), fit_lobe(turned)
    assert one.heading_deg is not None
    assert other.heading_deg is not None
    off = (other.heading_deg - one.heading_deg - turn + 180) % 360 - 180
    assert abs(off) < 0.2


def test_bins_around_north_and_unknown_values() -> None:
    heading = np.array([359.0, 1.0, 2.0, np.nan, 45.0])
    found = into_bins(heading, np.array([1.0, 2.0, 2.0, 9.0, np.nan]), 5.0)
    assert [(b.heading_deg, b.excess, b.count) for b in found] == [(1.5, 2.0, 2), (359.0, 1.0, 1)]
    assert all(b.sigma > 0 for b in found)


def test_typed_headings_hold_until_the_next() -> None:
    line = HeadingTimeline()
    assert np.isnan(line.over(np.array([0.0]), np.array([1.0]))).all()
    line.add(1.0, parse_typed("heading 10"))
    line.add(2.0, parse_typed("moving"))
    line.add(3.0, parse_typed("-20\n"))
    start = np.array([0.5, 1.0, 1.4, 1.95, 2.5, 3.0])
    np.testing.assert_equal(
        line.over(start, start + 0.1), [np.nan, 10.0, 10.0, np.nan, np.nan, 340.0]
    )
    with pytest.raises(ValueError, match="comes after"):
        line.add(2.0, 5.0)


def test_a_rotators_headings_are_interpolated_across_north() -> None:
    line = HeadingTimeline(moving=True)
    for time_s, heading in ((0.0, 350.0), (1.0, 10.0), (9.0, 50.0)):
        line.add(time_s, heading)
    found = line.over(np.array([0.2, 0.7, 4.0, 9.5]), np.array([0.3, 0.8, 4.1, 9.6]))
    np.testing.assert_allclose(found, [355.0, 5.0, np.nan, np.nan])


@pytest.mark.parametrize("text", ["", "heading", "heading x", "heading 1 2", "nan", "900", "go 3"])
def test_typing_errors_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_typed(text)


def test_tables(tmp_path: Path) -> None:
    table = tmp_path / "h.csv"
    table.write_text("time,heading\n0,10\n# note\n1.5,\n2026-01-01T00:00:03Z,20\n")
    began = 1_767_225_600 * 10**9
    line = read_table(table, began)
    start = np.array([0.1, 2.0, 3.1])
    np.testing.assert_equal(line.over(start, start + 0.1), [10.0, np.nan, 20.0])
    with pytest.raises(FormatError, match=r"line 5.*start is not known"):
        read_table(table, None)
    for bad, reason in (
        ("0,1\n1,2,3\n", "line 2: 3 columns"),
        ("0,1\n1,999\n", "line 2: heading 999"),
        ("5,1\n1,2\n", "line 2.*comes after"),
        ("0,1\n2026-01-01T00:00:03,2\n", "no zone"),
        ("a,b\n", "no heading"),
        ("0,1\nnan,2\n", "not finite"),
    ):
        table.write_text(bad)
        with pytest.raises(FormatError, match=reason):
            read_table(table, began)
    table.write_bytes(b"0,1\n\xff\xfe,2\n")
    with pytest.raises(FormatError, match="cannot be read"):
        read_table(table, began)


class StandIn:
    """A rotctld that answers with what it is given, then hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.asked: list[bytes] = []
        self._answers = list(answers)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._answers:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer:
                while self._answers and (asked := peer.recv(100)):
                    self.asked.append(asked)
                    answer = self._answers.pop(0)
                    if answer == b"HANG UP":
                        break
                    for piece in (answer[:7], answer[7:]):
                        peer.sendall(piece)
                        time.sleep(0.01)

    def close(self) -> None:
        self._server.close()


def position(azimuth: str, code: int = 0) -> bytes:
    return f"get_pos:\nAzimuth: {azimuth}\nElevation: 0.00\nRPRT {code}\n".encode()


def test_the_client_asks_for_nothing_but_the_position() -> None:
    server = StandIn(position("123.50"), position("-10"), position("450.0"))
    client = Rotctld("127.0.0.1", server.port)
    assert [client.heading_deg() for _ in range(3)] == [123.5, 350.0, 90.0]
    client.close()
    client.close()
    server.close()
    assert set(server.asked) == {b"+\\get_pos\n"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"RPRT -6\n", "reports error '-6'"),
        (b"get_pos:\nElevation: 3\nRPRT 0\n", "without an azimuth"),
        (position("nan"), "not within"),
        (position("east"), "could not convert"),
        (b"x" * 5000, "longer than 4096"),
        (b"HANG UP", "connection closed"),
        (b"\xff\xfe\n\n\0RPRT\nRPRT \xff\n", "reports error"),
    ],
)
def test_answers_that_are_none(answer: bytes, reason: str) -> None:
    server = StandIn(answer)
    client = Rotctld("127.0.0.1", server.port)
    with pytest.raises(SourceLost, match=reason):
        client.heading_deg()
    client.close()
    server.close()


def test_silence_and_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotctld, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = Rotctld("127.0.0.1", server.getsockname()[1])
        with pytest.raises(SourceLost, match="no answer"):
            client.heading_deg()
        client.close()
        port = server.getsockname()[1]
    with pytest.raises(SourceNotFound, match="is rotctld running"):
        Rotctld("127.0.0.1", port)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_heading_or_an_error(answer: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse_position(answer) < 360


def test_a_lost_rotator_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotctld, "INTERVAL_S", 0.01)
    monkeypatch.setattr(rotctld, "RETRY_S", 0.05)
    server = StandIn(position("1"), b"HANG UP", b"HANG UP", position("2"), position("3"))
    taken: list[float] = []
    told: list[str] = []
    stop = threading.Event()
    address = ("127.0.0.1", server.port)
    thread = threading.Thread(
        target=rotctld.follow, args=(address, taken.append, told.append, stop)
    )
    thread.start()
    due = time.monotonic() + 10
    while len(taken) < 3 and time.monotonic() < due:
        time.sleep(0.01)
    stop.set()
    thread.join(10)
    server.close()
    assert not thread.is_alive()
    assert taken == [1.0, 2.0, 3.0]
    assert len([line for line in told if "connection closed" in line]) == 1


def test_addresses() -> None:
    assert split_address("rotor:4000") == ("rotor", 4000)
    assert split_address("10.0.0.1") == ("10.0.0.1", 4533)
    assert split_address("[::1]:4533") == ("::1", 4533)
    for wrong in ("", ":1", "a:", "a:0", "a:70000", "a:x", "a:²"):
        with pytest.raises(ValueError, match="not HOST:PORT"):
            split_address(wrong)


@pytest.fixture
def real_rotctld() -> Iterator[int]:
    program = shutil.which("rotctld")
    if program is None:
        pytest.skip("rotctld is not installed (apt-get install libhamlib-utils)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "-m", "1", "-T", "127.0.0.1", "-t", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        due = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > due:
                    raise
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_the_real_rotctld_with_its_dummy_rotator(real_rotctld: int) -> None:
    client = Rotctld("127.0.0.1", real_rotctld)
    assert client.heading_deg() == 0.0
    with socket.create_connection(("127.0.0.1", real_rotctld), 2) as other:
        other.sendall(b"P 30 0\n")
        assert other.recv(100) == b"RPRT 0\n"
        due = time.monotonic() + 15  # it turns at 6° a second
        while (now := client.heading_deg()) < 6 and time.monotonic() < due:
            time.sleep(0.2)
    assert 6 <= now <= 30
    client.close()


def turning_recording(folder: Path) -> list[str]:
    """A dish turned in steps of 10° past bursts from 117°, and the words to read it."""
    rate, stay_s = 1e6, 0.21
    count = int(36 * stay_s * rate)
    samples = noise(count, 1, 1e-4)
    burst = band_noise(840, 5, -0.2, 0.2, 6e-4)
    rows = ["time,heading"]
    for k in range(36):
        off = (10 * k - 117 + 180) % 360 - 180
        gain = np.float32(gaussian(np.array(off), 40.0) ** 0.5)
        first, stop = int(k * stay_s * rate), int((k + 1) * stay_s * rate)
        for start in range(first, stop - 1000, 4000):
            samples[start : start + 840] += gain * burst
        rows += [f"{k * stay_s:.3f},{10 * k}"]
    samples.tofile(folder / "turn.cf32")
    (folder / "turn.csv").write_text("\n".join(rows))
    return [str(folder / "turn.cf32"), "--format", "cf32", "--rate", "1e6", "--rf", "14.2e9"]


def test_the_command_on_a_recording(tmp_path: Path) -> None:
    words = ["heading", *turning_recording(tmp_path), "--headings", str(tmp_path / "turn.csv")]
    words += ["--bearing", "MV NEAR=115", "--bearing", "MV FAR=160", "--bin", "10"]
    words += ["--plots", str(tmp_path / "out"), "--json", str(tmp_path / "a.json")]
    run = subprocess.run(
        [sys.executable, "-m", "sdr_detect", *words], capture_output=True, text=True, check=True
    )
    line = json.loads((tmp_path / "a.json").read_text())
    assert line["strongest_deg"] == pytest.approx(117, abs=4), run.stdout
    assert [b["answer"] for b in line["bearings"]] == ["agrees", "disagrees"]
    assert len(line["bins"]) == 36
    assert "It is no location" in run.stdout
    assert (tmp_path / "out" / "turn.cf32-heading.png").read_bytes().startswith(b"\x89PNG")


def test_headings_typed_while_a_source_runs(tmp_path: Path, repo_root: Path) -> None:
    path = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    words = ["heading", "--source", f"file://{path}?pace=0.5", "--json", "-"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate("nonsense\nheading 90\n", timeout=120)
    assert process.returncode == 0, err
    assert "neither 'heading 123.5' nor 'moving'" in err
    line = json.loads(out)
    assert [round(b["heading_deg"]) for b in line["bins"]] == [90]
    assert line["strongest_deg"] is None
    assert "are needed" in line["not_determined"]


def test_wrong_words_are_refused() -> None:
    for words in (
        ["heading"],
        ["heading", "a.cf32"],
        ["heading", "--source", "sim://x", "--headings", "a.csv"],
        ["heading", "a.cf32", "--headings", "a.csv", "--bearing", "north"],
        ["heading", "a.cf32", "--headings", "a.csv", "--bearing", "MV FAR=518"],
        ["heading", "a.cf32", "--headings", "a.csv", "--freq-lower", "1"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "sdr_detect", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 2, run.stderr
