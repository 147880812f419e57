"""What the file says joined with what the user says.

A statement fills what the file leaves open. Where both speak and differ, the
user's statement holds and a note tells so.
"""

from __future__ import annotations

from pathlib import Path

from sdr_detect.datatype import Datatype, parse_datatype
from sdr_detect.errors import FormatError, RateMissing
from sdr_detect.formats.base import Capture, RawSpec
from sdr_detect.model import StreamInfo


def settle_rate(path: Path, spec: RawSpec, own_hz: float | None, notes: list[str]) -> float:
    """The sample rate.

    Raises
    ------
    RateMissing
        Neither the file nor the user says it.
    FormatError
        The file's is impossible.
    """
    stated = spec.sample_rate_hz
    if stated is not None:
        if own_hz is not None and own_hz != stated:
            notes.append(f"the file says {own_hz:.12g} samples/s; the stated {stated:.12g} is used")
        return stated
    if own_hz is None:
        raise RateMissing("does not say its sample rate; give --rate HZ", path=path)
    if not 0 < own_hz <= 1e11:
        raise FormatError(
            f"says its sample rate is {own_hz!r} Hz, not within (0, 1e11]; give --rate HZ",
            path=path,
        )
    return own_hz


def check_type(path: Path, spec: RawSpec, own: Datatype, kind: str) -> None:
    """Accept a stated sample type only where it agrees with the header.

    Raises
    ------
    FormatError
        It differs, or is no sample type.
    """
    if spec.datatype is None:
        return
    try:
        stated = parse_datatype(spec.datatype)
    except ValueError as exc:
        raise FormatError(str(exc), path=path) from exc
    if stated != own:
        raise FormatError(
            f"--format {spec.datatype} is stated, but this is {kind} of {own.name}; "
            "leave --format out",
            path=path,
        )


def settle_center(spec: RawSpec, own_hz: float | None, notes: list[str]) -> float | None:
    """RF of the centre, and notes on how far to trust it."""
    stated = spec.center_hz
    if stated is None:
        return own_hz
    if own_hz is not None and own_hz != stated:
        notes.append(f"the file's centre {own_hz:.12g} Hz is replaced by the stated {stated:.12g}")
    converter = spec.plan.converter
    if spec.rf_hz is not None and spec.plan.inverted:
        notes.append(
            f"the centre is given as RF, so the samples are taken as upright although "
            f"{converter.name} inverts; give --if if they are not"
        )
    if converter.side != "none" and not spec.plan.covers(stated):
        notes.append(
            f"{stated:.12g} Hz is outside the range of {converter.name}, "
            f"{converter.rf_lower_hz:.12g} to {converter.rf_upper_hz:.12g} Hz"
        )
    return stated


def one_capture(
    path: Path,
    spec: RawSpec,
    notes: list[str],
    *,
    sample_count: int,
    clip_level: float | None,
    rate_hz: float | None = None,
    center_hz: float | None = None,
    start_ns: int | None = None,
) -> Capture:
    """The single capture of a format that knows no more than one.

    ``rate_hz``, ``center_hz`` and ``start_ns`` are what the file itself says;
    doubts are appended to ``notes``.

    Raises
    ------
    FormatError
        The rate is missing or impossible.
    """
    info = StreamInfo(
        stream_id=path.name,
        sample_rate_hz=settle_rate(path, spec, rate_hz, notes),
        center_hz=settle_center(spec, center_hz, notes),
        start_ns=start_ns if spec.start_ns is None else spec.start_ns,
        clip_level=clip_level,
        plan=spec.plan,
    )
    return Capture(0, sample_count, info, conjugate=spec.conjugate)
