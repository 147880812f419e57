"""Opening a device of SoapySDR, and every setting checked before the driver gets it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdr_detect.datatype import Datatype
from sdr_detect.errors import ConfigError, SourceBusy, SourceError, SourceNotFound
from sdr_detect.model import StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect_hardware import _rtl
from sdr_detect_hardware._soapy_api import Binding, Radio, Span
from sdr_detect_hardware._soapy_settings import (
    RTLSDR,
    Settings,
    Stage,
    nearest,
    stage_gains_db,
    within,
)

_log = logging.getLogger(__name__)

_FORMATS = {
    "CS8": Datatype("i", 8),
    "CU8": Datatype("u", 8),
    "CS16": Datatype("i", 16),
    "CU16": Datatype("u", 16),
    "CF32": Datatype("f", 32),
}

#: Taken when the device's own format is none of the above (packed 12 bits, mostly).
_WIDER = ("CS16", "CF32")

_RTL_GAIN_DB = 29.7

#: By which librtlsdr is known that can tune a Blog V4: it looks for this USB string.
_V4 = b"Blog V4"
#: What this process has loaded.
_MAPS = Path("/proc/self/maps")


#: By stage; by None what the driver is to distribute.
Gains = Sequence[tuple[str | None, float]]


@dataclass(frozen=True, slots=True)
class Begun:
    """What the device was set to, and what its stream brings."""

    info: StreamInfo
    datatype: Datatype
    transfer_samples: int
    frequency_spans_hz: Sequence[Span]


def open_radio(binding: Binding, settings: Settings, uri: str) -> tuple[Radio, Mapping[str, str]]:
    """Open the one device that fits; also what SoapySDR knows of it.

    Raises
    ------
    SourceNotFound, SourceBusy, SourceError
        There is none or more than one, or it cannot be opened.
    """
    matches = binding.enumerate(settings.args)
    if not matches:
        raise SourceNotFound(
            "no such device is to be had: is it plugged in, is its module installed, does another "
            "program hold it, and may this user open it (group plugdev)? 'sdr-detect devices' "
            "lists what is there",
            uri=uri,
        )
    if len(matches) > 1:
        serials = ", ".join(found.get("serial", "?") for found in matches)
        raise SourceNotFound(
            f"{len(matches)} devices fit; add ,serial= with one of {serials}", uri=uri
        )
    found = matches[0]
    if found.get("tuner") == "unavailable":
        raise SourceBusy("another program holds it; end that program", uri=uri)
    if _V4.decode() in found.get("product", "") and not _v4_is_known():
        raise SourceError(
            "the librtlsdr in use does not know the Blog V4 and would deliver noise; use "
            'rtlsdr://0 after pip install "sdr-detect[rtlsdr]"',
            uri=uri,
        )
    try:
        return binding.open({**found, **settings.args}, uri), found
    except SourceError as exc:
        raise SourceBusy(
            f"cannot be opened ({exc}); does another program hold it, and may this user "
            "open it (group plugdev)?",
            uri=uri,
        ) from exc


def _v4_is_known() -> bool:
    maps = _MAPS.read_text(encoding="utf-8").splitlines()
    loaded = {line.split(maxsplit=5)[-1] for line in maps if "librtlsdr.so" in line}
    return any(_V4 in Path(path).read_bytes() for path in loaded)


def begin(radio: Radio, settings: Settings, found: Mapping[str, str], uri: str) -> Begun:
    """Check everything, then set it and start to receive.

    Raises
    ------
    ConfigError
        A setting is out of the device's range; the driver has not seen it.
    SourceError
        The driver refused.
    """
    kind, query = settings.kind, settings.query
    tuner = _rtl_tuner(found) if kind is RTLSDR else None
    spans_hz = _frequency_spans(radio, settings, tuner)
    if_hz = tune_hz(uri, settings.rf_hz, settings.plan, spans_hz)
    if rate_spans_hz := kind.rate_hz or radio.rate_spans_hz():
        within(uri, "rate", settings.rate_hz, rate_spans_hz, "Hz; give ?rate= or --rate")
    width_hz = _bandwidth(radio, settings, uri)
    stages = _stages(settings, tuner)
    gains = _gains(radio, settings, stages, uri)
    if query.bias and kind.bias_key is None:
        raise ConfigError("no bias voltage is known of this device; leave ?bias= out", key=uri)
    name, datatype, clip_level = _format(radio, settings, uri)
    if query.antenna is not None:
        _choose_antenna(radio, query.antenna, uri)
    radio.set_manual_gain()
    radio.set_rate(settings.rate_hz)
    if width_hz is not None:
        radio.set_bandwidth(width_hz)
    radio.set_frequency(if_hz)
    transfer_samples = radio.set_up(name)
    radio.activate()
    # SoapyHackRF hands AMP on while it receives only, and HackRF drops the bias
    # voltage whenever it stops receiving: both come after each start.
    for stage, gain_db in gains:
        radio.set_gain(stage, gain_db)
    if query.bias:
        feed(radio, settings, on=True)
    # Steps known here are the true ones, and what is read back may be no step at all.
    gain_db = sum(db for _, db in gains) if stages else radio.gain_db()
    stated = ", ".join(f"{stage or 'overall'} {db:g} dB" for stage, db in gains)
    _log.info("%s: gain %s; analog filter %g Hz", uri, stated, radio.bandwidth_hz())
    info = _stream_info(radio, settings, if_hz, gain_db, clip_level, uri)
    return Begun(info, datatype, transfer_samples, spans_hz)


def feed(radio: Radio, settings: Settings, *, on: bool) -> None:
    """Switch the voltage on the antenna input."""
    if settings.kind.bias_key is not None:
        radio.write_setting(settings.kind.bias_key, "true" if on else "false")


def tune_hz(uri: str, rf_hz: float, plan: FrequencyPlan, spans_hz: Sequence[Span]) -> int:
    """The whole hertz to tune to for an RF.

    Raises
    ------
    ConfigError
        The device does not reach it; the message names its range.
    """
    if_hz = round(plan.if_from_rf(rf_hz))
    if spans_hz and not any(low <= if_hz <= high for low, high in spans_hz):
        limits = " and ".join(f"{low / 1e6:g}..{high / 1e6:g} MHz" for low, high in spans_hz)
        raise ConfigError(
            f"RF {rf_hz / 1e6:g} MHz behind converter {plan.converter.name} is IF "
            f"{if_hz / 1e6:g} MHz, and the device tunes {limits}; check --rf and --converter",
            key=uri,
        )
    return if_hz


def _rtl_tuner(found: Mapping[str, str]) -> _rtl.Tuner | None:
    named = found.get("tuner", "")
    return next((tuner for tuner in _rtl.TUNERS.values() if tuner.name in named), None)


def _stages(settings: Settings, tuner: _rtl.Tuner | None) -> Mapping[str, Stage]:
    if tuner is None or not tuner.gains:
        return settings.kind.stages
    # SoapyRTLSDR drops what follows the point, and the tuner takes its next higher
    # step: 43.9 becomes 43.0 and then 43.4, so it cannot be had.
    reached = {min(g for g in tuner.gains if g >= gain // 10 * 10) for gain in tuner.gains}
    return {"TUNER": Stage([gain / 10 for gain in sorted(reached)], _RTL_GAIN_DB)}


def _frequency_spans(radio: Radio, settings: Settings, tuner: _rtl.Tuner | None) -> Sequence[Span]:
    if tuner is not None:
        return [Span(*pair) for pair in tuner.ranges_hz]
    return settings.kind.frequency_hz or radio.frequency_spans_hz()


def _bandwidth(radio: Radio, settings: Settings, uri: str) -> float | None:
    asked_hz = settings.query.bandwidth
    if asked_hz is None:
        return None
    if settings.kind.filters_hz:
        return nearest(uri, "bandwidth", asked_hz, settings.kind.filters_hz, "Hz")
    spans_hz = radio.bandwidth_spans_hz()
    if not spans_hz:
        raise ConfigError(
            "the analog filter of this device is fixed; leave ?bandwidth= out", key=uri
        )
    within(uri, "bandwidth", asked_hz, spans_hz, "Hz")
    return asked_hz


def _gains(radio: Radio, settings: Settings, stages: Mapping[str, Stage], uri: str) -> Gains:
    asked_db, overall_db = settings.gains_db, settings.query.gain
    if stages:
        if overall_db is not None and len(stages) > 1:
            names = " and ".join(f"?gain.{name}=" for name in stages)
            raise ConfigError(
                f"gain {overall_db:g} dB: the driver would distribute it and switch the amplifier "
                f"on; give {names}",
                key=uri,
            )
        if overall_db is not None:
            asked_db = dict.fromkeys(stages, overall_db)
        return [*stage_gains_db(uri, stages, asked_db).items()]
    known = radio.gain_names()
    for name, gain_db in asked_db.items():
        if name not in known:
            raise ConfigError(f"has no gain stage {name}; it has {', '.join(known)}", key=uri)
        within(uri, f"gain.{name}", gain_db, [radio.gain_span_db(name)], "in dB")
    if asked_db:
        return [*asked_db.items()]
    span_db = radio.gain_span_db(None)
    if overall_db is None:
        raise ConfigError(
            f"the gain is missing; give ?gain= ({span_db.low:g}..{span_db.high:g} dB) or "
            f"?gain.NAME= for stages ({', '.join(known)})",
            key=uri,
        )
    within(uri, "gain", overall_db, [span_db], "in dB")
    return [(None, overall_db)]


def _format(radio: Radio, settings: Settings, uri: str) -> tuple[str, Datatype, float | None]:
    """Format to ask for, type of what is handed on, and its rail."""
    name, full_scale = radio.native_format()
    if settings.kind.code_offset:
        return name, _rtl.CU8, _rtl.CU8.clip_level
    if name not in _FORMATS:
        native, offered = name, radio.formats()
        wider = [name for name in _WIDER if name in offered]
        if not wider:
            raise SourceError(
                f"delivers {', '.join(offered)}; read are {', '.join(_FORMATS)}", uri=uri
            )
        name, full_scale = wider[0], 0.0
        _log.warning("%s: sends %s, which its driver turns into %s", uri, native, name)
    datatype = _FORMATS[name]
    rail = datatype.clip_level
    if rail is not None and full_scale > 1:  # fewer bits than the type's: 12 of 16, say
        rail = min(rail, (full_scale - 1) / 2.0 ** (datatype.bits - 1))
    return name, datatype, rail


def _choose_antenna(radio: Radio, name: str, uri: str) -> None:
    known = radio.antennas()
    if name not in known:
        raise ConfigError(f"has no antenna {name!r}; it has {', '.join(known)}", key=uri)
    radio.set_antenna(name)


def _stream_info(
    radio: Radio,
    settings: Settings,
    if_hz: int,
    gain_db: float,
    clip_level: float | None,
    uri: str,
) -> StreamInfo:
    rate_hz = radio.rate_hz()
    if settings.kind is RTLSDR:
        rate_hz = _rtl.actual_rate_hz(int(settings.rate_hz))
    elif rate_hz != settings.rate_hz:
        _log.warning("rate %g Hz asked, the device makes %g Hz", settings.rate_hz, rate_hz)
    width_hz = radio.bandwidth_hz()
    narrower = 0 < width_hz < 0.999 * rate_hz  # SoapyRTLSDR reads the rate back as automatic
    return StreamInfo(
        stream_id=uri,
        sample_rate_hz=rate_hz,
        center_hz=settings.plan.rf_from_if(if_hz),
        usable_hz=width_hz if narrower else None,
        clip_level=clip_level,
        gain_db=gain_db,
        plan=settings.plan,
    )
