"""Stored samples to complex64: pure functions, shared with the capture drivers.

Integers are scaled so that full scale is 1: a signed code ``x`` of ``b`` bits
becomes ``x / 2**(b-1)``; an unsigned one ``(x - (2**b - 1)/2) / 2**(b-1)``,
because the mid-level of an offset-binary converter lies between its two middle
codes. Floats keep their own scale.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray

#: Samples converted at a time: the bytes and the floats of one batch stay in
#: the L2 cache, which is worth a factor of three to four.
BATCH_SAMPLES = 32_768

#: Types of codes that have a compiled conversion: those of receivers.
COMPILED = ("|i1", "|u1", "<i2") if sys.byteorder == "little" else ("|i1", "|u1")

_NAME = re.compile(r"c(f32|f64|[is]24|[isu](?:8|16|32))(_le|_be)?")

#: What users may write for ``--format``.
TYPE_NAMES = ("cu8", "cs8", "cs16", "cs32", "cu16", "cf32", "cf64")


@dataclass(frozen=True, slots=True)
class Datatype:
    """How one interleaved I/Q pair is stored.

    Parameters
    ----------
    kind : {"f", "i", "u"}
        IEEE float, two's complement, offset binary.
    bits : int
        Bits of one component.
    big_endian : bool
    """

    kind: Literal["f", "i", "u"]
    bits: int
    big_endian: bool = False

    @property
    def sample_bytes(self) -> int:
        """Bytes of one complex sample."""
        return 2 * self.bits // 8

    @property
    def name(self) -> str:
        """Short name as ``--format`` takes it, for example ``cs16`` or ``cf32_be``."""
        letter = "s" if self.kind == "i" else self.kind
        return f"c{letter}{self.bits}{'_be' if self.big_endian else ''}"

    @property
    def sigmf_name(self) -> str:
        """Name in SigMF, for example ``ci16_le``; 8-bit types have no byte order."""
        order = "" if self.bits == 8 else "_be" if self.big_endian else "_le"
        return f"c{self.kind}{self.bits}{order}"

    @property
    def clip_level(self) -> float | None:
        """|I| or |Q| of the rail, scaled; None for floats, which have no rail.

        The smaller of the two rails, so that both are recognised: -128 and
        +127 of a signed byte are both at or above 127/128.
        """
        if self.kind == "f":
            return None
        half = 2.0 ** (self.bits - 1)
        return (half - 1) / half if self.kind == "i" else (half - 0.5) / half


def parse_datatype(text: str) -> Datatype:
    """Read ``cu8``, ``cs16``, ``ci16_le``, ``cf32_be`` and the like.

    Without a suffix multi-byte types are little-endian, as every common
    receiver program writes them.

    Raises
    ------
    ValueError
        Not such a name.
    """
    match = _NAME.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(
            f"sample type {text!r} is not known; use one of {', '.join(TYPE_NAMES)}, "
            "with _be for big-endian"
        )
    code, order = match.groups()
    kind: Literal["f", "i", "u"] = "f" if code[0] == "f" else "u" if code[0] == "u" else "i"
    bits = int(code[1:])
    return Datatype(kind, bits, big_endian=order == "_be" and bits > 8)


def to_complex64(raw: NDArray[np.uint8], datatype: Datatype, out: ComplexArray) -> None:
    """Convert stored bytes.

    Parameters
    ----------
    raw : (n * datatype.sample_bytes,) uint8
    datatype : Datatype
    out : (n,) complex64
        Filled. A float64 beyond the float32 range becomes infinite and is
        treated downstream like any non-finite sample.

    Raises
    ------
    ValueError
        The sizes do not agree.
    """
    size = datatype.sample_bytes
    if len(raw) != len(out) * size:
        raise ValueError(f"{len(raw)} bytes are not {len(out)} samples of {size} bytes")
    flat = out.view(np.float32)
    codes = _codes(raw, datatype)
    for start in range(0, len(flat), 2 * BATCH_SAMPLES):
        piece = slice(start, start + 2 * BATCH_SAMPLES)
        _scale(codes[piece], datatype, flat[piece])


def to_fixed_point(raw: NDArray[np.uint8], datatype: Datatype) -> NDArray[np.generic]:
    """Stored bytes as little-endian signed 16 or 32 bits, or float32, without rounding.

    The inverse of `to_complex64`'s scale: a code ``x`` of ``b`` bits stands for
    ``x / 2**(b-1)``. Narrower codes are moved up to the next width; an offset-binary code
    becomes the odd multiple of half a step that it is.

    Parameters
    ----------
    raw : (n * datatype.sample_bytes,) uint8
    datatype : Datatype

    Returns
    -------
    (2 * n,) int16, int32 or float32

    Raises
    ------
    ValueError
        The type has more bits than fit: ``cu32``, ``cf64``.
    """
    codes = _codes(raw, datatype)
    if datatype.bits == 24:
        return _widen_24(codes, datatype).astype("<i4", copy=False)
    if datatype.name.removesuffix("_be") in ("cf32", "cs16", "cs32"):
        return codes.astype(f"<{datatype.kind}{datatype.bits // 8}", copy=False)
    if datatype.bits > 16:
        raise ValueError(f"{datatype.name} has more bits than signed 32-bit codes hold")
    wide: NDArray[np.signedinteger[Any]] = codes.astype("<i2" if datatype.bits == 8 else "<i4")
    if datatype.kind == "i":
        return wide * 256
    half_steps = 2 * wide - ((1 << datatype.bits) - 1)
    return half_steps * (1 << (datatype.bits - 1))


def _codes(raw: NDArray[np.uint8], datatype: Datatype) -> NDArray[np.generic]:
    """The stored components, as numbers where NumPy has such a type."""
    if datatype.bits == 24:
        return raw.reshape(-1, 3)
    order = ">" if datatype.big_endian else "<"
    return raw.view(np.dtype(f"{order}{datatype.kind}{datatype.bits // 8}"))


def _scale(codes: NDArray[np.generic], datatype: Datatype, out: NDArray[np.float32]) -> None:
    if datatype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            out[:] = codes
        return
    half = 2.0 ** (datatype.bits - 1)
    if datatype.bits == 24:
        codes = _widen_24(codes, datatype)
        half *= 256
    if codes.dtype.str in COMPILED and codes.flags.aligned and "numba" in sys.modules:
        # A capture process hands codes on: loading a compiler would cost it samples.
        from sdr_detect.scaling import scaled

        scaled(codes, half - 0.5 if datatype.kind == "u" else 0.0, 1 / half, out)
        return
    if datatype.bits <= 16:
        if datatype.kind == "u":
            np.subtract(codes, np.float32(half - 0.5), out=out, dtype=np.float32)
            np.multiply(out, np.float32(1 / half), out=out)
        else:
            np.multiply(codes, np.float32(1 / half), out=out, dtype=np.float32)
        return
    # More bits than a float32 holds: subtract first, in double precision, so
    # that a weak signal on a 32-bit offset is not rounded away.
    offset = 0.0 if datatype.kind == "i" else (half - 0.5)
    out[:] = (codes.astype(np.float64) - offset) / half


def _widen_24(codes: NDArray[np.generic], datatype: Datatype) -> NDArray[np.generic]:
    """Three bytes as the upper three of a 32-bit code."""
    wide = np.zeros((len(codes), 4), np.uint8)
    if datatype.big_endian:
        wide[:, :3] = codes
    else:
        wide[:, 1:] = codes
    order = ">" if datatype.big_endian else "<"
    return wide.reshape(-1).view(np.dtype(f"{order}{datatype.kind}4"))
