"""Marine X-band radar, arriving by overload or through an open converter.

Magnetron pulses of 0.05-1 µs, PRF 0.5-4 kHz, a turn of the antenna every 2-3 s
(textbook values); solid-state sets send chirps of up to 100 µs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note

_PULSE, _PHASE = range(2)


class Params(Located):
    """``cn_db`` is at the peak of the beam, over the pulse's own bandwidth.

    That is 1/``pulse_s``, or ``chirp_hz`` where the pulse is swept. The antenna
    has a Gaussian main beam ``beam_deg`` wide at -3 dB and side lobes
    ``side_lobe_db`` below its peak, and looks here first at ``first_look_s``.
    """

    kind: Literal["marine_radar"]
    pulse_s: float = Field(default=0.3e-6, ge=0.04e-6, le=200e-6)
    chirp_hz: float = Field(default=0.0, ge=0, le=100e6)
    prf_hz: float = Field(default=1000.0, ge=100, le=10e3)
    scan_s: float = Field(default=2.5, gt=0.1, le=60)
    beam_deg: float = Field(default=1.5, gt=0.1, le=60)
    side_lobe_db: float = Field(default=28.0, ge=0, le=60)
    first_look_s: float = Field(default=0.1, ge=0)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a pulse."""
    bandwidth_hz = max(params.chirp_hz, 1 / params.pulse_s)
    # A rectangular pulse has wide skirts: eight times its main bandwidth.
    rate = 16 * bandwidth_hz
    count = round(params.pulse_s * rate)
    first_s = context.start_s + context.rng(_PHASE).uniform(0, 1 / params.prf_hz)
    carrier, shape = params.carrier(), partial(_samples, params, count, bandwidth_hz)
    pulse = 0
    while (start_s := first_s + pulse / params.prf_hz) + params.pulse_s <= context.stop_s:
        gain_db = _antenna_db(params, start_s)
        yield Emission(
            start_s=start_s,
            rate_hz=rate,
            sample_count=count,
            draw=partial(_phase, params, context, pulse),
            carrier=carrier,
            shape=shape,
            cn_db=params.cn_db + gain_db,
            clean_hz=8 * bandwidth_hz,
            note=Note(
                start_s,
                start_s + params.pulse_s,
                -bandwidth_hz,
                bandwidth_hz,
                {"pulse_s": params.pulse_s, "antenna_db": gain_db},
            ),
        )
        pulse += 1


def _antenna_db(params: Params, at_s: float) -> float:
    """Gain towards us against the peak of the beam."""
    turns = (at_s - params.first_look_s) / params.scan_s
    off_deg = 360 * abs(turns - round(turns))
    return max(-12 * (off_deg / params.beam_deg) ** 2, -params.side_lobe_db)


def _phase(params: Params, context: Context, pulse: int) -> NDArray[np.float64]:
    """A magnetron starts every pulse with another phase, in turns; a chirp is coherent."""
    return np.array([0.0 if params.chirp_hz else context.rng(_PULSE, pulse).uniform()])


def _samples(
    params: Params, count: int, bandwidth_hz: float, phase: NDArray[np.float64]
) -> ComplexArray:
    """Pulses, a row each, from the phase of each."""
    t = (np.arange(count) + 0.5) / count - 0.5
    turns = params.chirp_hz * params.pulse_s * t**2 / 2 + phase
    return np.asarray(math.sqrt(bandwidth_hz) * np.exp(2j * np.pi * turns), np.complex64)
