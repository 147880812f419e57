"""What is to be done with one recording, as text that any process can take."""

from __future__ import annotations

import hashlib
import json
from importlib import metadata

from pydantic import TypeAdapter

from sdr_detect import __version__
from sdr_detect.calibration.schema import Calibration
from sdr_detect.config import Strict
from sdr_detect.evidence.software import build_sha256
from sdr_detect.formats.base import RawSpec
from sdr_detect.settings import Settings

#: Libraries whose version may change a number.
_LIBRARIES = ("numpy", "scipy", "numba", "h5py")

#: Raised when what is kept of a recording changes its form.
_FORM = 1


def software() -> str:
    """Digest of the program, with its emitter profiles, and of what it computes with."""
    parts = [build_sha256(), *(f"{name} {metadata.version(name)}" for name in _LIBRARIES)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Treatment(Strict):
    """What is done with every recording alike.

    Parameters
    ----------
    settings : Settings
    max_bursts : int
        Burst lines written; more are only counted.
    calibration, calibration_sha256, gain_db
        As for ``analyze``.
    version : str
        Of the program that asks.
    software : str
        As `software` says.
    """

    settings: Settings
    max_bursts: int
    calibration: Calibration | None = None
    calibration_sha256: str | None = None
    gain_db: float | None = None
    version: str = __version__
    software: str


class Task(Strict):
    """One recording, and what is done with it.

    Parameters
    ----------
    path : str
        Absolute.
    spec : RawSpec
        What the user states about it.
    treatment : Treatment
    """

    path: str
    spec: RawSpec
    treatment: Treatment


def key(task: Task) -> str:
    """Digest of everything that steers a result, but for the recording itself."""
    parts = {
        "form": _FORM,
        "spec": TypeAdapter(RawSpec).dump_python(task.spec, mode="json"),
        "treatment": task.treatment.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()
