"""The typed form of an emitter profile.

A profile is a TOML file of *claims*; each claim is something that can be
measured on a track, with the source of its figures. What the research does not
know stands in the file as a claim of kind ``unknown``, so that nobody fills
the hole by guessing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sdr_detect.config import Strict

#: A standard or filing that was read, or two independent measurements (A); one
#: good source (B); a single observation or an inference (C).
Confidence = Literal["A", "B", "C"]

#: Systems a verdict may name.
System = Literal[
    "starlink", "oneweb", "amazon_leo", "qianfan", "guowang", "vsat", "none", "unknown"
]

#: Only a ``user_terminal`` can make a verdict ``detected``.
Role = Literal["user_terminal", "downlink", "ingress", "radar", "artefact"]

Range = tuple[float, float]

#: Numbers measured on a track that a profile may bound. ``bandwidth_hz`` is not
#: measured when the energy reaches the edge of the slice; ``pulse_width_s`` is
#: the equivalent width of the fine envelope. ``ofdm_symbol_s`` is the useful
#: symbol and its cyclic extension together.
RangeFeature = Literal[
    "burst_duration_min_s",
    "burst_duration_median_s",
    "burst_duration_max_s",
    "duty_cycle",
    "burst_period_s",
    "bandwidth_hz",
    "symbol_rate_hz",
    "pulse_width_s",
    "doppler_rate_hz_per_s",
    "bandwidth_3db_hz",
    "symbol_rate_per_bandwidth",
    "useful_symbol_s",
    "ofdm_symbol_s",
    "extension_s",
]

#: Yes-or-no properties of a track that a profile may ask for. ``on_channel``:
#: fills one channel of the terminals' plan; ``slot_steps``: its level changes at
#: instants 15 s apart.
FlagFeature = Literal[
    "continuous", "tone", "fills_slice", "drift_rising", "on_channel", "slot_steps"
]


class Claim(Strict):
    """Common part of every claim.

    ``weight`` is the evidence, in nats, that a met claim adds; ``against`` what
    a claim that was measured and not met takes away. A ``required`` claim that
    was measured and not met rules the profile out. ``structural`` marks what
    an emitter of another kind does not show by chance (timing, OFDM lags,
    symbol rate): without one met, a profile is never the ground of ``detected``.
    Claims of one ``cause`` see the same thing in two ways, a cyclic prefix by its
    lag and by its length: only the one that tells most counts, for and against.
    """

    text: str = Field(min_length=3)
    source: str = Field(min_length=2)
    confidence: Confidence
    weight: float = Field(default=1.0, ge=0, le=20)
    against: float = Field(default=1.0, ge=0, le=20)
    required: bool = False
    structural: bool = False
    cause: str | None = Field(default=None, pattern=r"^[a-z_]+$")


class BandClaim(Claim):
    """The emission lies within one of these RF ranges."""

    kind: Literal["band"]
    ranges_hz: list[Range] = Field(min_length=1)

    _ascending = field_validator("ranges_hz")(lambda cls, v: _check_ranges(v))


class IfBandClaim(Claim):
    """The emission lies within one of these ranges of the *receiver's* input.

    What leaks past the converter keeps its terrestrial frequency.
    """

    kind: Literal["if_band"]
    ranges_hz: list[Range] = Field(min_length=1)

    _ascending = field_validator("ranges_hz")(lambda cls, v: _check_ranges(v))


class LagClaim(Claim):
    """The waveform repeats itself after ``lag_s``, or after one of ``alternatives_s``.

    ``where`` tells over what the repetition is claimed: the ``head`` of each
    burst (a preamble), the whole ``burst`` (cyclic prefixes) or the continuous
    ``stream``. ``max_strength`` is the correlation that the claimed structure
    cannot exceed (a short cyclic prefix correlates weakly; an echo or a comb
    does not); ``min_share`` the correlation of a strong signal, as a share of
    the power that is signal, below which the copies are none. ``against_strong``
    takes the place of ``against`` where the signal is so strong that the
    repetition could not have hidden.
    """

    kind: Literal["lag"]
    lag_s: float = Field(gt=0, lt=1e-3)
    alternatives_s: tuple[Annotated[float, Field(gt=0, lt=1e-3)], ...] = ()
    tolerance: float = Field(default=0.006, gt=0, lt=0.1, description="relative")
    where: Literal["head", "burst", "stream"]
    max_strength: float | None = Field(default=None, gt=0, le=1)
    min_share: float | None = Field(default=None, gt=0, le=1)
    against_strong: float | None = Field(default=None, ge=0, le=20)

    @property
    def lags_s(self) -> tuple[float, ...]:
        """Every lag that meets the claim."""
        return (self.lag_s, *self.alternatives_s)


class GridClaim(Claim):
    """Bursts start on a grid of ``period_s``, a multiple of it apart."""

    kind: Literal["grid"]
    period_s: float = Field(gt=0, lt=100)
    multiples: list[int] = Field(min_length=1)


class RangeClaim(Claim):
    """A number measured on the track lies between two limits."""

    kind: Literal["range"]
    feature: RangeFeature
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _limits(self) -> RangeClaim:
        if self.min is None and self.max is None:
            raise ValueError("a range claim needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class FlagClaim(Claim):
    """A yes-or-no property of the track."""

    kind: Literal["flag"]
    feature: FlagFeature
    value: bool


class UnknownClaim(Strict):
    """What the research does not know. Never evaluated; shown to the reader."""

    kind: Literal["unknown"]
    text: str = Field(min_length=3)
    source: str = Field(min_length=2)


AnyClaim = Annotated[
    BandClaim | IfBandClaim | LagClaim | GridClaim | RangeClaim | FlagClaim | UnknownClaim,
    Field(discriminator="kind"),
]


class Power(Strict):
    """What such an emitter sends: EIRP at boresight, or power at its antenna's port.

    It decides nothing; a detection limit is read against it.
    """

    text: str = Field(min_length=3)
    eirp_dbw: float | None = Field(default=None, ge=-100, le=150)
    port_dbm: float | None = Field(default=None, ge=-100, le=120)
    source: str = Field(min_length=2)
    confidence: Confidence

    @model_validator(mode="after")
    def _one_of_them(self) -> Power:
        if (self.eirp_dbw is None) == (self.port_dbm is None):
            raise ValueError("give either eirp_dbw or port_dbm")
        return self


class Profile(Strict):
    """One emitter.

    ``min_structural`` structural claims must be met before a verdict may rest
    on it. ``receivable`` is False for a system that a Ku-band set-up can neither see
    nor exclude; the verdict says so.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    version: int = Field(ge=1)
    name: str
    system: System
    role: Role
    enabled: bool = True
    receivable: bool = True
    min_structural: int = Field(default=1, ge=1, le=5)
    prior: float = Field(default=-3.0, ge=-10, le=0, description="log odds before evidence")
    summary: str
    power: tuple[Power, ...] = ()
    claims: list[AnyClaim] = Field(min_length=1)

    @property
    def structural(self) -> bool:
        """Whether it makes any structural claim."""
        return any(not isinstance(c, UnknownClaim) and c.structural for c in self.claims)

    @model_validator(mode="after")
    def _role_fits(self) -> Profile:
        if self.role == "user_terminal" and self.system == "none":
            raise ValueError("a user terminal belongs to a system")
        return self


def _check_ranges(ranges: list[Range]) -> list[Range]:
    for low, high in ranges:
        if not 0 <= low < high:
            raise ValueError(f"range {low} … {high} Hz is not ascending")
    return ranges
