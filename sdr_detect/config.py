"""Strict settings: TOML in, frozen models out.

Unknown keys are errors that name the nearest known key; nothing is clamped.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from sdr_detect.errors import ConfigError


class Strict(BaseModel):
    """Base of every settings model: frozen, unknown keys refused, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def read_toml(path: Path, *, error: type[ConfigError] = ConfigError) -> dict[str, Any]:
    """Read a TOML file, or raise ``error`` naming the file and the line.

    Raises
    ------
    ConfigError
        The file is missing, unreadable, not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise error(f"cannot be read ({exc.strerror}); check the path", file=path) from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise error(f"is not valid TOML: {exc}", file=path) from exc


def build(
    model: type[M],
    data: Mapping[str, Any],
    *,
    file: str | Path | None = None,
    error: type[ConfigError] = ConfigError,
) -> M:
    """Validate ``data`` as ``model``; one fault becomes one clear error.

    Raises
    ------
    ConfigError
        Names file, dotted key, the offending value and, for an unknown key,
        the nearest known one.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as exc:
        faults = exc.errors(include_url=False)
        # A misspelt key is also a missing one: the misspelling says more.
        fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _sibling_names(model, fault["loc"])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise error(f"unknown key; {hint}", file=file, key=key) from exc
        raise error(f"{fault['msg']} (got {fault['input']!r})", file=file, key=key) from exc


def _sibling_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys known beside the one at ``loc``, through lists and tagged unions."""
    nodes = [model]
    for part in loc[:-1]:
        fields = [node.model_fields.get(str(part)) for node in nodes]
        below = [m for field in fields if field for m in _models_in(field.annotation)]
        # An integer is a place in a list; a name that is no field, the tag of a union.
        nodes = below or [node for node in nodes if isinstance(part, int) or _tagged(node, part)]
    return sorted({name for node in nodes for name in node.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tagged(model: type[BaseModel], tag: str) -> bool:
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


def apply_sets(data: Mapping[str, Any], sets: Iterable[str]) -> dict[str, Any]:
    """Overlay ``a.b=c`` assignments on a nested mapping.

    The right side is read as a TOML value; what TOML cannot read is a string.

    Raises
    ------
    ConfigError
        An assignment has no ``=`` or runs through a value that is no table.
    """
    out = _copy_tables(data)
    for item in sets:
        key, sep, text = item.partition("=")
        if not sep or not key.strip():
            raise ConfigError(f"{item!r} is no assignment; write --set section.key=value")
        *parents, leaf = key.strip().split(".")
        table = out
        for name in parents:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{name!r} is a value, not a table", key=key)
        try:
            table[leaf] = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            table[leaf] = text
    return out


def _copy_tables(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copy_tables(v) if isinstance(v, Mapping) else v for k, v in data.items()}
