"""Sessions of a receiver that is led from stop to stop through a scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sdr_detect.catalog import profile
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.scan.plan import Receiver, comb_stops, scan_stops
from sdr_detect.scan.strategy import Adaptive, Cycle, Hop, Strategy
from sdr_detect.scan.terminal import TerminalModel, terminal_model
from sdr_detect.simulate.render import stream_info
from sdr_detect.simulate.retune import RetunedScene
from sdr_detect.simulate.scene import Scene
from sdr_detect.tour import TouringSource
from sdr_detect.watched import Stay

RATE_HZ, DWELL_S, SETTLE_S = 2.4e6, 0.1, 0.008
_BLOCK = 1 << 15


def hopping_terminal() -> TerminalModel:
    """The terminal whose channels are swept."""
    model = terminal_model(profile("starlink_uplink"))
    assert model is not None
    return model


def strategy(name: str) -> Strategy:
    """A strategy at its beginning: park, scan, comb, hop or adaptive."""
    model = hopping_terminal()
    receiver = Receiver(RATE_HZ, 0.8 * RATE_HZ, FrequencyPlan(), SETTLE_S)
    if name == "scan":
        return Cycle(scan_stops([(14.0e9, 14.5e9)], model.channels_hz, receiver, DWELL_S))
    comb = comb_stops(model.channels_hz, receiver, DWELL_S)
    if name == "park":
        return Cycle([replace(comb[3], dwell_s=float("inf"))])
    if name == "adaptive":
        return Adaptive(comb)
    return Hop(comb, SETTLE_S) if name == "hop" else Cycle(comb)


def tour(scene: Scene, name: str, length_s: float) -> Iterator[IQBlock]:
    """What the receiver hears of a scene."""
    return _blocks(SceneSource(scene), name, length_s)


def stays(info: StreamInfo, name: str, length_s: float) -> list[Stay]:
    """Where it listens, told without a sample."""
    found: list[Stay] = []
    for block in _blocks(_SilentSource(info), name, length_s):
        edges = block.info.rf_range_hz
        assert edges is not None
        start_s, stop_s = info.seconds(block.first_sample), info.seconds(block.stop_sample)
        stay = Stay(start_s, stop_s, *edges, stop_s - start_s)
        if found and stay.follows(found[-1]):
            stay = replace(stay, start_s=found[-1].start_s)
            stay = replace(stay, analysed_s=stop_s - stay.start_s)
            found.pop()
        found.append(stay)
    return found


def _blocks(source: SceneSource | _SilentSource, name: str, length_s: float) -> Iterator[IQBlock]:
    for block in TouringSource(source, strategy(name), length_s).blocks():
        assert isinstance(block, IQBlock)
        yield block


class SceneSource:
    """A scene as a tunable source."""

    overflow = Overflow.BLOCK

    def __init__(self, scene: Scene) -> None:
        self.info = stream_info(scene)
        self._tuned = RetunedScene(scene, None, 0, SETTLE_S)

    def retune(self, rf_hz: float) -> None:
        """Another centre, after the time to settle."""
        self._tuned.retune(rf_hz)

    def blocks(self) -> Iterator[IQBlock]:
        """To the end of the scene."""
        while (block := self._tuned.read(_BLOCK)) is not None:
            yield block

    def close(self) -> None:
        """Nothing to release."""


class _SilentSource:
    """A receiver that obeys as `SceneSource` does, and hears nothing."""

    overflow = Overflow.BLOCK

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self._position = self._lost = 0

    def retune(self, rf_hz: float) -> None:
        self.info = replace(self.info, center_hz=rf_hz)
        if self._position:
            self._lost += round(SETTLE_S * self.info.sample_rate_hz)

    def blocks(self) -> Iterator[IQBlock]:
        silence = np.zeros(_BLOCK, np.complex64)
        while True:
            lost, self._lost = self._lost, 0
            first = self._position + lost
            self._position = first + _BLOCK
            yield IQBlock(self.info, first, silence, lost)

    def close(self) -> None:
        pass
