"""All detectors of this package, found by what their modules offer."""

from __future__ import annotations

import importlib
import pkgutil

from sdr_detect.detect.base import Detector, Setup


def make_detectors(setup: Setup) -> list[Detector]:
    """One of each, in rising ``ORDER``."""
    import sdr_detect.detect as package

    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    ]
    offered = [m for m in modules if hasattr(m, "ORDER") and hasattr(m, "detector")]
    offered.sort(key=lambda m: (m.ORDER, m.__name__))
    return [m.detector(setup) for m in offered]
