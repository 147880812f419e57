"""What an emitter hands to the renderer, and what it is told about the scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sdr_detect.config import Strict
from sdr_detect.model import ComplexArray
from sdr_detect.plan import FrequencyPlan

#: How an emission reaches the receiver: through the converter (``rf``), through
#: the converter's image response (``image``), past the converter at its own
#: terrestrial frequency (``if``), or placed relative to the slice (``offset``).
Path = Literal["rf", "image", "if", "offset"]


class Emitter(Strict):
    """Keys every ``[[emitter]]`` has.

    ``cn_db`` is C/N per hertz while on: the emission's power density over its
    own reference bandwidth against the receiver's noise density. It is the SNR
    in the slice where the emission fills the slice.
    """

    kind: str
    name: str = ""
    cn_db: float = Field(default=10.0, ge=-80, le=120)
    start_s: float | None = Field(default=None, ge=0)
    stop_s: float | None = Field(default=None, gt=0)
    doppler_hz: float = Field(default=0.0, ge=-1e6, le=1e6)
    doppler_rate_hz_per_s: float = Field(default=0.0, ge=-1e5, le=1e5)

    @model_validator(mode="after")
    def _times(self) -> Emitter:
        if self.stop_s is not None and self.stop_s <= (self.start_s or 0.0):
            raise ValueError(f"stop_s {self.stop_s} is not after start_s {self.start_s or 0.0}")
        return self


class Located(Emitter):
    """An emitter whose centre is given in the scene, in exactly one way.

    ``rf_hz`` is on air (with ``image = true``: on air in the converter's image
    band); ``if_hz`` what leaks past the converter; ``offset_hz`` relative to
    the slice centre, whatever the LO does.
    """

    rf_hz: float | None = Field(default=None, gt=0, lt=1e11)
    if_hz: float | None = Field(default=None, gt=0, lt=1e11)
    offset_hz: float | None = None
    image: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Located:
        given = [n for n in ("rf_hz", "if_hz", "offset_hz") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of rf_hz, if_hz, offset_hz (got {given or 'none'})")
        if self.image and self.rf_hz is None:
            raise ValueError("image = true goes with rf_hz, the frequency on air")
        return self

    def carrier(self, shift_hz: float = 0.0) -> Carrier:
        """Its carrier, ``shift_hz`` beside its centre."""
        path, center_hz = self._place()
        return Carrier(
            path=path,
            center_hz=center_hz + shift_hz,
            doppler_hz=self.doppler_hz,
            doppler_rate_hz_per_s=self.doppler_rate_hz_per_s,
        )

    def _place(self) -> tuple[Path, float]:
        if self.rf_hz is not None:
            return ("image" if self.image else "rf"), self.rf_hz
        if self.if_hz is not None:
            return "if", self.if_hz
        assert self.offset_hz is not None  # _one_place
        return "offset", self.offset_hz


@dataclass(frozen=True, slots=True)
class Carrier:
    """Centre frequency of an emission and its Doppler.

    ``center_hz`` is in the terms of ``path``. The Doppler shift is
    ``doppler_hz + doppler_rate_hz_per_s * (t - ref_s)``; pieces of one
    continuous emission share ``ref_s``, which keeps their phase continuous.
    """

    path: Path
    center_hz: float
    doppler_hz: float = 0.0
    doppler_rate_hz_per_s: float = 0.0
    ref_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """Truth about one emission: it becomes one annotation.

    ``lower_hz`` and ``upper_hz`` are relative to the carrier's centre.
    """

    start_s: float
    stop_s: float
    lower_hz: float
    upper_hz: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """A finite stretch of complex baseband at its own rate.

    Parameters
    ----------
    start_s : float
        Instant of the first sample, seconds after sample 0 of the recording.
        Not bound to the receiver's sampling instants.
    rate_hz : float
    sample_count : int
    draw : callable
        Makes, afresh, the ``(sample_count,)`` complex64 samples, scaled so that the
        power density over the reference bandwidth is one per hertz; with
        ``shape`` only what they are made of. Called only when the emission
        reaches the slice.
    carrier : Carrier
    cn_db : float
        Level of this emission.
    clean_hz : float
        Width around the centre that must arrive unharmed; from there to the
        emission's own rate its spectrum is tapered off.
    note : Note or None
        None for the later pieces of a continuous emission.
    shape : callable or None
        Makes samples, ``(n, sample_count)``, of ``n`` emissions at once from
        what each has drawn, stacked. One object for all that go together.
    """

    start_s: float
    rate_hz: float
    sample_count: int
    draw: Callable[[], NDArray[Any]]
    carrier: Carrier
    cn_db: float
    clean_hz: float
    note: Note | None = None
    shape: Callable[[NDArray[Any]], ComplexArray] | None = None

    @property
    def stop_s(self) -> float:
        """Instant after its last sample."""
        return self.start_s + self.sample_count / self.rate_hz

    def synthesise(self) -> ComplexArray:
        """Its samples, ``(sample_count,)``."""
        samples: ComplexArray = synthesise([self])[0]
        return samples


def synthesise(emissions: Sequence[Emission]) -> ComplexArray:
    """Samples of emissions of one length and one ``shape``, ``(n, sample_count)``."""
    drawn = [emission.draw() for emission in emissions]
    stacked = np.stack(drawn) if len(drawn) > 1 else drawn[0][None]
    shape = emissions[0].shape
    return stacked if shape is None else shape(stacked)


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where a carrier is found in the slice.

    Parameters
    ----------
    plan : FrequencyPlan
        Nominal: the recording is written by someone who does not know the LO
        error.
    center_hz : float
        RF of the slice centre.
    sample_rate_hz : float
    lo_error_hz, lo_drift_hz_per_s : float
        Real LO minus nominal at sample 0, and its change.
    """

    plan: FrequencyPlan
    center_hz: float
    sample_rate_hz: float
    lo_error_hz: float = 0.0
    lo_drift_hz_per_s: float = 0.0

    def mirrored(self, path: Path) -> bool:
        """Whether rising frequency at the emitter is falling frequency here."""
        return path == "image" or (path == "if" and self.plan.inverted)

    def offset(self, carrier: Carrier) -> tuple[float, float]:
        """Offset from the slice centre at sample 0 (Hz) and its rate (Hz/s).

        A converter whose LO is high by *e* makes RF appear low by *e*, and
        the image, which lies on the other side of the LO, high by *e*.
        """
        sign = -1.0 if self.mirrored(carrier.path) else 1.0
        lo_sign = {"rf": -1.0, "image": 1.0, "if": 0.0, "offset": 0.0}[carrier.path]
        rate = sign * carrier.doppler_rate_hz_per_s
        doppler_hz = sign * carrier.doppler_hz - rate * carrier.ref_s
        return (
            self._nominal(carrier) + doppler_hz + lo_sign * self.lo_error_hz,
            rate + lo_sign * self.lo_drift_hz_per_s,
        )

    def _nominal(self, carrier: Carrier) -> float:
        if carrier.path == "offset":
            return carrier.center_hz
        if carrier.path == "if":
            return self.plan.rf_from_if(carrier.center_hz) - self.center_hz
        if carrier.path == "image":
            return 2 * self.plan.lo_hz - carrier.center_hz - self.center_hz
        return carrier.center_hz - self.center_hz

    def window(self, carrier: Carrier, at_s: float) -> tuple[float, float]:
        """Edges of the slice as offsets from the emission's own centre, Hz."""
        offset_hz, rate = self.offset(carrier)
        now_hz = offset_hz + rate * at_s
        lower, upper = -self.sample_rate_hz / 2 - now_hz, self.sample_rate_hz / 2 - now_hz
        return (-upper, -lower) if self.mirrored(carrier.path) else (lower, upper)


@dataclass(frozen=True, slots=True)
class Context:
    """What an emitter knows about the scene it is in.

    Parameters
    ----------
    seed, index : int
        Scene seed and position of the emitter in the scene.
    start_s, stop_s : float
        When it may transmit. Slightly before sample 0 and after the last one
        unless the scene says when it starts or stops.
    start_utc_ns : int
        UTC of sample 0.
    tuning : Tuning
        What the receiver sees; emitters much wider than the slice use it to
        make only the part that is seen.
    """

    seed: int
    index: int
    start_s: float
    stop_s: float
    start_utc_ns: int
    tuning: Tuning

    def rng(self, *key: int) -> np.random.Generator:
        """Random numbers that depend on seed, emitter and ``key`` only."""
        spawn = (self.index, *key)
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=spawn))
        )
