"""``sim://SCENE.toml``: a simulated scene, received now.

``?seed=N`` replaces the scene's own seed; ``?pace=`` as for ``file://``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdr_detect.errors import SourceNotFound
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.registry import SourceOptions
from sdr_detect.simulate import render
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
    path, query = split_uri(uri, {"pace", "seed"})
    if options.spec.center_hz is not None or options.spec.sample_rate_hz is not None:
        raise SourceNotFound(
            "the scene says rate and centre; leave --rate, --rf, --if out", uri=uri
        )
    seed = None if "seed" not in query else int(number(uri, query, "seed", 0))
    return SimulatedSource(load_scene(path), seed, Pace(number(uri, query, "pace", 1.0)))


class SimulatedSource:
    """A scene with a pace."""

    def __init__(self, scene: Scene, seed: int | None, pace: Pace) -> None:
        self._scene = scene
        self._seed = seed
        self._pace = pace

    @property
    def info(self) -> StreamInfo:
        """What the scene's receiver says about its stream."""
        return render.stream_info(self._scene)

    @property
    def overflow(self) -> Overflow:
        """Waits unless it is paced."""
        return self._pace.overflow

    def blocks(self) -> Iterator[IQBlock]:
        """All blocks, in order."""
        size = block_samples(self.info.sample_rate_hz)
        return self._pace.hold(render.blocks(self._scene, self._seed, block_samples=size))

    def close(self) -> None:
        """Stop. Safe to call twice."""
        self._pace.close()
