"""Time stamps: made by a real authority (OpenSSL's), checked without a network."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import signing, timestamp, timestamping
from sdr_detect.evidence.verify import verify
from sdr_detect.evidence.ziplayout import read_layout
from tests.evidence.parts import Sealed
from tests.evidence.shell import Shell

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/ca.pem
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
signer_digest = sha256
"""


@dataclass(frozen=True)
class Authority:
    folder: Path

    def run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder)

    def answer(self, request: Path) -> Path:
        reply = self.folder / "reply.tsr"
        self.run(
            "ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(request), "-out", str(reply)
        )
        return reply


@pytest.fixture(scope="module", params=["rsa", "ec"])
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to play the authority")
    found = Authority(tmp_path_factory.mktemp("tsa"))
    kind = ["rsa:2048"] if request.param == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    (found.folder / "tsa.cnf").write_text(CONFIG.format(folder=found.folder))
    (found.folder / "ext").write_text("extendedKeyUsage=critical,timeStamping\n")
    (found.folder / "serial").write_text("01\n")
    found.run(
        "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "30", "-subj", "/CN=Test root",
    )  # fmt: skip
    found.run(
        "req", "-newkey", *kind, "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
        "-subj", "/CN=Test time",
    )  # fmt: skip
    found.run(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "tsa.pem",
        "-days", "30", "-set_serial", "0x80f1", "-extfile", "ext",
    )  # fmt: skip
    return found


def test_asked_answered_and_checked(
    sealed: Sealed,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = Shell(monkeypatch, capsys)
    query, stamped = tmp_path / "q.tsq", tmp_path / "stamped"
    assert shell("case", "timestamp", sealed.path, "--request", query).code == 0
    reply = authority.answer(query)
    done = shell("case", "timestamp", sealed.path, "--token", reply, "--out", stamped)
    assert done.code == 0, done.err
    assert "by CN=Test time" in done.out
    result = verify(stamped)
    assert result.findings == []
    assert "yours to decide" in " ".join(result.meaning())
    done = shell("verify", stamped, "--tsa", authority.folder / "ca.pem")
    assert (done.code, "you gave vouches for it" in done.out) == (0, True)
    other = authority.folder / "other.pem"
    authority.run(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "o.key", "-out", str(other),
        "-days", "30", "-subj", "/CN=Test root",
    )  # fmt: skip
    done = shell("verify", stamped, "--tsa", other)
    assert (done.code, "no given certificate vouches" in done.out) == (1, True)
    with pytest.raises(EvidenceError, match="has a time stamp already"):
        timestamping.write_request(stamped, tmp_path / "again")


def test_a_stamp_of_something_else(sealed: Sealed, authority: Authority, tmp_path: Path) -> None:
    query = tmp_path / "q.tsq"
    query.write_bytes(timestamp.request(b"another signature"))
    reply = authority.answer(query)
    with pytest.raises(EvidenceError, match="another package"):
        timestamping.add_token(sealed.path, reply, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_changed_byte_of_a_stamped_package_is_noticed(
    sealed: Sealed, authority: Authority, tmp_path: Path
) -> None:
    query, stamped = tmp_path / "q.tsq", tmp_path / "stamped"
    timestamping.write_request(sealed.path, query)
    timestamping.add_token(sealed.path, authority.answer(query), stamped)
    whole = stamped.read_bytes()
    with stamped.open("rb") as file:
        token = read_layout(file).members[-1]
    assert token.name == "timestamp.tsr"
    rng = random.Random(1)
    for _ in range(40):
        data = bytearray(whole)
        data[rng.randrange(token.offset, len(data))] ^= 1 << rng.randrange(8)
        path = tmp_path / "changed"
        path.write_bytes(data)
        assert not verify(path).ok


def test_a_certificate_for_something_else_is_refused(
    sealed: Sealed, authority: Authority, tmp_path: Path
) -> None:
    query = tmp_path / "q.tsq"
    timestamping.write_request(sealed.path, query)
    token = authority.answer(query).read_bytes()
    usage = bytes.fromhex("2b06010505070308")  # id-kp-timeStamping
    assert usage in token
    mail = usage[:-1] + b"\x04"
    with pytest.raises(EvidenceError, match=r"not for time stamps|does not hold"):
        timestamp.check(token.replace(usage, mail), sealed_signature(sealed))


def sealed_signature(sealed: Sealed) -> bytes:
    with sealed.path.open("rb") as file:
        member = read_layout(file).members[-1]
        file.seek(member.start)
        return file.read(member.size)


@given(st.binary(max_size=300))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        timestamp.check(data, b"x")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_damaged_tokens_are_refused(
    tmp_path_factory: pytest.TempPathFactory, sealed: Sealed, place: int, flip: int
) -> None:
    query = tmp_path_factory.getbasetemp() / "q.tsq"
    query.write_bytes(timestamp.request(sealed_signature(sealed)))
    data = bytearray(query.read_bytes() * 3)
    data[place % len(data)] ^= flip
    with pytest.raises(EvidenceError):
        timestamp.check(bytes(data), sealed_signature(sealed))


def test_no_certificates(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("nothing")
    with pytest.raises(Exception, match="holds no certificate"):
        signing.read_certificates(path)
