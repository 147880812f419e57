"""From a URI to a source: the scheme names a module, and nothing is registered.

``foo://…`` is opened by ``sdr_detect_hardware.foo``, or by a module that another
package offers under the entry point group `GROUP`. A driver module has one
function, ``open_source(uri, options)``. It may have two more: ``probe()`` returns
the devices attached, ``check()`` what its library and this machine lack. ``LIVENESS``
says what its sources are, a `Liveness`; without it they are replays.
"""

from __future__ import annotations

import difflib
import enum
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal, Protocol, cast, runtime_checkable

from sdr_detect.curve import SubscriberKeys
from sdr_detect.errors import SourceError, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.ports import Overflow, Source

PACKAGE = "sdr_detect_hardware"
GROUP = "sdr_detect.sources"

_SCHEME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the user states about a source beyond its URI.

    Parameters
    ----------
    spec : RawSpec
        Rate, centre and converter; the sample type of a headerless file.
    start_timeout_s, timeout_s : float
        How long a source may stay silent before its first samples, and later.
    curve : SubscriberKeys, optional
        Keys for a stream that another process publishes.
    """

    spec: RawSpec = field(default_factory=RawSpec)
    start_timeout_s: float = 30.0
    timeout_s: float = 5.0
    curve: SubscriberKeys | None = None

    def __post_init__(self) -> None:
        for name in ("start_timeout_s", "timeout_s"):
            value = getattr(self, name)
            if not 0 < value <= 86_400:
                raise ValueError(f"{name} {value!r} s is not within 0..86400")


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is attached, and the URI that opens it."""

    uri: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    name : str
        What was looked at.
    state : {"ok", "missing", "fault"}
        Missing is what some uses need and this machine has not; a fault keeps
        something that is here from working.
    detail : str
        What is so.
    remedy : str or None
        The command that helps.
    """

    name: str
    state: Literal["ok", "missing", "fault"]
    detail: str
    remedy: str | None = None


class Liveness(enum.Enum):
    """What may happen to a source while it runs."""

    #: It ends by itself, and nothing else.
    REPLAY = "replay"
    #: Another program delivers, and may be started again.
    REMOTE = "remote"
    #: A receiver: its library may crash or hang, and its cable be pulled.
    RECEIVER = "receiver"


class Driver(Source, Protocol):
    """A source that knows whether it can wait."""

    @property
    def overflow(self) -> Overflow:
        """What a full queue may do: a replay waits, a device cannot."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """A source whose centre can be changed while it runs."""

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF; what came before is discarded and counted as lost."""
        ...


class _DriverModule(Protocol):
    def open_source(self, uri: str, options: SourceOptions) -> Driver: ...


def open_source(uri: str, options: SourceOptions | None = None) -> Driver:
    """Open the source a URI names.

    Raises
    ------
    SourceNotFound
        The URI has no scheme, or none that is known, or names nothing there.
    DriverMissing
        The scheme is known and its library is not installed.
    SdrDetectError
        What else the driver raises.
    """
    return cast(_DriverModule, _named(uri)).open_source(uri, options or SourceOptions())


def liveness(uri: str) -> Liveness:
    """What the source is that a URI names.

    Raises
    ------
    SourceNotFound
        The URI has no scheme, or none that is known.
    """
    kind: Liveness = getattr(_named(uri), "LIVENESS", Liveness.REPLAY)
    return kind


def _named(uri: str) -> ModuleType:
    scheme, separator, _ = uri.partition("://")
    if not separator:
        raise SourceNotFound(
            f"is no URI; write SCHEME://… with one of {', '.join(schemes())}", uri=uri
        )
    module = _module(scheme)
    if module is None:
        near = difflib.get_close_matches(scheme, schemes(), n=1)
        hint = f"did you mean {near[0]}://? " if near else ""
        raise SourceNotFound(
            f"no driver for {scheme!r}; {hint}known schemes: {', '.join(schemes())}", uri=uri
        )
    return module


def schemes() -> list[str]:
    """All schemes a driver is there for."""
    names = {point.name for point in _foreign()}
    if importlib.util.find_spec(PACKAGE) is not None:
        package = importlib.import_module(PACKAGE)
        names |= {m.name for m in pkgutil.iter_modules(package.__path__)}
    return sorted(name for name in names if not name.startswith("_"))


def probe_devices() -> tuple[list[Device], list[SourceError]]:
    """Devices attached, and why drivers could not look for theirs."""
    devices: list[Device] = []
    faults: list[SourceError] = []
    for scheme in schemes():
        probe = getattr(_module(scheme), "probe", None)
        if probe is not None:
            try:
                devices += probe()
            except SourceError as exc:
                faults.append(exc)
    return devices, faults


def check_drivers() -> list[Finding]:
    """What drivers find of their libraries and of this machine."""
    checks = (getattr(_module(scheme), "check", None) for scheme in schemes())
    return [finding for check in checks if check is not None for finding in check()]


def _module(scheme: str) -> ModuleType | None:
    if not _SCHEME.fullmatch(scheme) or scheme not in schemes():
        return None
    for point in _foreign():
        if point.name == scheme:
            return cast(ModuleType, point.load())
    return importlib.import_module(f"{PACKAGE}.{scheme}")


def _foreign() -> importlib.metadata.EntryPoints:
    return importlib.metadata.entry_points(group=GROUP)
