"""Opens any source so that it stays: isolated, and opened again when it is lost."""

from __future__ import annotations

import threading
import time
from functools import partial

from sdr_detect.isolate import IsolatedSource
from sdr_detect.registry import Driver, Liveness, SourceOptions, liveness, open_source
from sdr_detect.resume import DEFAULT_POLICY, Policy, ResumingSource


def open_live(
    uri: str,
    options: SourceOptions | None = None,
    *,
    policy: Policy = DEFAULT_POLICY,
    stop: threading.Event | None = None,
) -> Driver:
    """Open a source for a watch.

    A receiver runs in a process of its own and is opened again when it is lost,
    as is another program's stream. A replay is opened as it is.

    Parameters
    ----------
    uri : str
    options : SourceOptions, optional
    policy : Policy
        How it is tried again.
    stop : threading.Event, optional
        Ends waiting for a device that is busy.

    Raises
    ------
    SdrDetectError
        What opening it raises; see `registry.open_source`.
    """
    asked = options or SourceOptions()
    kind = liveness(uri)
    if kind is Liveness.REPLAY:
        return open_source(uri, asked)
    if kind is Liveness.REMOTE:
        return ResumingSource(uri, partial(open_source, uri, asked), policy=policy, stop=stop)
    return ResumingSource(
        uri, partial(IsolatedSource, uri, asked), policy=policy, stop=stop, clock_ns=_clock_ns
    )


def _clock_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
