"""The comparisons: each module here offers `COMPARISONS`, and nothing is registered."""

from __future__ import annotations

import importlib
import pkgutil

from sdr_detect.bench.work import Comparison


def all_comparisons() -> dict[str, tuple[str, Comparison]]:
    """Module and comparison by the comparison's name, in the order of the modules."""
    found: dict[str, tuple[str, Comparison]] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for comparison in importlib.import_module(module.name).COMPARISONS:
            found[comparison.name] = module.name, comparison
    return found
