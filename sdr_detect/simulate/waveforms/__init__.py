"""The kinds of emitter. One module each; a new one is found by its file.

A module has ``Params``, a model derived from `Emitter` whose ``kind`` is a
``Literal`` with the kind's name, and ``emissions(params, context)``, which
yields `Emission` objects in order of their start.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_args

from sdr_detect.simulate.emission import Context, Emission, Emitter


@dataclass(frozen=True, slots=True)
class Waveform:
    """A kind of emitter: its settings and its generator."""

    params: type[Emitter]
    emissions: Callable[[Any, Context], Iterator[Emission]]


@cache
def waveforms() -> MappingProxyType[str, Waveform]:
    """Every kind of emitter there is, by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        (kind,) = get_args(module.Params.model_fields["kind"].annotation)
        found[kind] = Waveform(module.Params, module.emissions)
    return MappingProxyType(found)
