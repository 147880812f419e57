"""A scene: one receiver and what it hears, from a TOML file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field, create_model

from sdr_detect.config import Strict, build, read_toml
from sdr_detect.errors import ConfigError
from sdr_detect.simulate.emission import Context, Emitter
from sdr_detect.simulate.receiver import Receiver
from sdr_detect.simulate.waveforms import waveforms

#: Emitters without start or stop run this long over either end, so that no
#: filter rings at the edges of the recording.
_LEAD_S = 0.02


class SceneInfo(Strict):
    """The ``[scene]`` table."""

    seed: int = Field(default=1, ge=0, lt=2**63)
    duration_s: float = Field(gt=0, le=86400)
    start_utc: AwareDatetime = datetime(2026, 1, 1, tzinfo=UTC)
    title: str = Field(min_length=1)
    description: str = ""


class Scene(Strict):
    """A whole scene file; ``sha256`` identifies its text."""

    scene: SceneInfo
    receiver: Receiver
    emitter: tuple[Emitter, ...] = ()
    sha256: str

    @property
    def sample_count(self) -> int:
        """Samples from start to end, lost ones included."""
        return round(self.scene.duration_s * self.receiver.sample_rate_hz)

    @property
    def start_ns(self) -> int:
        """UTC of sample 0, nanoseconds since 1970."""
        since = self.scene.start_utc - datetime(1970, 1, 1, tzinfo=UTC)
        return since // timedelta(microseconds=1) * 1000

    def context(self, index: int, seed: int) -> Context:
        """What the emitter at ``index`` knows."""
        emitter = self.emitter[index]
        latest_s = self.scene.duration_s + _LEAD_S
        return Context(
            seed=seed,
            index=index,
            start_s=-_LEAD_S if emitter.start_s is None else emitter.start_s,
            stop_s=latest_s if emitter.stop_s is None else min(emitter.stop_s, latest_s),
            start_utc_ns=self.start_ns,
            tuning=self.receiver.tuning,
        )


def load_scene(path: str | Path) -> Scene:
    """Read and check a scene.

    Raises
    ------
    ConfigError
        Unreadable, not TOML, an unknown or bad key (named), or a converter
        that is not in the catalogue.
    """
    path = Path(path)
    return parse_scene(
        read_toml(path), file=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )


def parse_scene(data: dict[str, Any], *, file: str | Path | None = None, sha256: str = "") -> Scene:
    """Check a scene that is already a mapping. As `load_scene`."""
    entries = data.get("emitter", [])
    if not isinstance(entries, list):
        raise ConfigError("write [[emitter]], with double brackets", file=file, key="emitter")
    emitters = tuple(_emitter(entry, i, file) for i, entry in enumerate(entries))
    head = {key: value for key, value in data.items() if key != "emitter"}
    scene = build(Scene, {"sha256": sha256, **head, "emitter": emitters}, file=file)
    _check_whole(scene, file)
    return scene


def _emitter(entry: Any, index: int, file: str | Path | None) -> Emitter:
    key, known = f"emitter[{index}]", waveforms()
    kind = str(entry.get("kind")) if isinstance(entry, dict) else "none"
    if kind not in known:
        raise ConfigError(
            f"no such kind of emitter {kind!r}; known: {', '.join(sorted(known))}",
            file=file,
            key=f"{key}.kind",
        )
    # A one-field model puts the emitter's position into the key of any error.
    field: dict[str, Any] = {key: (known[kind].params, ...)}
    wrapped = create_model(key, __base__=Strict, **field)
    found: Emitter = getattr(build(wrapped, {key: entry}, file=file), key)
    return found


def _check_whole(scene: Scene, file: str | Path | None) -> None:
    """What only the whole scene can tell."""
    receiver = scene.receiver
    try:
        plan = receiver.plan
    except ConfigError as exc:
        raise ConfigError(str(exc), file=file) from exc
    if plan.converter.side == "none" and any(getattr(e, "image", False) for e in scene.emitter):
        raise ConfigError("image = true needs a converter", file=file, key="receiver.converter")
    if receiver.losses:
        last = receiver.losses[-1]
        if receiver.sample(last.time_s) + last.count > scene.sample_count:
            raise ConfigError(
                f"the loss at {last.time_s} s ends after the scene",
                file=file,
                key="receiver.losses",
            )
