"""How plausible each sample type is for the bytes of a file.

A weight, a reason and no choice: the user states the type. The tests rest on
what a receiver delivers: I and Q share one distribution, centred on zero, and
floats of one recording span a few decades, not the whole exponent range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import unreadable
from sdr_detect.formats.store import FileRange

_PIECES, _PIECE_BYTES = 16, 1 << 18

Counts = NDArray[np.float64]

#: Fewer bytes than this say nothing.
MIN_BYTES = 4096

#: From this weight on a type fits; below `UNFIT` it does not.
FIT, UNFIT = 0.7, 0.25

_ANGLE = 2 * np.pi * np.arange(256) / 256


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sample type.

    ``weight`` runs from 0 (contradicted) to 1 (all tests met); it is no
    probability.
    """

    datatype: str
    weight: float
    reason: str


def weigh(data: bytes) -> tuple[Candidate, ...]:
    """Weigh the common types, best first.

    Parameters
    ----------
    data : bytes
        Whole samples: a multiple of 16 bytes into the file. Only a multiple of
        16 bytes is used.

    Returns
    -------
    tuple of Candidate
        Empty when the bytes are too few or all the same.
    """
    raw = np.frombuffer(data[: len(data) // 16 * 16], np.uint8)
    if len(raw) < MIN_BYTES or (raw == raw[0]).all():
        return ()
    lanes = [np.bincount(raw[k::4], minlength=256) / (len(raw) // 4) for k in range(4)]
    singles = [_weigh_float(raw, "<f4", "cf32"), _weigh_float(raw, ">f4", "cf32_be")]
    # The lower half of a double is no sane single, but a single of about full
    # scale is a sane upper half of a double: where singles fit, doubles do not.
    not_single = 1 - max(c.weight for c in singles)
    floats = [*singles, _weigh_float(raw, "<f8", "cf64", not_single)]
    not_float = 1 - 0.9 * max(c.weight for c in floats)
    words = [
        _weigh_word(raw, lanes, "cs16", high=1, not_float=not_float),
        _weigh_word(raw, lanes, "cs16_be", high=0, not_float=not_float),
    ]
    not_wider = not_float * (1 - 0.9 * max(c.weight for c in words))
    candidates = [*_weigh_bytes(raw, lanes, not_wider), *words, *floats]
    return tuple(sorted(candidates, key=lambda c: -c.weight))


def weigh_range(data: FileRange) -> tuple[Candidate, ...]:
    """Weigh a stretch of a file by pieces spread over it.

    Raises
    ------
    FormatError
        The file cannot be read.
    """
    size = data.path.stat().st_size - data.offset if data.size is None else data.size
    step = max(_PIECE_BYTES, size // _PIECES // 16 * 16)
    try:
        with data.path.open("rb") as file:
            pieces = []
            for start in range(0, size, step):
                file.seek(data.offset + start)
                piece = file.read(min(_PIECE_BYTES, size - start))
                pieces.append(piece[: len(piece) // 16 * 16])
    except OSError as exc:
        raise unreadable(exc, data.path) from exc
    return weigh(b"".join(pieces))


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at ``zero``, 1 at ``one``, linear between."""
    return float(np.clip((value - zero) / (one - zero), 0.0, 1.0))


def _weigh_float(raw: NDArray[np.uint8], dtype: str, name: str, factor: float = 1.0) -> Candidate:
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.abs(raw.view(dtype).astype(np.float64))
    sane = (values == 0) | ((values > 1e-10) & (values < 1e8))
    fraction = float(sane.mean())
    reason = f"{100 * fraction:.1f} % of the numbers are 0 or within 1e-10..1e8"
    present = values[sane & (values > 0)]
    if len(present) < 16:
        return Candidate(name, 0.0, f"{reason}; hardly any is not 0")
    octaves = np.abs(np.log2(present / np.median(present)))
    compact = float((octaves < 12).mean())
    reason += f", {100 * compact:.1f} % within 72 dB of their median"
    weight = _ramp(fraction, 0.8, 0.98) * _ramp(compact, 0.75, 0.95)
    halves = [bool((values[k::2] == 0).all()) for k in range(2)]
    if any(halves):
        weight *= 0.3
        reason += "; one component is always 0"
    return Candidate(name, weight * factor, reason)


def _weigh_word(
    raw: NDArray[np.uint8], lanes: Sequence[Counts], name: str, *, high: int, not_float: float
) -> Candidate:
    """A 16-bit code: the high byte extends the sign, the low byte is flat, or both clip."""
    low = 1 - high
    same = _similarity([lanes[high], lanes[high + 2]])
    high_bytes, low_bytes = raw[high::2], raw[low::2]
    extends = (high_bytes == 0) | (high_bytes == 255)
    extended = float(extends.mean())
    agree = (high_bytes[extends] >= 128) == (low_bytes[extends] >= 128)
    coherence = float(agree.mean()) if extended > 0.2 else 0.0
    shaped = _unevenness((lanes[high] + lanes[high + 2]) / 2)
    uneven = _unevenness((lanes[low] + lanes[low + 2]) / 2)
    by_sign = _ramp(coherence, 0.7, 0.9)
    by_flatness = _ramp(shaped - uneven, 0.03, 0.12) * _ramp(uneven, 0.3, 0.15)
    rails = (high_bytes == 0x7F) & (low_bytes == 0xFF) | (high_bytes == 0x80) & (low_bytes == 0)
    by_clipping = _ramp(float(rails.mean()), 0.02, 0.1)
    if by_clipping > max(by_sign, by_flatness):
        reason = f"{100 * rails.mean():.0f} % of the codes are exactly full scale"
    elif by_sign >= by_flatness:
        reason = f"{100 * coherence:.0f} % of the high bytes extend the sign of the low byte"
    else:
        reason = (
            f"{100 * uneven:.0f} % of the low bytes and {100 * shaped:.0f} % of the high bytes "
            "depart from an even spread"
        )
    reason += f"; I and Q alike to {100 * same:.0f} %"
    weight = max(by_sign, by_flatness, by_clipping) * _ramp(same, 0.3, 0.7) * not_float
    return Candidate(name, weight, reason)


def _unevenness(lane: Counts) -> float:
    """Share of the bytes that would have to move to make the spread even."""
    window = 17
    wide = np.concatenate([lane, lane[: window - 1]])
    smooth = np.convolve(wide, np.ones(window) / window, "valid")
    return float(np.abs(smooth - 1 / 256).sum()) / 2


def _weigh_bytes(
    raw: NDArray[np.uint8], lanes: Sequence[Counts], not_wider: float
) -> list[Candidate]:
    """8-bit codes: every byte of one distribution, around 127.5 or around 0."""
    same = _similarity(lanes)
    lean, how = _lean(raw, np.mean(lanes, axis=0))
    reason = f"{how}; all four byte lanes alike to {100 * same:.0f} %"
    alike = _ramp(same, 0.3, 0.7) * not_wider
    return [
        Candidate("cu8", alike * _ramp(lean, -0.2, 0.2), reason),
        Candidate("cs8", alike * _ramp(-lean, -0.2, 0.2), reason),
    ]


def _lean(raw: NDArray[np.uint8], total: Counts) -> tuple[float, str]:
    """Towards offset binary (positive, up to 1) or two's complement (negative).

    Codes never used lie beyond the strongest level, opposite the centre. Without
    such a gap the mean tells for noise; for a strong carrier, whose codes gather
    at its two peaks, the spectrum does: the wrong reading folds it.
    """
    used = np.flatnonzero(total)
    gaps = np.diff(np.concatenate([used, used[:1] + 256]))
    widest = int(np.argmax(gaps))
    if gaps[widest] > max(16, 1.5 * float(np.sort(gaps)[-2])):
        centre = (used[widest] + gaps[widest] / 2 + 128) % 256
        text = f"bytes centre on {centre:.1f} ({gaps[widest] - 1} codes opposite are unused)"
        return float(-np.cos(2 * np.pi * centre / 256)), text
    mean = float(-np.cos(_ANGLE) @ total)
    signed, offset = (_spectral_entropy(raw, flip) for flip in (0, 0x80))
    lean = float(np.clip(mean + 2 * (signed - offset), -1, 1))
    return lean, (
        f"bytes lean to {'127.5' if mean > 0 else '0'} by {abs(mean):.2f}; spectrum of "
        f"{signed:.1f} bits when read as signed, {offset:.1f} as offset binary"
    )


def _spectral_entropy(raw: NDArray[np.uint8], flip: int) -> float:
    """Entropy in bits of the mean spectrum, DC left out."""
    size = 1024
    count = min(len(raw) // (2 * size), 64) * 2 * size
    codes = (raw[:count] ^ np.uint8(flip)).view(np.int8).astype(np.float32)
    rows = codes.view(np.complex64).reshape(-1, size)
    rows = (rows - rows.mean()) * np.hanning(size).astype(np.float32)
    power = (np.abs(np.fft.fft(rows, axis=1)) ** 2).mean(axis=0)
    share = power / max(power.sum(), 1e-30)
    return float(-(share * np.log2(share + 1e-30)).sum())


def _similarity(lanes: Sequence[Counts]) -> float:
    """Overlap of distributions, as they lie or moved to a common centre (DC is allowed)."""
    kernel = np.ones(5) / 5
    smooth = [
        np.convolve(np.concatenate([lane[-2:], lane, lane[:2]]), kernel, "valid") for lane in lanes
    ]
    moved = [np.roll(lane, -round(_mean_code(lane))) for lane in smooth]
    return max(_overlap(smooth), _overlap(moved))


def _overlap(lanes: Sequence[Counts]) -> float:
    mean = np.mean(lanes, axis=0)
    return min(1 - float(np.abs(lane - mean).sum()) / 2 for lane in lanes)


def _mean_code(lane: Counts) -> float:
    """Circular mean, 0 up to 256."""
    return float(np.angle(np.exp(1j * _ANGLE) @ lane) * 256 / (2 * np.pi)) % 256
