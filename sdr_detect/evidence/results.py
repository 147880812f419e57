"""All numbers of a package from its recordings: for sealing, and for doing it again."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from sdr_detect.analysis import Analysis, analyze_recording, config_sha256
from sdr_detect.calibrated import restate
from sdr_detect.calibration.levels import Levels
from sdr_detect.calibration.schema import Calibration
from sdr_detect.errors import EvidenceError, FormatError
from sdr_detect.evidence import quantities
from sdr_detect.evidence.attribution import Heard, conclude, heard
from sdr_detect.evidence.comparison import MAX_BYTES, Comparison, read
from sdr_detect.evidence.inside import Packed, opened
from sdr_detect.evidence.ziplayout import Member, pieces
from sdr_detect.profiles.schema import Profile
from sdr_detect.settings import Settings
from sdr_detect.sinks.jsonl import JsonLines

#: Members that hold comparisons, which take part in the conclusion.
COMPARISONS = "comparisons/"


@dataclass(frozen=True, slots=True)
class Steering:
    """Everything but the samples that decides the numbers.

    ``calibration_sha256`` is the digest of the file that ``calibration`` came from;
    ``gain_db`` the receiver's gain where recordings do not state it.
    """

    settings: Settings
    profiles: tuple[Profile, ...]
    max_bursts: int = 10_000
    calibration: Calibration | None = None
    calibration_sha256: str | None = None
    gain_db: float | None = None

    @property
    def levels(self) -> Levels:
        """What states levels in physical units."""
        return Levels(self.calibration, self.settings.site)

    def to_json(self) -> dict[str, Any]:
        """The configuration member."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "profiles": [profile.model_dump(mode="json") for profile in self.profiles],
            "max_bursts": self.max_bursts,
            "calibration": None
            if self.calibration is None
            else self.calibration.model_dump(mode="json"),
            "calibration_sha256": self.calibration_sha256,
            "gain_db": self.gain_db,
            "config_sha256": config_sha256(self.settings, self.profiles),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Steering:
        """Read the configuration member.

        Raises
        ------
        EvidenceError
            This program does not know such a configuration.
        """
        try:
            calibration = document["calibration"]
            return cls(
                Settings.model_validate(document["settings"]),
                tuple(Profile.model_validate(entry) for entry in document["profiles"]),
                int(document["max_bursts"]),
                None if calibration is None else Calibration.model_validate(calibration),
                document["calibration_sha256"],
                document["gain_db"],
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise EvidenceError(
                f"its configuration is not one this version of the program knows: {exc}"
            ) from exc


#: Called for each recording with its name and its analysis.
Watcher = Callable[[Packed, Analysis], None]


class Results:
    """Collects what the recordings of a package say, one after the other."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering
        self.quantities: list[dict[str, Any]] = []
        self.heard: list[Heard] = []

    @contextmanager
    def analysed(
        self,
        package: Path,
        members: Mapping[str, Member],
        packed: Packed,
        *,
        watch: Watcher | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[BinaryIO]:
        """Analyse one recording; yields its events as JSON Lines.

        Raises
        ------
        EvidenceError
            It cannot be read to its end, or was interrupted.
        """
        steering = self._steering
        with TemporaryFile("w+b") as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="\n", write_through=True)
            lines = JsonLines(text, max_bursts=steering.max_bursts, levels=steering.levels)
            try:
                with opened(package, members, packed) as recording:
                    if steering.calibration is not None:
                        restate(recording, steering.calibration, steering.gain_db)
                    result = analyze_recording(
                        recording,
                        settings=steering.settings,
                        profiles=steering.profiles,
                        levels=steering.levels,
                        calibration_sha256=steering.calibration_sha256,
                        lines=lines,
                        picture=watch is not None,
                        stop=stop,
                    )
            except FormatError as exc:
                raise EvidenceError(f"recording {packed.id}: {exc}") from exc
            if stop is not None and stop.is_set():
                raise EvidenceError("interrupted; nothing was sealed or compared")
            settings = steering.settings
            self.quantities += quantities.of_recording(packed.id, result, settings, steering.levels)
            self.heard.append(heard(packed.id, packed.role, result, settings))
            if watch is not None:
                watch(packed, result)
            text.detach()
            file.seek(0)
            yield file

    def to_json(self, tests: Sequence[Comparison] = ()) -> dict[str, Any]:
        """The member ``results.json``: quantities, and what they say with the tests made."""
        return {
            "quantities": self.quantities,
            "conclusion": conclude(self.heard, tests).to_json(),
            "recordings": [_plain(one) for one in self.heard],
        }


def tests_within(package: Path, members: Mapping[str, Member]) -> list[Comparison]:
    """The comparisons that lie in a package.

    Raises
    ------
    EvidenceError
        One of them is none.
    """
    found = []
    with package.open("rb") as file:
        for name, member in members.items():
            if name.startswith(COMPARISONS):
                if member.size > MAX_BYTES:
                    raise EvidenceError(f"{name} has {member.size} bytes and is no comparison")
                found.append(read(name.removeprefix(COMPARISONS), b"".join(pieces(file, member))))
    return found


def _plain(one: Heard) -> dict[str, Any]:
    return {**asdict(one), "reasons": list(one.reasons)}


def recordings_from_json(document: Sequence[Any]) -> tuple[Packed, ...]:
    """The recordings that a package lists.

    Raises
    ------
    EvidenceError
        The list is not one.
    """
    try:
        return tuple(
            Packed(
                str(entry["id"]),
                str(entry["role"]),
                str(entry["data"]),
                None if entry["meta"] is None else str(entry["meta"]),
                dict(entry["stated"]),
            )
            for entry in document
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise EvidenceError(f"its list of recordings is damaged ({exc!r})") from exc
