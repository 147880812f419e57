"""A batch on a Dask cluster: a real scheduler and two workers on the loopback."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sdr_detect.batch.cluster import Cluster, work_same
from sdr_detect.batch.gather import gather
from sdr_detect.batch.journal import open_journal
from sdr_detect.batch.run import Batch, write_tables
from sdr_detect.errors import BatchError, ConfigError
from sdr_detect.formats.base import RawSpec
from tests.batch import archive
from tests.batch.test_batch import LIMIT_S, reader_of, started

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextlib.contextmanager
def cluster(
    folder: Path, *tls: str, workers: int = 2
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Scheduler and workers; its address, and the processes."""
    address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "dask"]
    common = [
        "--host",
        "127.0.0.1",
        *tls,
        *(["--protocol", "tls"] if tls else []),
        "--no-dashboard",
    ]
    env = os.environ | {"OMP_NUM_THREADS": "1", "DASK_LOGGING__DISTRIBUTED": "error"}
    worker = ["worker", address, *common, "--nthreads", "1", "--no-nanny"]
    worker += ["--local-directory", str(folder / "dask")]
    port = address.rpartition(":")[2]
    commands = [["scheduler", *common, "--port", port], *([worker] * workers)]
    processes = [
        subprocess.Popen([*dask, *words], env=env, stdin=subprocess.DEVNULL) for words in commands
    ]
    try:
        wait_for(int(port))
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_for(port: int) -> None:
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise AssertionError("the scheduler does not start")


def here(recordings: Path, out: Path) -> None:
    """The same batch in this process."""
    big = RawSpec("cs8", 20e6, rf_hz=14.25e9)
    found = gather([str(recordings)], out)
    tasks = {
        str(c.path): archive.task(c.path, big if c.path.suffix == ".cs8" else None)
        for c in found
        if c.skipped is None
    }
    with open_journal(out) as journal:
        batch = Batch(found, tasks, journal)
        list(batch.work(batch.recall(), archive.here))
        write_tables(batch, out, parquet=True)


def test_a_lost_worker_changes_nothing(tmp_path: Path, repo_root: Path) -> None:
    recordings = archive.make(tmp_path, repo_root)
    with (
        cluster(tmp_path) as (address, processes),
        started(recordings, "--scheduler", address) as process,
    ):
        os.kill(
            reader_of(recordings / "usb" / "big.cs8", lambda: (p.pid for p in processes)),
            signal.SIGKILL,
        )
        _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1, stderr
    here(recordings, tmp_path / "here")
    out = tmp_path / "out"
    assert archive.status(out)["big.cs8"] == "analysed"
    assert archive.rows(out) == archive.rows(tmp_path / "here")
    for name in ("tracks.csv", "tracks.parquet"):
        assert (out / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert archive.events(out) == archive.events(tmp_path / "here")


def test_a_lost_scheduler_is_told_and_nothing_hangs(tmp_path: Path) -> None:
    from sdr_detect.batch import cluster as on_cluster

    files = certificates(tmp_path)
    tls = [word for name, path in files.items() for word in (f"--tls-{name}", str(path))]
    with cluster(tmp_path, *tls, workers=0) as (address, [scheduler]):
        place = Cluster(address, files["ca-file"], files["cert"], files["key"])
        threading.Timer(1.0, scheduler.kill).start()
        with pytest.raises(BatchError, match="start the same command again"):
            list(on_cluster.run([archive.task(tmp_path / "x")], place, threading.Event()))
        with pytest.raises(BatchError, match="does not answer"):
            list(on_cluster.run([archive.task(tmp_path / "x")], place, threading.Event()))


def test_certificates_must_be_given(tmp_path: Path) -> None:
    from sdr_detect.batch import cluster as on_cluster

    ca = certificates(tmp_path)["ca-file"]
    for place in (Cluster("tls://127.0.0.1:1"), Cluster("tls://127.0.0.1:1", ca)):
        with pytest.raises(ConfigError, match="needs --tls-ca, --tls-cert and --tls-key"):
            list(on_cluster.run([archive.task(tmp_path / "x")], place, threading.Event()))
    wrong = Cluster("tls://127.0.0.1:1", ca, ca, ca)
    with pytest.raises(BatchError, match="certificates on both sides"):
        list(on_cluster.run([archive.task(tmp_path / "x")], wrong, threading.Event()))


def certificates(folder: Path) -> dict[str, Path]:
    """A certificate that is its own authority, for both sides."""
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"ca-file": cert, "cert": cert, "key": secret}


def test_a_worker_with_another_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="runs another build"):
        work_same(archive.task(tmp_path / "x").model_dump_json(), "0" * 64)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1", "tls://far:8786"]
)
def test_protected_addresses_are_taken(address: str) -> None:
    assert Cluster(address).address == address


def test_an_unprotected_network_must_be_trusted_by_word() -> None:
    with pytest.raises(ConfigError, match="whoever can reach it runs code"):
        Cluster("tcp://10.0.0.1:8786")
    assert Cluster("tcp://10.0.0.1:8786", trusted=True).trusted


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8786", "tcp://127.0.0.1", "inproc://x", "ucx://a:1", "tcp://a:99999"]
)
def test_what_is_no_scheduler_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="is no scheduler"):
        Cluster(address, trusted=True)
