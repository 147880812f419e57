"""Words in the user's language: English in the code, others in ``locale/*.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from PySide6.QtCore import QCoreApplication, QObject, QTranslator

_CONTEXT = "sdr-detect"


def tr(text: str) -> str:
    """The text in the language that is installed."""
    return QCoreApplication.translate(_CONTEXT, text)


def languages() -> list[str]:
    """Codes of the languages there are; English needs no file."""
    folder = resources.files("sdr_detect_gui") / "locale"
    found = (item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return ["en", *sorted(name.removesuffix(".toml") for name in found)]


@cache
def catalogue(code: str) -> dict[str, str]:
    """Translations by English text; empty for English and for what is not there."""
    path = resources.files("sdr_detect_gui") / "locale" / f"{code}.toml"
    if not path.is_file():
        return {}
    table: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["texts"]
    return table


class Language(QTranslator):
    """Looks texts up in a catalogue; what is missing stays English."""

    def __init__(self, texts: dict[str, str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = texts

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's name
        """Whether there is nothing in it."""
        return not self._texts

    def translate(
        self, context: str, text: str, _disambiguation: str | None = None, _count: int = -1
    ) -> str:
        """The translation; the text itself where there is none, and nothing of Qt's own."""
        # None, not "": Qt would take that for a translation, and its buttons had no words.
        return self._texts.get(text, text) if context == _CONTEXT else None  # type: ignore[return-value]
