"""Strengths at antenna headings, and where a rotator points."""

from __future__ import annotations

import threading
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QThread, Signal

from sdr_detect.features.heading_fit import HeadingBin, Lobe, fit_lobe, into_bins
from sdr_detect.pointing.rotctld import follow

Reference = Literal["true", "magnetic"]

#: Values kept; an hour at 30 a second, the oldest go first.
MAX_VALUES = 1 << 17
BIN_DEG = 5.0


class Headings:
    """What was heard at which heading.

    Attributes
    ----------
    now_deg : float or None
        Where the antenna stands; None while it turns, or before it was said.
    reference : str
        Which north headings count from: all of them, or they could not stand together.
    """

    def __init__(self) -> None:
        self.now_deg: float | None = None
        self.reference: Reference = "true"
        self._values = np.empty((MAX_VALUES, 2))
        self._count = 0
        self._forgotten = np.empty((0, 2))
        self._bins: list[HeadingBin] = []
        self._binned = 0

    def __len__(self) -> int:
        return min(self._count, MAX_VALUES)

    def hear(self, rise_db: float) -> None:
        """Note a strength at the heading of now."""
        if self.now_deg is None:
            return
        excess = max(10 ** (rise_db / 10) - 1, 0.0)
        self._values[self._count % MAX_VALUES] = self.now_deg, excess
        self._count += 1

    def refer_to(self, reference: Reference) -> bool:
        """Count from another north; whether what was noted had to be forgotten."""
        if reference == self.reference:
            return False
        self.reference = reference
        had = len(self) > 0
        self.clear()
        self._forgotten = np.empty((0, 2))  # headings of two norths do not stand together
        return had

    def clear(self) -> None:
        """Forget all that was noted, until it is taken back."""
        self._forgotten = self._values[: len(self)].copy()
        self._count = self._binned = 0
        self._bins = []
        self.now_deg = None

    @property
    def can_take_back(self) -> bool:
        """Whether something was forgotten that can be had again."""
        return len(self._forgotten) > 0

    def take_back(self) -> None:
        """Note again what was forgotten last, beside what was noted since."""
        for value in self._forgotten:
            self._values[self._count % MAX_VALUES] = value
            self._count += 1
        self._forgotten = np.empty((0, 2))

    def bins(self) -> list[HeadingBin]:
        """Mean strength around each heading, as relative power above the background."""
        if self._binned != self._count:
            known = self._values[: len(self)]
            self._bins = into_bins(known[:, 0], known[:, 1], BIN_DEG)
            self._binned = self._count
        return self._bins

    def lobe(self) -> Lobe:
        """Where it is strongest, as ``sdr-detect heading`` computes it."""
        return fit_lobe(self.bins())


class Rotator(QThread):
    """Asks a rotator where it points, in a thread of its own.

    Attributes
    ----------
    pointed : Signal(float)
    complained : Signal(str)
        It is lost, once for each loss.
    """

    pointed = Signal(float)
    complained = Signal(str)

    def __init__(self, address: tuple[str, int], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._stopping = threading.Event()

    def run(self) -> None:
        """Ask until closed."""
        follow(self._address, self.pointed.emit, self.complained.emit, self._stopping)

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._stopping.set()
        self.blockSignals(True)
        if self.isRunning():
            self.wait()
