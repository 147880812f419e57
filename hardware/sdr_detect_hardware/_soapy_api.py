"""What the source needs of SoapySDR, by whichever binding it is reached.

Receiving only: nothing here takes a direction, and the bindings behind it know one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

#: The direction of all that is asked of SoapySDR, and its only channel here.
RECEIVE, CHANNEL = 1, 0

#: What reading answers instead of a count of samples.
TIMEOUT = -1
OVERFLOW = -4
MEANING = {
    -1: "timeout",
    -2: "stream error",
    -3: "corrupted data",
    -4: "overflow",
    -5: "not supported",
    -6: "time error",
    -7: "underflow",
}

#: Flag of a read whose time is valid.
HAS_TIME = 1 << 2

#: Informational lines of drivers stay off stderr; warnings and errors are shown.
LOG_LEVEL = 4

REMEDY = (
    "sudo apt install --no-install-recommends python3-soapysdr soapysdr-module-rtlsdr "
    "soapysdr-module-hackrf"
)


class Span(NamedTuple):
    """From ``low`` to ``high``, both included."""

    low: float
    high: float


class Read(NamedTuple):
    """One answer of the stream.

    Parameters
    ----------
    code : int
        Samples read, or one of `MEANING`.
    time_ns : int or None
        The driver's time of the first sample.
    """

    code: int
    time_ns: int | None


class Radio(Protocol):
    """An open device. Every method raises `SourceError` when the driver does."""

    def gain_names(self) -> Sequence[str]:
        """Gain stages, from the antenna on."""
        ...

    def gain_span_db(self, name: str | None) -> Span:
        """Range of one stage, or of all together."""
        ...

    def set_gain(self, name: str | None, gain_db: float) -> None:
        """Set one stage, or let the driver distribute."""
        ...

    def gain_db(self) -> float:
        """Overall gain as the driver reports it."""
        ...

    def set_manual_gain(self) -> None:
        """Switch automatic gain off, where there is one."""
        ...

    def antennas(self) -> Sequence[str]:
        """Inputs there are."""
        ...

    def set_antenna(self, name: str) -> None:
        """Choose an input."""
        ...

    def frequency_spans_hz(self) -> Sequence[Span]:
        """Where it tunes, as the driver claims."""
        ...

    def set_frequency(self, hz: float) -> None:
        """Tune."""
        ...

    def frequency_hz(self) -> float:
        """Where the driver says it is tuned."""
        ...

    def rate_spans_hz(self) -> Sequence[Span]:
        """Sample rates, as the driver claims."""
        ...

    def set_rate(self, hz: float) -> None:
        """Set the sample rate."""
        ...

    def rate_hz(self) -> float:
        """Sample rate as the driver reports it."""
        ...

    def bandwidth_spans_hz(self) -> Sequence[Span]:
        """Widths of the analog filter."""
        ...

    def set_bandwidth(self, hz: float) -> None:
        """Set the analog filter."""
        ...

    def bandwidth_hz(self) -> float:
        """Width of the analog filter; 0 where the driver does not say."""
        ...

    def write_setting(self, key: str, value: str) -> None:
        """Write a setting of the driver's own."""
        ...

    def formats(self) -> Sequence[str]:
        """Sample formats the driver delivers."""
        ...

    def native_format(self) -> tuple[str, float]:
        """What the device sends, and its code of full scale."""
        ...

    def set_up(self, sample_format: str) -> int:
        """Prepare the stream; the samples of one transfer."""
        ...

    def activate(self) -> None:
        """Begin to receive."""
        ...

    def read(self, buffer: NDArray[np.uint8], samples: int, timeout_s: float) -> Read:
        """Fill ``buffer`` with up to ``samples``. Not before `activate`: HackRF would start."""
        ...

    def close(self) -> None:
        """Stop receiving, release stream and device. Safe to call twice."""
        ...


class Binding(Protocol):
    """A way to SoapySDR."""

    @property
    def title(self) -> str:
        """What it is, and where it was found."""
        ...

    def modules(self) -> Sequence[str]:
        """Files of the driver modules that were loaded."""
        ...

    def enumerate(self, args: Mapping[str, str]) -> list[dict[str, str]]:
        """Devices attached that fit, each by its arguments."""
        ...

    def open(self, args: Mapping[str, str], uri: str) -> Radio:
        """Open the device that fits; ``uri`` names it in errors."""
        ...


def markup(args: Mapping[str, str]) -> str:
    """Arguments as SoapySDR reads them."""
    return ",".join(f"{key}={value}" for key, value in args.items())
