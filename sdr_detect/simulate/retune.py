"""A scene heard by a receiver that is tuned elsewhere on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from sdr_detect.errors import ConfigError
from sdr_detect.model import ComplexArray, IQBlock
from sdr_detect.simulate.emission import Carrier, Emission, Tuning
from sdr_detect.simulate.frontend import HALF_TAPS, FrontEnd, decode, encode, noise_block
from sdr_detect.simulate.place import place
from sdr_detect.simulate.render import AHEAD_S, GRID, stream_info
from sdr_detect.simulate.scene import Scene
from sdr_detect.simulate.waveforms import waveforms

#: An emission rings for less than this after its end.
_AFTER_S = 0.005


@dataclass(frozen=True, slots=True)
class _Noting(Tuning):
    """Notes whether an emitter asks which part of it is seen."""

    asked: list[bool] = field(default_factory=list)

    def window(self, carrier: Carrier, at_s: float) -> tuple[float, float]:
        self.asked.append(True)
        return Tuning.window(self, carrier, at_s)


class _Stream:
    """The emissions of one emitter, in order of their start."""

    def __init__(self, scene: Scene, index: int, seed: int) -> None:
        self._scene, self._index, self._seed = scene, index, seed
        self._open()

    def _open(self) -> None:
        emitter = self._scene.emitter[self._index]
        context = self._scene.context(self._index, self._seed)
        tuning = context.tuning
        self._tuning = _Noting(
            tuning.plan,
            tuning.center_hz,
            tuning.sample_rate_hz,
            tuning.lo_error_hz,
            tuning.lo_drift_hz_per_s,
        )
        made = waveforms()[emitter.kind].emissions(emitter, replace(context, tuning=self._tuning))
        self._emissions = iter(made)
        self._next = next(self._emissions, None)

    def retuned(self, scene: Scene) -> bool:
        """Begin again, if what it made depends on the tuning."""
        self._scene = scene
        if not self._tuning.asked:
            return False
        self._open()
        return True

    def until(self, start_s: float) -> Iterator[Emission]:
        """Those that start before, and have not been handed out."""
        while self._next is not None and self._next.start_s < start_s:
            yield self._next
            self._next = next(self._emissions, None)


class RetunedScene:
    """Renders a scene from one sample on, at one centre after the other.

    Parameters
    ----------
    scene : Scene
    seed : int, optional
        Instead of the scene's own.
    position : int
        First sample, before what is lost while the receiver settles.
    settle_s : float
        Lost at each retune.

    Raises
    ------
    ConfigError
        The scene has losses of its own.
    """

    def __init__(self, scene: Scene, seed: int | None, position: int, settle_s: float) -> None:
        if scene.receiver.losses:
            raise ConfigError("a scene with receiver.losses cannot be retuned")
        self._scene = scene
        self._seed = scene.scene.seed if seed is None else seed
        self._settle = round(settle_s * scene.receiver.sample_rate_hz)
        self._position = position
        self._streams = [_Stream(scene, i, self._seed) for i in range(len(scene.emitter))]
        #: By emitter: those that are on or about to be, and their samples at this tuning.
        self._live: list[list[tuple[Emission, tuple[int, ComplexArray] | None]]] = [
            [] for _ in scene.emitter
        ]
        #: The latest piece of noise, by its number.
        self._noise: tuple[int, ComplexArray] | None = None
        self._fed = position
        self._front: FrontEnd | None = None
        self._lost = 0

    def retune(self, rf_hz: float) -> None:
        """Another centre from here on; what comes while the receiver settles is lost.

        Before its first sample it has settled.
        """
        receiver = self._scene.receiver.model_copy(update={"rf_center_hz": rf_hz})
        self._scene = self._scene.model_copy(update={"receiver": receiver})
        self._front = None
        if self._position:
            self._position += self._settle
            self._lost += self._settle
        for index, stream in enumerate(self._streams):
            known = [] if stream.retuned(self._scene) else self._live[index]
            self._live[index] = self._placed([emission for emission, _ in known])

    def read(self, count: int) -> IQBlock | None:
        """The next block; None at the end of the scene."""
        receiver = self._scene.receiver
        count = min(count, self._scene.sample_count - self._position)
        if count <= 0:
            return None
        first, self._position = self._position, self._position + count
        if self._front is None:
            self._front = FrontEnd(receiver)
            self._fed = first - HALF_TAPS
            fill = 2 * HALF_TAPS
        else:
            fill = 0
        stop = self._position + HALF_TAPS
        out = self._front.process(self._fed, self._input(self._fed, stop))[fill:]
        self._fed = stop
        lost, self._lost = self._lost, 0
        samples = decode(encode(out, receiver.datatype), receiver.datatype)
        return IQBlock(stream_info(self._scene), first, samples, lost)

    def _input(self, start: int, stop: int) -> ComplexArray:
        """Noise and emissions before the receiver's filter."""
        receiver = self._scene.receiver
        parts = []
        for number in range(start // GRID, (stop - 1) // GRID + 1):
            if self._noise is None or self._noise[0] != number:
                self._noise = number, noise_block(receiver, self._seed, number + 1, GRID)
            low, high = max(start, number * GRID), min(stop, (number + 1) * GRID)
            parts.append(self._noise[1][low - number * GRID : high - number * GRID])
        block: ComplexArray = np.concatenate(parts)
        for index, stream in enumerate(self._streams):
            self._live[index] = self._current(index, stream, start, stop)
            for _, placed in self._live[index]:
                if placed is not None:
                    at, samples = placed
                    low, high = max(at, start), min(at + len(samples), stop)
                    if low < high:
                        block[low - start : high - start] += samples[low - at : high - at]
        return block

    def _current(
        self, index: int, stream: _Stream, start: int, stop: int
    ) -> list[tuple[Emission, tuple[int, ComplexArray] | None]]:
        """What may reach from ``start`` to ``stop``: what is not over yet, and what begins."""
        rate = self._scene.receiver.sample_rate_hz
        after_s = start / rate - _AFTER_S
        kept = [(e, placed) for e, placed in self._live[index] if e.stop_s > after_s]
        fresh = [e for e in stream.until(stop / rate + AHEAD_S) if e.stop_s > after_s]
        return kept + self._placed(fresh)

    def _placed(
        self, emissions: list[Emission]
    ) -> list[tuple[Emission, tuple[int, ComplexArray] | None]]:
        receiver = self._scene.receiver
        placed = place(emissions, receiver.tuning, receiver.noise_density)
        return list(zip(emissions, placed, strict=True))
