"""What a user states of many raw files: by file name patterns, in one TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sdr_detect.commands._recording_options import spec_from_options
from sdr_detect.errors import ConfigError

if TYPE_CHECKING:
    from sdr_detect.formats.base import RawSpec


@dataclass
class Statements:
    """Patterns with what holds for the files that match; the first that matches counts.

    Parameters
    ----------
    common : RawSpec
        What holds for all other files.
    """

    common: RawSpec
    by_pattern: dict[str, RawSpec] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def spec(self, path: Path) -> RawSpec:
        """What is stated of a file."""
        for pattern, spec in self.by_pattern.items():
            if path.match(pattern):
                self.used.add(pattern)
                return spec
        return self.common

    @property
    def unused(self) -> list[str]:
        """Patterns that no file has matched: misspelt, perhaps."""
        return [pattern for pattern in self.by_pattern if pattern not in self.used]


def read_statements(file: Path | None, common: RawSpec) -> Statements:
    """The statements of a file, over those common to all.

    Raises
    ------
    ConfigError
        The file is missing or faulty, or a statement contradicts itself.
    """
    statements = Statements(common)
    if file is None:
        return statements
    from pydantic import Field

    from sdr_detect.config import Strict, build, read_toml

    class Statement(Strict):
        """One ``[[recording]]``; fields as the options of a command."""

        files: str = Field(min_length=1)
        format: str | None = None
        rate_hz: float | None = None
        rf_hz: float | None = None
        if_hz: float | None = None
        converter: str | None = None

    class StatementFile(Strict):
        """The file."""

        recording: tuple[Statement, ...]

    for index, said in enumerate(build(StatementFile, read_toml(file), file=file).recording):
        where = f"recording.{index}"
        if said.files in statements.by_pattern:
            raise ConfigError(f"files {said.files!r} stands twice", file=file, key=where)
        try:
            spec = spec_from_options(
                said.format, said.rate_hz, said.rf_hz, said.if_hz, said.converter
            )
        except typer.BadParameter as exc:
            raise ConfigError(exc.message, file=file, key=where) from exc
        statements.by_pattern[said.files] = spec
    return statements
