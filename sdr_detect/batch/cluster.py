"""Recordings analysed by the workers of a Dask cluster.

Dask's messages are pickled: whoever can speak to a scheduler runs code on all
workers, and on whoever asks it. So an address beyond this computer needs TLS with
certificates on both sides, or the user's word that the network is trusted. What is
sent from here and expected back is text.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sdr_detect import __version__
from sdr_detect.answering import as_they_end
from sdr_detect.batch.job import work
from sdr_detect.batch.outcome import Outcome, read_outcome, rejected
from sdr_detect.batch.task import Task, software
from sdr_detect.errors import BatchError, ConfigError
from sdr_detect.wire import is_loopback

if TYPE_CHECKING:
    from distributed import Client, Future

#: How long the scheduler may take to answer.
CONNECT_S = 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the scheduler is, and how it is spoken to.

    Parameters
    ----------
    address : str
        ``tls://HOST:PORT`` or ``tcp://HOST:PORT``.
    ca, cert, key : Path or None
        Authority, own certificate and its key, as PEM files; what is None is taken
        from Dask's configuration.
    trusted : bool
        ``tcp://`` may leave this computer.

    Raises
    ------
    ConfigError
        The address is malformed, or neither protected nor on this computer.
    """

    address: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    trusted: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.address)
            known = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
        except ValueError:  # the port is no number, or none that exists
            known = None
        if not known:
            raise ConfigError(
                f"{self.address!r} is no scheduler; write tls://HOST:PORT or tcp://127.0.0.1:PORT"
            )
        if parts.scheme == "tls" or self.trusted or is_loopback(parts.hostname or ""):
            return
        raise ConfigError(
            f"{self.address} can be reached from other machines, and whoever can reach it runs "
            "code there and here; use tls://HOST:PORT with --tls-ca, --tls-cert and --tls-key, or "
            "state by --trust-network that nobody else is on that network"
        )


def need_dask() -> None:
    """Check that the client of a cluster is installed.

    Raises
    ------
    ConfigError
        It is not.
    """
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"--scheduler needs {exc.name}; install the extra: pip install 'sdr-detect[cluster]'"
        ) from exc


def run(
    tasks: Sequence[Task], cluster: Cluster, stop: threading.Event
) -> Iterator[tuple[Task, Outcome]]:
    """Outcomes as they come; none any more once ``stop`` is set.

    A worker that is lost does not matter: its tasks go to others. A recording that
    took several workers with it is rejected.

    Raises
    ------
    BatchError
        The scheduler does not answer or was lost, or a worker runs another program.
    ConfigError
        Certificates are missing.
    """
    with _connect(cluster) as client:
        wanted = software()
        futures = {
            client.submit(work_same, task.model_dump_json(), wanted, pure=False): task
            for task in tasks
        }
        for future, task in as_they_end(futures, stop):
            yield task, _outcome(future, task, cluster)
            future.release()
        client.cancel(list(futures))


def work_same(order: str, wanted: str) -> str:
    """Do a task, by a program that is the same as the one that asks.

    Raises
    ------
    BatchError
        It is another.
    """
    if software() != wanted:
        raise BatchError(
            f"the worker on {socket.gethostname()} runs another build of sdr-detect (its version "
            f"is {__version__}) or of numpy, scipy, numba, h5py; install the same everywhere"
        )
    return work(order)


def _connect(cluster: Cluster) -> Client:
    from distributed import Client
    from distributed.security import Security

    files = {
        "tls_ca_file": cluster.ca,
        "tls_client_cert": cluster.cert,
        "tls_client_key": cluster.key,
    }
    given = {name: str(path) for name, path in files.items() if path is not None}
    tls = cluster.address.startswith("tls")
    try:
        security = Security(require_encryption=tls, **given)
        if tls and security.get_connection_args("client")["ssl_context"] is None:
            raise ConfigError(
                f"{cluster.address} needs --tls-ca, --tls-cert and --tls-key, or the same in "
                "Dask's configuration"
            )
        return Client(cluster.address, security=security, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TypeError, ValueError) as exc:
        raise BatchError(
            f"{cluster.address} does not answer as a Dask scheduler: {exc}; check that it runs, "
            "its address, and the certificates on both sides"
        ) from exc


def _outcome(future: Future[str], task: Task, cluster: Cluster) -> Outcome:
    from distributed import KilledWorker

    if future.status not in ("finished", "error"):
        raise BatchError(
            f"{cluster.address} was lost; start the same command again: what is done is kept"
        )
    fault = future.exception()
    if fault is None:
        return read_outcome(future.result())
    if isinstance(fault, BatchError):
        raise fault
    if isinstance(fault, KilledWorker):
        reason = "several workers died of it, as they do when memory runs out"
    else:
        reason = f"{type(fault).__name__} on its worker: {fault}"
    return rejected(task, "WorkerDied", f"{task.path}: {reason}")
