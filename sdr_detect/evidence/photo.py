"""What a photograph says about itself. It says what its camera was told."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import GPS, IFD, Base

from sdr_detect.errors import EvidenceError

#: Beyond any camera; what claims more is an attack on the memory.
MAX_PIXELS = 200_000_000
_MAX_TEXT = 100
_TEXTS = {
    "camera_make": Base.Make,
    "camera_model": Base.Model,
    "changed": Base.DateTime,
    "software": Base.Software,
}


def facts(path: Path) -> dict[str, Any]:
    """Size and EXIF of a photograph; what it does not say is absent.

    Raises
    ------
    EvidenceError
        It is no picture.
    """
    with _opened(path) as image:
        found: dict[str, Any] = {"format": image.format, "width": image.width}
        found["height"] = image.height
        try:
            exif = image.getexif()
            details, place = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
        except (ValueError, SyntaxError, TypeError, OSError, KeyError):
            return {**found, "exif": "damaged"}
    for name, tag in _TEXTS.items():
        if (value := exif.get(tag)) is not None:
            found[name] = _text(value)
    if (taken := details.get(Base.DateTimeOriginal)) is not None:
        found["taken_local"] = _text(taken)
        found["taken_offset"] = _text(details.get(Base.OffsetTimeOriginal, "not stated"))
    for name, value, sign in (
        ("latitude", place.get(GPS.GPSLatitude), place.get(GPS.GPSLatitudeRef)),
        ("longitude", place.get(GPS.GPSLongitude), place.get(GPS.GPSLongitudeRef)),
    ):
        if (degrees := _degrees(value, sign)) is not None:
            found[f"{name}_deg"] = degrees
    return found


def thumbnail(path: Path, edge: int = 640) -> bytes:
    """A small JPEG made from the picture, without anything that was hidden in it.

    Raises
    ------
    EvidenceError
        It is no picture, or damaged.
    """
    out = io.BytesIO()
    with _opened(path) as image:
        try:
            image.thumbnail((edge, edge))
            image.convert("RGB").save(out, "JPEG", quality=80)
        except (OSError, ValueError, SyntaxError) as exc:
            raise EvidenceError(f"{path} is a damaged picture ({exc})") from exc
    return out.getvalue()


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked below
            image = Image.open(path, formats=("JPEG", "PNG", "TIFF", "WEBP"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as exc:
        raise EvidenceError(
            f"{path} is no picture that can be read; attach it as a document"
        ) from exc
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise EvidenceError(
            f"{path} claims {image.width} × {image.height} pixels; at most {MAX_PIXELS} are read"
        )
    return image


def _text(value: Any) -> str:
    plain = "".join(char for char in str(value) if char.isprintable())
    return plain.strip()[:_MAX_TEXT]


def _degrees(value: Any, sign: Any) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    found = degrees + minutes / 60 + seconds / 3600
    return round(-found if str(sign) in ("S", "W") else found, 6)
