"""``sim://SCENE.toml``: a simulated scene, received now.

``?seed=N`` replaces the scene's own seed; ``?pace=`` as for ``file://``. It can be
tuned to another centre on the way: ``?settle=0.005`` seconds are lost then.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdr_detect.errors import ConfigError, SourceNotFound
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block
from sdr_detect.registry import SourceOptions
from sdr_detect.simulate import render
from sdr_detect.simulate.retune import RetunedScene
from sdr_detect.simulate.scene import Scene, load_scene
from sdr_detect_hardware._replay import Pace, block_samples, number, split_uri


def open_source(uri: str, options: SourceOptions) -> SimulatedSource:
    """Load the scene.

    Raises
    ------
    SourceNotFound
        The URI is malformed, or frequencies are stated that the scene fixes.
    ConfigError
        The scene is faulty.
    """
    path, query = split_uri(uri, {"pace", "seed", "settle"})
    if options.spec.center_hz is not None or options.spec.sample_rate_hz is not None:
        raise SourceNotFound(
            "the scene says rate and centre; leave --rate, --rf, --if out", uri=uri
        )
    seed = None if "seed" not in query else int(number(uri, query, "seed", 0))
    settle_s = number(uri, query, "settle", 0.005)
    pace = Pace(number(uri, query, "pace", 1.0))
    return SimulatedSource(load_scene(path), seed, pace, settle_s)


class SimulatedSource:
    """A scene with a pace."""

    def __init__(self, scene: Scene, seed: int | None, pace: Pace, settle_s: float = 0.005) -> None:
        self._scene = scene
        self._seed = seed
        self._pace = pace
        self._settle_s = settle_s
        self._wanted_hz: float | None = None

    @property
    def info(self) -> StreamInfo:
        """What the scene's receiver says about its stream."""
        return render.stream_info(self._scene)

    @property
    def overflow(self) -> Overflow:
        """Waits unless it is paced."""
        return self._pace.overflow

    def blocks(self) -> Iterator[Block]:
        """All blocks, in order."""
        return self._pace.hold(self._rendered(block_samples(self.info.sample_rate_hz)))

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF, from the next block on.

        Raises
        ------
        ConfigError
            The converter of the scene does not reach it, or the scene has losses.
        """
        plan = self._scene.receiver.plan
        if not plan.covers(rf_hz):
            raise ConfigError(
                f"{rf_hz:.0f} Hz is outside the range of converter {plan.converter.name!r}"
            )
        if self._scene.receiver.losses:
            raise ConfigError("a scene with receiver.losses cannot be retuned")
        self._wanted_hz = rf_hz

    def _rendered(self, size: int) -> Iterator[IQBlock]:
        position = 0
        for block in render.blocks(self._scene, self._seed, block_samples=size):
            if self._wanted_hz is not None:
                break
            position = block.stop_sample
            yield block
        else:
            return
        tuned = RetunedScene(self._scene, self._seed, position, self._settle_s)
        while True:
            wanted_hz, self._wanted_hz = self._wanted_hz, None
            if wanted_hz is not None:
                tuned.retune(wanted_hz)
            retuned = tuned.read(size)
            if retuned is None:
                return
            yield retuned

    def close(self) -> None:
        """Stop. Safe to call twice."""
        self._pace.close()
