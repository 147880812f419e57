"""Position by gpsd, vessels by AIS: from sockets, files, and what is damaged."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyais import encode_dict

from sdr_detect.errors import EvidenceError, SourceError, SourceLost, SourceNotFound
from sdr_detect.evidence import ais, gpsd
from tests.evidence.shell import Shell


def sentences() -> list[bytes]:
    """Two ships; the second lies about its IMO number and knows no position."""
    messages = (
        {"type": 5, "mmsi": 257123456, "imo": 9074729, "shipname": "ALPHA", "ship_type": 70},
        {"type": 1, "mmsi": 257123456, "lat": 59.9009, "lon": 10.7, "speed": 0.1},
        {"type": 5, "mmsi": 219000111, "imo": 9074728, "shipname": "BRAVO"},
        {"type": 1, "mmsi": 219000111, "lat": 91.0, "lon": 181.0},
    )
    found: list[bytes] = []
    for number, message in enumerate(messages):
        lines = encode_dict(message, talker_id="AI", seq_id=number)
        found += [line.encode() for line in lines]
    return found


@contextmanager
def served(answer: bytes) -> Iterator[int]:
    """Something that answers on a port, once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            link, _ = server.accept()
            with link:
                link.sendall(answer)
                time.sleep(0.3)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_vessels_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ais.nmea"
    lines = sentences()
    path.write_bytes(b"\r\n".join([b"\\s:r1,c:1*52\\" + lines[0], *lines[1:], b"$GPGGA,,*00"]))
    seen, bad = ais.vessels(path)
    assert [(one.mmsi, one.name, one.imo) for one in seen] == [
        ("219000111", "BRAVO", "9074728"),
        ("257123456", "ALPHA", "9074729"),
    ]
    assert seen[0].latitude_deg is None
    assert bad == 1
    far = seen[1].to_json((59.9, 10.7))
    assert (far["range_m"], far["bearing_deg"]) == (100, 0.0)
    assert "range_m" not in seen[0].to_json((59.9, 10.7))
    said = ais.doubts(seen, "257123456", "9175717")
    assert any("sends a wrong IMO number" in text for text in said)
    assert any("sends IMO number 9074729, and the case says 9175717" in text for text in said)
    assert ais.doubts(seen[1:], "230000000", None) == ["no message of MMSI 230000000 was received"]


@given(st.lists(st.binary(max_size=90), max_size=8), st.integers(0, 10**9))
def test_damaged_sentences_are_only_counted(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes], place: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.nmea"
    whole = bytearray(b"\n".join(sentences()))
    whole[place % len(whole)] ^= 0x15
    path.write_bytes(bytes(whole) + b"\n" + b"\n".join(junk))
    seen, _ = ais.vessels(path)
    assert len(seen) <= 2


def test_wrong_payloads_with_right_checksums(tmp_path: Path) -> None:
    lines = []
    for body in (
        b"AIVDM,1,1,,A,,0",
        b"AIVDM,1,1,,A,zzzz,0",
        b"AIVDM,x,1,1,A,1,0",
        b"AIVDM,9,9,1,A,1,0",
    ):
        total = 0
        for byte in body:
            total ^= byte
        lines.append(b"!" + body + b"*%02X" % total)
    path = tmp_path / "x"
    path.write_bytes(b"\n".join(lines))
    assert ais.vessels(path)[0] == []


def test_ais_by_tcp(tmp_path: Path) -> None:
    with served(b"\n".join(sentences()) + b"\n") as port:
        count = ais.receive(f"tcp://127.0.0.1:{port}", 5, tmp_path / "out")
    assert count == (tmp_path / "out").stat().st_size
    assert len(ais.vessels(tmp_path / "out")[0]) == 2


def test_ais_by_udp(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            for _ in range(10):
                for line in sentences():
                    link.sendto(line, ("127.0.0.1", port))
                time.sleep(0.1)

    thread = threading.Thread(target=send)
    thread.start()
    ais.receive(f"udp://127.0.0.1:{port}", 1.0, tmp_path / "out")
    thread.join()
    assert len(ais.vessels(tmp_path / "out")[0]) == 2


@pytest.mark.parametrize("source", ["x", "udp://", "tcp://host", "http://a:1", "udp://a:99999"])
def test_sources_that_are_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        ais.receive(source, 0.1, tmp_path / "out")


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="check address"):
        ais.receive("tcp://127.0.0.1:9", 0.1, tmp_path / "out")
    with pytest.raises(SourceNotFound, match="is it running"):
        gpsd.position("127.0.0.1", 9)


def reports(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def test_gpsd_waits_for_a_fix() -> None:
    answer = reports(
        {"class": "VERSION", "release": "3.22"},
        {"class": "TPV", "mode": 1},
        [],
        {"class": "TPV", "mode": 3, "lat": 59.9, "lon": 10.7, "eph": 4.5,
         "time": "2026-05-04T08:15:30.000Z"},
    )  # fmt: skip
    with served(b"no json\n" + answer) as port:
        found = gpsd.position("127.0.0.1", port)
    assert (found["latitude_deg"], found["longitude_deg"], found["error_m"]) == (59.9, 10.7, 4.5)
    assert found["age_s"] is not None


@pytest.mark.parametrize("answer", [b"", reports({"class": "TPV", "mode": 1}), b"x" * 200_000])
def test_gpsd_without_a_fix(answer: bytes) -> None:
    with served(answer) as port, pytest.raises(SourceLost, match="fix"):
        gpsd.position("127.0.0.1", port, wait_s=1.0)


def test_the_real_gpsd(tmp_path: Path) -> None:
    """Fed with sentences of a receiver that has a fix, by gpsd's own test double."""
    if shutil.which("gpsfake") is None or shutil.which("gpsd") is None:
        pytest.skip("no gpsd here (Debian: apt-get install gpsd gpsd-clients)")
    log = tmp_path / "fix.nmea"
    body = "GPGGA,081530,5954.000,N,01042.000,E,1,08,1.0,10.0,M,40.0,M,,"
    place = "GPRMC,081530,A,5954.000,N,01042.000,E,0.0,0.0,040526,,,A"
    view = "GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,1.5,1.0,1.1"
    with log.open("w") as file:
        for second in range(30):
            for text in (body, view, place):
                now = text.replace("081530", f"0815{second:02}")
                total = 0
                for byte in now.encode():
                    total ^= byte
                file.write(f"${now}*{total:02X}\r\n")
    port = 29470
    fake = subprocess.Popen(
        ["gpsfake", "-c", "0.05", "-P", str(port), str(log)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        found = None
        for _ in range(40):
            try:
                found = gpsd.position("127.0.0.1", port, wait_s=2)
                break
            except SourceError:
                time.sleep(0.2)
        assert found is not None
        assert math.isclose(found["latitude_deg"], 59.9, abs_tol=1e-4)
        assert math.isclose(found["longitude_deg"], 10.7, abs_tol=1e-4)
    finally:
        fake.terminate()
        fake.communicate(timeout=10)


def test_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(monkeypatch, capsys)
    common = ("--store", tmp_path / "c", "--as", "Kim")
    shell(
        "case", "new", "--vessel", "Alpha", "--mmsi", "257123456", "--authority", "P", "--id", "V",
        *common,
    )  # fmt: skip
    assert shell("case", "position", "V", *common).code == 2
    assert shell("case", "position", "V", "--lat", "59.9", "--lon", "10.7", *common).code == 0
    path = tmp_path / "ais.nmea"
    path.write_bytes(b"\n".join(sentences()))
    done = shell("case", "ais", "V", path, *common)
    assert done.code == 0, done.err
    assert "257123456  IMO 9074729  ALPHA  100 m at 0.0°" in done.out
    assert shell("case", "ais", "V", "udp://127.0.0.1:1", *common).code == 2
