"""The data files: converters, channel plans and emitter profiles.

Each is one TOML file shipped inside the package; a user's own file of the same
form is given by its path. Figures in them carry their source and how far it is
trusted.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from sdr_detect.config import Strict, build, read_toml
from sdr_detect.errors import ConfigError, ProfileError
from sdr_detect.plan import Converter, Side
from sdr_detect.profiles.schema import Confidence, Profile


class Quantity(Strict):
    """One number with its source."""

    value: float
    source: str = Field(min_length=2)
    confidence: Confidence


class Interval(Strict):
    """A range with its source."""

    lower: float = Field(ge=0)
    upper: float
    source: str = Field(min_length=2)
    confidence: Confidence

    @model_validator(mode="after")
    def _ascending(self) -> Interval:
        if not self.lower < self.upper:
            raise ValueError(f"lower {self.lower} is not below upper {self.upper}")
        return self


class ConverterSheet(Strict):
    """The data sheet of a block downconverter.

    ``rf_hz`` is the range it is specified for; ``lo_tolerance_hz`` how far its
    LO may be off, where that is known. ``example`` marks a sheet that describes
    no product. ``warnings`` are for whoever picks it.
    """

    name: str = Field(pattern=r"^[a-z0-9.-]+$")
    title: str
    example: bool = False
    side: Side
    lo_hz: Quantity
    rf_hz: Interval
    lo_tolerance_hz: Quantity | None = None
    warnings: tuple[str, ...] = ()

    @property
    def converter(self) -> Converter:
        """What computations need of it."""
        sources = dict.fromkeys((self.lo_hz.source, self.rf_hz.source))
        return Converter(
            name=self.name,
            lo_hz=self.lo_hz.value,
            side=self.side,
            rf_lower_hz=self.rf_hz.lower,
            rf_upper_hz=self.rf_hz.upper,
            source="; ".join(sources),
        )

    @model_validator(mode="after")
    def _consistent(self) -> ConverterSheet:
        _ = self.converter  # its own checks: side, LO grid, range
        return self


class Channel(Strict):
    """One channel of a plan; ``number`` counts from 1 in ascending frequency."""

    number: int
    center_hz: float
    lower_hz: float
    upper_hz: float


class ChannelPlan(Strict):
    """Equally spaced channels.

    ``first_center_hz`` is the centre of channel 1, ``step_hz`` the spacing,
    ``occupied_hz`` the width of a full transmission inside one channel.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    system: str
    direction: Literal["uplink", "downlink"]
    count: int = Field(ge=1, le=1000)
    first_center_hz: Quantity
    step_hz: Quantity
    occupied_hz: Quantity

    @model_validator(mode="after")
    def _fits(self) -> ChannelPlan:
        if not 0 < self.occupied_hz.value <= self.step_hz.value:
            raise ValueError(
                f"occupied {self.occupied_hz.value} Hz does not fit a step of "
                f"{self.step_hz.value} Hz"
            )
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels in ascending frequency, edges half a step from the centre."""
        half = self.step_hz.value / 2
        centers = (self.first_center_hz.value + k * self.step_hz.value for k in range(self.count))
        return tuple(
            Channel(number=k, center_hz=c, lower_hz=c - half, upper_hz=c + half)
            for k, c in enumerate(centers, start=1)
        )

    def channel_at(self, rf_hz: float) -> Channel | None:
        """The channel that holds ``rf_hz`` (lower edge included), or None."""
        return next((c for c in self.channels if c.lower_hz <= rf_hz < c.upper_hz), None)


class IngressRange(Strict):
    """IF at which terrestrial emitters leak in, or one that is kept free of them."""

    lower_hz: float = Field(ge=0)
    upper_hz: float
    what: str
    quiet: bool = False
    source: str = Field(min_length=2)

    @model_validator(mode="after")
    def _ascending(self) -> IngressRange:
        if not self.lower_hz < self.upper_hz:
            raise ValueError(f"lower_hz {self.lower_hz} is not below upper_hz {self.upper_hz}")
        return self


class IngressTable(Strict):
    """IF ranges that a plan avoids or prefers."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    ranges: tuple[IngressRange, ...]


def converter_sheets() -> tuple[ConverterSheet, ...]:
    """Data sheets of the converters shipped, by name."""
    return tuple(_shipped("converters", ConverterSheet).values())


def converters() -> tuple[Converter, ...]:
    """The converters shipped, by name."""
    return tuple(sheet.converter for sheet in converter_sheets())


def converter_sheet(name: str | Path) -> ConverterSheet:
    """The data sheet of a converter, by name or from a user's TOML file.

    Raises
    ------
    ConfigError
        No such name (the message lists those known), or a faulty file.
    """
    return _pick(name, "converters", "converter", ConverterSheet)


def converter(name: str | Path) -> Converter:
    """A converter, by name or from a user's TOML file; see `converter_sheet`."""
    return converter_sheet(name).converter


def channel_plans() -> tuple[ChannelPlan, ...]:
    """The channel plans shipped, by name."""
    return tuple(_shipped("channels", ChannelPlan).values())


def channel_plan(name: str | Path) -> ChannelPlan:
    """A channel plan, by name or from a user's TOML file.

    Raises
    ------
    ConfigError
        No such name (the message lists those known), or a faulty file.
    """
    return _pick(name, "channels", "channel plan", ChannelPlan)


def ingress_ranges() -> tuple[IngressRange, ...]:
    """The IF ranges shipped, whether to be avoided or preferred."""
    tables = _shipped("ingress", IngressTable).values()
    return tuple(entry for table in tables for entry in table.ranges)


def profiles(extra: Sequence[str | Path] = ()) -> tuple[Profile, ...]:
    """All emitter profiles by id: those shipped and those in ``extra`` folders.

    Parameters
    ----------
    extra : sequence of path
        Folders with a user's own ``*.toml`` profiles.

    Raises
    ------
    ProfileError
        A folder is missing, a file is faulty, or an id is taken.
    """
    found = dict(_shipped("profiles", Profile))
    for folder in map(Path, extra):
        if not folder.is_dir():
            raise ProfileError("is no folder; give a folder of *.toml profiles", file=folder)
        for path in sorted(folder.glob("*.toml")):
            profile = _read(path, Profile)
            if profile.id in found:
                raise ProfileError(
                    f"the id {profile.id!r} is taken; choose another", file=path, key="id"
                )
            found[profile.id] = profile
    return tuple(found[key] for key in sorted(found))


def profile(name: str | Path) -> Profile:
    """An emitter profile, by id or from a user's TOML file.

    Raises
    ------
    ProfileError
        No such id (the message lists those known), or a faulty file.
    """
    return _pick(name, "profiles", "profile", Profile)


E = TypeVar("E", ConverterSheet, ChannelPlan, IngressTable, Profile)


def _name_of(entry: BaseModel) -> str:
    return entry.id if isinstance(entry, Profile) else str(getattr(entry, "name", ""))


@functools.cache
def _shipped(folder: str, model: type[E]) -> dict[str, E]:
    entries = (_read(path, model) for path in _files(folder))
    return dict(sorted((_name_of(entry), entry) for entry in entries))


def _files(folder: str) -> Iterator[Path]:
    for item in (resources.files("sdr_detect") / folder).iterdir():
        if item.name.endswith(".toml"):
            with resources.as_file(item) as path:
                yield path


def _read(path: Path, model: type[E]) -> E:
    error = ProfileError if model is Profile else ConfigError
    return build(model, read_toml(path, error=error), file=path, error=error)


def _pick(name: str | Path, folder: str, kind: str, model: type[E]) -> E:
    text = str(name)
    if isinstance(name, Path) or text.endswith(".toml"):
        return _read(Path(text), model)
    known: dict[str, E] = _shipped(folder, model)
    if text in known:
        return known[text]
    near = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    error = ProfileError if model is Profile else ConfigError
    raise error(
        f"no {kind} {text!r}; {hint}Known: {', '.join(known)}; or give the path of a .toml file"
    )
