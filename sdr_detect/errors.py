"""The error tree.

::

    SdrDetectError
    ├ ConfigError          a setting, profile or converter file is wrong
    │ ├ ProfileError
    │ └ CalibrationError   a calibration, or a measurement for one, is of no use
    ├ SourceError          a device or stream cannot deliver
    │ ├ SourceNotFound
    │ ├ SourceBusy
    │ ├ SourceLost
    │ └ DriverMissing
    ├ FormatError          a recording cannot be read as what it claims to be
    │ ├ TruncatedError
    │ └ UnsupportedError
    ├ SinkError            a result cannot be written
    ├ BatchError           what a batch computes on cannot be had, or was lost
    └ EvidenceError        a case or a package does not allow what is asked

Every message names the value, the limit and the remedy. Bad *data* inside a
readable stream is an event or a flag, never an exception; a wrong argument of
a call is ``ValueError``; anything else that escapes is our bug.
"""

from __future__ import annotations

from pathlib import Path


class SdrDetectError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(SdrDetectError):
    """A setting is wrong.

    Parameters
    ----------
    message : str
        Value, limit and remedy.
    file : str or Path, optional
        Where the setting was read.
    key : str, optional
        Dotted key, for example ``"burst.pfa"``.
    """

    def __init__(self, message: str, *, file: str | Path | None = None, key: str | None = None):
        self.file = None if file is None else str(file)
        self.key = key
        super().__init__(": ".join(part for part in (self.file, key, message) if part))


class ProfileError(ConfigError):
    """An emitter profile is wrong."""


class CalibrationError(ConfigError):
    """A calibration is wrong or does not fit, or a measurement for one shows nothing."""


class SourceError(SdrDetectError):
    """A live source cannot deliver.

    Parameters
    ----------
    message : str
        Cause and remedy.
    uri : str
        The source asked for.
    """

    def __init__(self, message: str, *, uri: str = ""):
        self.uri = uri
        super().__init__(f"{uri}: {message}" if uri else message)


class SourceNotFound(SourceError):
    """No such device, host or file."""


class SourceBusy(SourceError):
    """Another program holds the device."""


class SourceLost(SourceError):
    """The device was there and stopped delivering."""


class DriverMissing(SourceError):
    """The driver library of a source is not installed."""


class FormatError(SdrDetectError):
    """A recording is not what it claims to be.

    Parameters
    ----------
    message : str
        What was found, what was expected, what to do.
    path : str or Path
        The recording.
    byte : int, optional
        Offset at which reading failed.
    """

    def __init__(self, message: str, *, path: str | Path = "", byte: int | None = None):
        self.path = str(path)
        self.byte = byte
        where = self.path if byte is None else f"{self.path} (byte {byte})"
        super().__init__(f"{where}: {message}" if where else message)


def unreadable(exc: OSError, path: str | Path, byte: int | None = None) -> FormatError:
    """What to tell of a file whose bytes the system does not give."""
    return FormatError(
        f"cannot be read ({exc.strerror or exc}); check the disk and who may read it",
        path=path,
        byte=byte,
    )


class TruncatedError(FormatError):
    """The recording ends before its own header says it does."""


class RateMissing(FormatError):
    """The recording can be read, but does not say its sample rate."""


class UnsupportedError(FormatError):
    """A valid file of a kind that holds no IQ this project can read."""


class SinkError(SdrDetectError):
    """A result cannot be written."""


class BatchError(SdrDetectError):
    """The processes or the cluster computed on cannot be had, or were lost."""


class EvidenceError(SdrDetectError):
    """A case or a package does not allow what is asked, or is not what it claims to be."""
