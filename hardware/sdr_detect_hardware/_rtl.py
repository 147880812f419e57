"""What all RTL2832U receivers share, whether on USB or behind rtl_tcp.

Ranges and gain steps are those of librtlsdr and of the tuners' makers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydantic import Field

from sdr_detect.config import Strict, build
from sdr_detect.datatype import Datatype
from sdr_detect.errors import ConfigError
from sdr_detect.model import StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.registry import SourceOptions

_log = logging.getLogger(__name__)

CU8 = Datatype("u", 8)

#: Silence after which the device counts as gone: USB transfers and TCP both
#: keep quiet when it is unplugged.
SILENCE_S = 3.0

#: Both resampler settings of the RTL2832U, in samples a second.
RATES_HZ = ((225_001, 300_000), (900_001, 3_200_000))
#: Above this, USB controllers begin to lose samples.
SAFE_RATE_HZ = 2_400_000
_CRYSTAL_HZ = 28_800_000


@dataclass(frozen=True, slots=True)
class Tuner:
    """A tuner chip: where it tunes, and its gains in tenths of a decibel."""

    name: str
    ranges_hz: tuple[tuple[float, float], ...]
    gains: tuple[int, ...] = ()


_R82XX_HZ = ((24e6, 1766e6),)
_R82XX_GAINS = (
    *(0, 9, 14, 27, 37, 77, 87, 125, 144, 157, 166, 197, 207, 229, 254),
    *(280, 297, 328, 338, 364, 372, 386, 402, 421, 434, 439, 445, 480, 496),
)

#: By the number librtlsdr gives them. Gains of the rarer ones are asked of the
#: device, where it can be asked.
TUNERS = {
    1: Tuner("E4000", ((52e6, 1100e6), (1250e6, 2200e6))),
    2: Tuner("FC0012", ((22e6, 948.6e6),)),
    3: Tuner("FC0013", ((22e6, 1100e6),)),
    4: Tuner("FC2580", ((146e6, 308e6), (438e6, 924e6))),
    5: Tuner("R820T", _R82XX_HZ, _R82XX_GAINS),
    6: Tuner("R828D", _R82XX_HZ, _R82XX_GAINS),
}


class Query(Strict):
    """What may follow ``?`` in the URI."""

    gain: float = Field(29.7, ge=-20, le=100)
    ppm: int = Field(0, ge=-1000, le=1000)
    rate: float | None = None
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for, checked as far as that goes without the device.

    Parameters
    ----------
    rf_hz : float
        Centre on air.
    plan : FrequencyPlan
    rate_hz : int
        As given to the device; see `actual_rate_hz`.
    gain_db : float
    ppm : int
        Crystal error that the device is to correct.
    bias : bool
        Whether to feed the antenna input (4.5 V; no supply for an LNB).
    """

    rf_hz: float
    plan: FrequencyPlan
    rate_hz: int
    gain_db: float
    ppm: int
    bias: bool


def read_settings(uri: str, options: SourceOptions) -> Settings:
    """Settings from the query of a URI and from the options of the command.

    Raises
    ------
    ConfigError
        Names the value, its limit and the remedy.
    """
    head, _, text = uri.partition("?")
    query = build(Query, dict(parse_qsl(text, keep_blank_values=True)), file=head)
    spec = options.spec
    if spec.datatype not in (None, "cu8"):
        raise ConfigError(f"sample type {spec.datatype}: this device sends cu8", key=head)
    if spec.center_hz is None:
        raise ConfigError("the centre is missing; give --rf HZ, or --if HZ", key=head)
    if not spec.plan.covers(spec.center_hz):
        _log.warning(
            "RF %.6g Hz is outside the %.6g..%.6g Hz that converter %s is specified for",
            spec.center_hz,
            spec.plan.converter.rf_lower_hz,
            spec.plan.converter.rf_upper_hz,
            spec.plan.converter.name,
        )
    rate_hz = _rate(head, query.rate, spec.sample_rate_hz)
    return Settings(spec.center_hz, spec.plan, rate_hz, query.gain, query.ppm, query.bias)


def _rate(head: str, query_hz: float | None, option_hz: float | None) -> int:
    if query_hz is not None and option_hz is not None and query_hz != option_hz:
        raise ConfigError(
            f"the rate is given twice, as {query_hz:g} and {option_hz:g} Hz; give one", key=head
        )
    asked_hz = SAFE_RATE_HZ if query_hz is None and option_hz is None else query_hz or option_hz
    if asked_hz is None or not any(low <= asked_hz <= high for low, high in RATES_HZ):
        ranges = " or ".join(f"{low}..{high}" for low, high in RATES_HZ)
        raise ConfigError(
            f"rate {asked_hz!r} Hz is not within {ranges} Hz; give ?rate= or --rate", key=head
        )
    if asked_hz > SAFE_RATE_HZ:
        _log.warning("above %d Hz this device loses samples on many computers", SAFE_RATE_HZ)
    return int(asked_hz)


def actual_rate_hz(rate_hz: int) -> float:
    """The rate that the resampler really makes: its ratio has steps of 4 / 2**22."""
    scaled = _CRYSTAL_HZ << 22
    return scaled / (scaled // rate_hz & ~3)


def tune_hz(uri: str, rf_hz: float, plan: FrequencyPlan, tuner: Tuner | None) -> int:
    """The whole hertz to tune to for an RF.

    Raises
    ------
    ConfigError
        The tuner does not reach it; the message names its range.
    """
    if_hz = round(plan.if_from_rf(rf_hz))
    ranges = tuner.ranges_hz if tuner else ((1.0, 2.0**32 - 1),)
    if any(low <= if_hz <= high for low, high in ranges):
        return if_hz
    name = tuner.name if tuner else "the device"
    limits = " and ".join(f"{low / 1e6:g}..{high / 1e6:g} MHz" for low, high in ranges)
    raise ConfigError(
        f"RF {rf_hz / 1e6:g} MHz behind converter {plan.converter.name} is IF {if_hz / 1e6:g} MHz, "
        f"and {name} tunes {limits}; check --rf and --converter",
        key=uri,
    )


def nearest_gain(uri: str, asked_db: float, gains: Sequence[int]) -> int:
    """The gain step, in tenths of a decibel, nearest to what was asked.

    Raises
    ------
    ConfigError
        It is beyond the lowest or the highest step.
    """
    low, high = min(gains), max(gains)
    if not low <= 10 * asked_db <= high:
        raise ConfigError(
            f"gain {asked_db:g} dB is not within {low / 10:g}..{high / 10:g} dB; give ?gain=",
            key=uri,
        )
    step = min(gains, key=lambda gain: (abs(gain - 10 * asked_db), gain))
    if step != 10 * asked_db:
        _log.warning("gain %g dB asked, %g dB is the nearest step", asked_db, step / 10)
    return step


def stream_info(
    stream_id: str, settings: Settings, if_hz: int, gain_db: float | None
) -> StreamInfo:
    """What the stream will be, as far as it is known before its first sample."""
    return StreamInfo(
        stream_id=stream_id,
        sample_rate_hz=actual_rate_hz(settings.rate_hz),
        center_hz=settings.plan.rf_from_if(if_hz),
        clip_level=CU8.clip_level,
        gain_db=gain_db,
        plan=settings.plan,
    )
