"""What a ``soapy://`` URI asks for, and what each kind of device can do.

Limits of known devices are their makers', whatever the driver claims: SoapyHackRF
crashes when the device refuses a frequency, SoapyRTLSDR takes any. Other devices
are asked for theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from sdr_detect.config import Strict, build
from sdr_detect.errors import ConfigError
from sdr_detect.plan import FrequencyPlan
from sdr_detect.registry import SourceOptions
from sdr_detect_hardware import _rtl
from sdr_detect_hardware._soapy_api import Span

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """A gain stage: its steps, the one taken when none is asked for, and how to choose.

    Parameters
    ----------
    steps_db : sequence of float
    default_db : float
    exact : bool
        Whether to refuse what lies between steps: a switch is no step.
    """

    steps_db: Sequence[float]
    default_db: float
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a kind of device beyond what its driver says.

    Parameters
    ----------
    frequency_hz, rate_hz : sequence of Span
        Empty: ask the driver.
    default_rate_hz : float or None
        None: there is none, it has to be given.
    stages : mapping of str to Stage
        Empty: ask the driver.
    filters_hz : sequence of float
        Widths of the analog filter. Empty: ask the driver.
    bias_key : str or None
        The driver's setting that feeds the antenna input.
    settle_s : float
        How long a retune takes until it shows in what arrives.
    whole_transfers : bool
        Whether an overflow loses whole transfers, so at least one.
    code_offset : int
        Added to each byte, modulo 256, to get back what the device sent.
    """

    frequency_hz: Sequence[Span] = ()
    rate_hz: Sequence[Span] = ()
    default_rate_hz: float | None = None
    stages: Mapping[str, Stage] = field(default_factory=dict)
    filters_hz: Sequence[float] = ()
    bias_key: str | None = None
    settle_s: float = 50e-3
    whole_transfers: bool = False
    code_offset: int = 0


_MHZ = 1e6

#: HackRF One. Steps are those of its chips: the driver hands over any number, the
#: device rounds down, and the number is read back as if it were true.
HACKRF = Kind(
    frequency_hz=(Span(1e6, 6e9),),
    rate_hz=(Span(2e6, 20e6),),
    default_rate_hz=8e6,  # below, the filter's skirts fold into the slice
    stages={
        "LNA": Stage(range(0, 41, 8), 16),
        "VGA": Stage(range(0, 63, 2), 20),
        "AMP": Stage((0, 14), 0, exact=True),
    },
    filters_hz=tuple(
        _MHZ * width for width in (1.75, 2.5, 3.5, 5, 5.5, 6, 7, 8, 9, 10, 12, 14, 15, 20, 24, 28)
    ),
    bias_key="bias_tx",
    settle_s=20e-3,
    whole_transfers=True,
)

#: RTL2832U. SoapyRTLSDR 0.3.3 takes 128 from each byte, so that the middle between
#: the codes is no longer 0 but -0.5: adding it again gives the dongle's own bytes.
RTLSDR = Kind(
    rate_hz=tuple(Span(*pair) for pair in _rtl.RATES_HZ),
    default_rate_hz=_rtl.SAFE_RATE_HZ,
    bias_key="biastee",
    settle_s=5e-3,
    whole_transfers=True,
    code_offset=128,
)

KINDS = {"hackrf": HACKRF, "rtlsdr": RTLSDR, "airspy": Kind(bias_key="biastee")}


class Query(Strict):
    """What may follow ``?`` in the URI, besides ``gain.NAME``."""

    gain: float | None = None
    rate: float | None = None
    bandwidth: float | None = None
    antenna: str | None = None
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for.

    Parameters
    ----------
    args : dict
        Which device, as SoapySDR is told.
    kind : Kind
    rf_hz : float
        Centre on air.
    plan : FrequencyPlan
    rate_hz : float
    query : Query
    gains_db : mapping of str to float
        By stage.
    """

    args: dict[str, str]
    kind: Kind
    rf_hz: float
    plan: FrequencyPlan
    rate_hz: float
    query: Query
    gains_db: Mapping[str, float]


def read_settings(uri: str, options: SourceOptions) -> Settings:
    """Settings from a URI and from the options of the command.

    Raises
    ------
    ConfigError
        Names the value, its limit and the remedy.
    """
    head, _, text = uri.partition("?")
    args = _device_args(head)
    given = dict(parse_qsl(text, keep_blank_values=True))
    stages = {key[5:]: given.pop(key) for key in list(given) if key.startswith("gain.")}
    query = build(Query, given, file=head)
    spec = options.spec
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
    kind = KINDS.get(args["driver"], Kind())
    if stages and query.gain is not None:
        raise ConfigError("gain and gain.NAME are both given; give one kind", key=head)
    return Settings(
        args,
        kind,
        spec.center_hz,
        spec.plan,
        _rate(head, query.rate, spec.sample_rate_hz, kind.default_rate_hz),
        query,
        {name: _number(head, f"gain.{name}", value) for name, value in stages.items()},
    )


def _device_args(head: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in head.partition("://")[2].split(",")]
    args = {key.strip(): value.strip() for key, _, value in pairs}
    if not args.get("driver") or not all(args.values()):
        raise ConfigError(
            "names no device; write soapy://driver=hackrf or soapy://driver=NAME,serial=…; "
            "'sdr-detect devices' lists what is attached",
            key=head,
        )
    return args


def _number(head: str, key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no number of decibels", file=head, key=key) from None


def _rate(
    head: str, query_hz: float | None, option_hz: float | None, default_hz: float | None
) -> float:
    if query_hz is not None and option_hz is not None and query_hz != option_hz:
        raise ConfigError(
            f"the rate is given twice, as {query_hz:g} and {option_hz:g} Hz; give one", key=head
        )
    asked = [hz for hz in (query_hz, option_hz, default_hz) if hz is not None]
    if not asked:
        raise ConfigError("the rate is missing; give ?rate= or --rate", key=head)
    return asked[0]


def within(head: str, what: str, value: float, spans: Sequence[Span], remedy: str) -> None:
    """See that a value lies in one of several ranges.

    Raises
    ------
    ConfigError
        It does not; the message names the ranges.
    """
    if not any(low <= value <= high for low, high in spans):
        limits = " or ".join(
            f"{low:.10g}" if low == high else f"{low:.10g}..{high:.10g}" for low, high in spans
        )
        raise ConfigError(f"{what} {value:.10g} is not within {limits}; {remedy}", key=head)


def nearest(head: str, what: str, asked: float, steps: Sequence[float], unit: str) -> float:
    """The step nearest to what was asked; the lower of two.

    Raises
    ------
    ConfigError
        It is beyond the lowest or the highest step.
    """
    within(head, what, asked, [Span(min(steps), max(steps))], f"in {unit}")
    step = min(steps, key=lambda step: (abs(step - asked), step))
    if step != asked:
        _log.warning("%s %g %s asked, %g %s is the nearest step", what, asked, unit, step, unit)
    return step


def stage_gains_db(
    head: str, stages: Mapping[str, Stage], asked_db: Mapping[str, float]
) -> dict[str, float]:
    """A step for every stage.

    Raises
    ------
    ConfigError
        A stage is unknown, or a value is none that it has.
    """
    unknown = sorted(set(asked_db) - set(stages))
    if unknown:
        raise ConfigError(
            f"has no gain stage {', '.join(unknown)}; it has {', '.join(stages)}", key=head
        )
    gains_db = {}
    for name, stage in stages.items():
        wanted_db = asked_db.get(name, stage.default_db)
        if stage.exact and wanted_db not in stage.steps_db:
            steps = " or ".join(f"{step:g}" for step in stage.steps_db)
            raise ConfigError(f"gain.{name} {wanted_db:g} dB is not {steps} dB", key=head)
        gains_db[name] = nearest(head, f"gain.{name}", wanted_db, stage.steps_db, "dB")
    return gains_db
