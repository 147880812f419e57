"""What the case panel asks of ``sdr-detect case``: words, and what is wrong with a field."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence.vessel import imo_number, plain_text, ship_mmsi
from sdr_detect_gui.texts import tr

_OPENED = re.compile(r"^opened case (\S+) in ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Form:
    """What is written in the panel."""

    vessel: str = ""
    imo: str = ""
    mmsi: str = ""
    berth: str = ""
    operator: str = ""
    authority: str = ""
    position: str = ""

    def faults(self) -> dict[str, str]:
        """What is wrong, by field; required fields that are empty among it."""
        found = {}
        for name, check in (("imo", imo_number), ("mmsi", ship_mmsi)):
            text = getattr(self, name).strip()
            fault = _fault(check, text) if text else ""
            if fault:
                found[name] = fault
        for name in ("vessel", "operator", "authority"):
            text = getattr(self, name)
            if not text.strip():
                found[name] = tr("is needed")
        if self.position.strip() and self.position_words() is None:
            found["position"] = tr("write gpsd HOST, or LAT, LON in degrees")
        return found

    def position_words(self) -> list[str] | None:
        """Options of ``case position``; None when it is none of both."""
        text = self.position.strip()
        if text.startswith("gpsd"):
            return ["--gpsd", text.removeprefix("gpsd").strip() or "localhost"]
        try:
            lat, lon = (float(part) for part in text.split(","))
        except ValueError:
            return None
        fits = -90 <= lat <= 90 and -180 <= lon <= 180
        return [f"--lat={lat}", f"--lon={lon}"] if fits else None

    def new_words(self, store: Path) -> list[str]:
        """The verb that opens the case."""
        told = ["case", "new", f"--vessel={self.vessel.strip()}"]
        for option in ("imo", "mmsi", "berth"):
            text = getattr(self, option).strip()
            if text:
                told.append(f"--{option}={text}")
        authority, who = self.authority.strip(), self.operator.strip()
        return [*told, f"--authority={authority}", f"--as={who}", f"--store={store}"]


def _fault(check: Callable[[str], str], text: str) -> str:
    try:
        check(text)
    except EvidenceError as exc:
        return str(exc)
    return ""


def opened(out: str) -> str | None:
    """Number of the case that ``case new`` opened."""
    found = _OPENED.search(out)
    return None if found is None else found.group(1)


def name_of_key(operator: str) -> str:
    """File name of an operator's key."""
    return re.sub(r"[^a-z0-9]+", "-", plain_text("operator", operator).lower()).strip("-") or "key"
