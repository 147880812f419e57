"""The files that everybody reads: one scene a file, with one type of samples."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import GROUP, HOP, NFFT, Sample
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import parse_scene

RF_HZ = 14.21875e9
_SEED = 102

_RECEIVER: dict[str, Any] = {
    "sample_rate_hz": 20e6,
    "rf_center_hz": RF_HZ,
    "converter": "ku-12.80",
    "datatype": "ci8",
    "noise_dbfs": -30.0,
    "filter": {"usable_fraction": 0.8, "slope_db": 1.0},
    "dc_dbfs": -40.0,
}

#: Bursts of 3 to 47 symbols, 5 to 8 frames apart, of which the slice always holds
#: the preamble and often the payload.
_TERMINAL: dict[str, Any] = {
    "kind": "starlink_uplink",
    "name": "starlink terminal",
    "channel": 3,
    "cn_db": 6.0,
    "burst_symbols": [3, 6, 20, 47],
    "carriers": [63, 189, 252, 441, 504],
    "carrier_leak_db": -10.0,
    "frames": [5, 6, 7, 8],
    "doppler_hz": 40e3,
    "doppler_rate_hz_per_s": 1800.0,
}

SCENES: dict[str, dict[str, Any]] = {
    "busy": {"receiver": _RECEIVER, "emitter": [_TERMINAL]},
    "blank": {"receiver": _RECEIVER},
    "blank60": {"receiver": {**_RECEIVER, "sample_rate_hz": 60e6}},
}


#: Pulses, by numpy alone: one in this many samples, of which it fills up to the second.
_PULSE_RATE_HZ = 2.4e6
_PULSE_EVERY = 2400
_PULSE_SAMPLES = 200, 800


class Files:
    """Files in a folder, made when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str, float], Sample] = {}

    def sample(self, scene: str, datatype: str, seconds: float) -> Sample:
        """The file of that scene and type.

        It is ``seconds`` long, rounded down to whole groups of frames, one at least.
        """
        key = scene, datatype, seconds
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, scene: str, datatype: str, seconds: float) -> Sample:
        path = self._folder / f"{scene}-{len(self._made)}.{datatype}"
        if scene == "pulses":
            return _render_pulses(path, seconds)
        if datatype == "cs8":
            return _render(scene, path, seconds)
        source = self.sample(scene, "cs8", seconds)
        if datatype == "cf32":
            source.read().tofile(path)
        else:
            (np.fromfile(source.path, np.uint8) ^ np.uint8(0x80)).tofile(path)
        return Sample(str(path), datatype, source.rate_hz, source.count)


def _render(scene: str, path: Path, seconds: float) -> Sample:
    data = copy.deepcopy(SCENES[scene])
    rate_hz = data["receiver"]["sample_rate_hz"]
    groups = max(1, int(seconds * rate_hz) // (GROUP * NFFT))
    count = groups * GROUP * NFFT + HOP
    made = parse_scene(
        {
            "scene": {"title": scene, "seed": _SEED, "duration_s": (count + 1) / rate_hz},
            **data,
        }
    )
    with path.open("wb") as file:
        for block in blocks(made):
            scaled = np.rint(block.samples.view(np.float32) * np.float32(128))
            scaled.astype(np.int8).tofile(file)
        file.truncate(2 * count)
    return Sample(str(path), "cs8", rate_hz, count)


def pulse_edges(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First samples of all pulses among so many samples, and of what follows each."""
    rng = np.random.default_rng(_SEED)
    starts = np.arange(_PULSE_EVERY // 2, count - _PULSE_EVERY, _PULSE_EVERY)
    return starts, starts + rng.integers(*_PULSE_SAMPLES, starts.size)


def _render_pulses(path: Path, seconds: float) -> Sample:
    """A carrier switched on and off, 25 dB above the noise, as cu8."""
    count = max(4 * _PULSE_EVERY, int(seconds * _PULSE_RATE_HZ) // _PULSE_EVERY * _PULSE_EVERY)
    starts, stops = pulse_edges(count)
    steps = np.zeros(count, np.int8)
    steps[starts], steps[stops] = 1, -1
    tone = np.exp(0.3j * np.arange(count)) * (64 * np.cumsum(steps))
    noise = np.random.default_rng(_SEED + 1).standard_normal(2 * count) * 2.5
    codes = np.rint(tone.view(np.float64) + noise + 127.5)
    codes.astype(np.uint8).tofile(path)
    return Sample(str(path), "cu8", _PULSE_RATE_HZ, count)
