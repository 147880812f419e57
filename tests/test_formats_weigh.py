"""Weighing sample types: ranks, reasons, and no choice where there is no evidence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_detect.formats.weigh import FIT, UNFIT, weigh

COUNT = 1 << 15


def encode(samples: NDArray[np.complex128], name: str) -> bytes:
    """Codes of a type, by numpy, clipping at the rails."""
    parts = samples.astype(np.complex128).view(np.float64)
    floats = {"cf32": "<f4", "cf32_be": ">f4", "cf64": "<f8"}
    if name in floats:
        return parts.astype(floats[name]).tobytes()
    if name == "cu8":
        return np.clip(np.rint(parts * 128 + 127.5), 0, 255).astype("u1").tobytes()
    if name == "cs8":
        return np.clip(np.rint(parts * 128), -128, 127).astype("i1").tobytes()
    order = ">" if name.endswith("_be") else "<"
    if name == "12 bits in cs16":
        return (np.clip(np.rint(parts * 2048), -2048, 2047) * 16).astype("<i2").tobytes()
    return np.clip(np.rint(parts * 32768), -32768, 32767).astype(f"{order}i2").tobytes()


def signals() -> dict[str, NDArray[np.complex128]]:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=COUNT) + 1j * rng.normal(size=COUNT)
    n = np.arange(COUNT)
    made: dict[str, NDArray[np.complex128]] = {
        f"noise {level}": level * noise for level in (0.02, 0.1, 0.3)
    }
    for level in (0.3, 0.55, 0.8, 0.95):
        made[f"carrier {level}"] = level * np.exp(2j * np.pi * 0.0137 * n) + 0.01 * noise
    made["bursts"] = np.where(n // 1000 % 10 == 0, 0.4, 0.01) * noise
    made["dc"] = 0.05 * noise + 0.3 - 0.1j
    made["unequal"] = 0.2 * noise.real + 0.14j * noise.imag
    return made


TYPES = ("cu8", "cs8", "cs16", "cs16_be", "cf32", "cf32_be", "cf64", "12 bits in cs16")


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("signal", signals())
def test_the_true_type_ranks_first(signal: str, name: str) -> None:
    truth = "cs16" if name == "12 bits in cs16" else name
    ranked = weigh(encode(signals()[signal], name))
    assert ranked[0].datatype == truth
    assert ranked[0].weight >= FIT
    assert ranked[1].weight < 0.6 * ranked[0].weight


@pytest.mark.parametrize("name", ["cs8", "cu8"])
def test_no_preference_where_there_is_no_evidence(name: str) -> None:
    """QPSK at half scale reads the same as signed and as offset binary."""
    rng = np.random.default_rng(8)
    symbols = 0.5 * (rng.choice([-1, 1], COUNT) + 1j * rng.choice([-1, 1], COUNT))
    noise = 0.05 * (rng.normal(size=COUNT) + 1j * rng.normal(size=COUNT))
    weights = {c.datatype: c.weight for c in weigh(encode(symbols + noise, name))}
    assert weights["cs8"] == pytest.approx(weights["cu8"], abs=0.25)
    assert max(weights.values()) < FIT


def test_random_bytes_fit_nothing_well() -> None:
    ranked = weigh(np.random.default_rng(9).bytes(1 << 17))
    assert ranked[0].weight < FIT


def test_overdriven_words_are_known_by_their_rails() -> None:
    n = np.arange(COUNT)
    ranked = weigh(encode(1.5 * np.exp(2j * np.pi * 0.0137 * n), "cs16"))
    assert ranked[0].datatype == "cs16"
    assert "exactly full scale" in ranked[0].reason


@pytest.mark.parametrize("data", [b"", bytes(100), bytes(1 << 16), b"\x7f" * (1 << 16)])
def test_too_little_or_constant_says_nothing(data: bytes) -> None:
    assert weigh(data) == ()


def test_one_sided_float_is_doubted() -> None:
    values = np.zeros((COUNT, 2), "<f4")
    values[:, 0] = np.random.default_rng(1).normal(size=COUNT)
    found = {c.datatype: c for c in weigh(values.tobytes())}["cf32"]
    assert "one component is always 0" in found.reason
    assert UNFIT < found.weight < FIT
