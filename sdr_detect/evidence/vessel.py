"""Who a vessel is, as far as numbers can be checked."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from sdr_detect.errors import EvidenceError

_TEXT = 120

#: First digits of a Maritime Identification Digit: 2 to 7, by region.
_MID = range(201, 776)
_OTHER_MMSI = (
    ("00", "a coast station"),
    ("0", "a group of stations"),
    ("111", "a search and rescue aircraft"),
    ("8", "a handheld radio"),
    ("970", "a search and rescue transmitter"),
    ("972", "a man-overboard device"),
    ("974", "an emergency beacon"),
    ("98", "a craft of a mother ship"),
    ("99", "an aid to navigation"),
)


@dataclass(frozen=True, slots=True)
class Vessel:
    """A vessel as the case names it; None is not known.

    Raises
    ------
    EvidenceError
        A number cannot be one, with the reason; or a text is empty, too long or has
        control characters.
    """

    name: str
    imo: str | None = None
    mmsi: str | None = None
    flag: str | None = None
    berth: str | None = None

    def __post_init__(self) -> None:
        if self.imo is not None:
            object.__setattr__(self, "imo", imo_number(self.imo))
        if self.mmsi is not None:
            object.__setattr__(self, "mmsi", ship_mmsi(self.mmsi))
        for field in ("name", "flag", "berth"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, plain_text(field, value))

    def to_json(self) -> dict[str, str | None]:
        """Ready for JSON."""
        return asdict(self)


def imo_number(text: str) -> str:
    """The seven digits of an IMO number, its check digit verified.

    Raises
    ------
    EvidenceError
        It is none.
    """
    digits = re.sub(r"^IMO\s*", "", text.strip(), flags=re.IGNORECASE)
    if not re.fullmatch(r"[0-9]{7}", digits):
        raise EvidenceError(f"IMO number {text!r} has not seven digits; read it off the hull again")
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1)))  # noqa: B905
    if weighted % 10 != int(digits[6]):
        raise EvidenceError(
            f"IMO number {digits} ends with {digits[6]}, and its first six digits ask for "
            f"{weighted % 10}: a digit was misread"
        )
    return digits


def ship_mmsi(text: str) -> str:
    """The nine digits of a ship station's MMSI.

    Raises
    ------
    EvidenceError
        It is none, or belongs to something else than a ship.
    """
    digits = re.sub(r"\s", "", text)
    if not re.fullmatch(r"[0-9]{9}", digits):
        raise EvidenceError(f"MMSI {text!r} has not nine digits")
    for start, what in _OTHER_MMSI:
        if digits.startswith(start):
            raise EvidenceError(f"MMSI {digits} begins with {start}: {what}, not a ship")
    if int(digits[:3]) not in _MID:
        raise EvidenceError(
            f"MMSI {digits} begins with {digits[:3]}; ships' begin with the digits of a country, "
            f"{_MID.start} to {_MID.stop - 1}"
        )
    return digits


def plain_text(what: str, text: str, limit: int = _TEXT) -> str:
    """Text without control characters, trimmed.

    Raises
    ------
    EvidenceError
        It is empty, too long or not printable.
    """
    found = text.strip()
    if not found or len(found) > limit:
        raise EvidenceError(f"{what} has {len(found)} characters; 1 to {limit} are taken")
    if not all(char.isprintable() or char == "\n" for char in found):
        raise EvidenceError(f"{what} has control characters; write it without them")
    return found
