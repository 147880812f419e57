"""What a window does with a receiver that moves: the band above, one stop of it below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdr_detect import view
from sdr_detect_gui.band import Band
from sdr_detect_gui.bandview import BandView

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow

#: Two centres closer than this part of the rate are one stop.
_NEAR = 0.01


class Sweeping:
    """Sorts rows between the band's view and the plots of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.view = BandView(window.theme)
        self.view.chosen.connect(self.choose)
        self._shown_hz: float | None = None
        self._by_user = False

    @property
    def on(self) -> bool:
        """Whether the watch is a sweep."""
        state = self._window.watching.state
        return state is not None and state.sweep is not None

    def sort(self, rows: Sequence[view.Row]) -> Sequence[view.Row]:
        """Take rows in; return those that the plots show."""
        state = self._window.watching.state
        part = None if state is None else state.sweep
        if part is None:
            return rows if self._window.watching.verb == "monitor" else ()
        edges = part.lower_hz, part.upper_hz
        band = self.view.band
        if band is None or (band.lower_hz, band.upper_hz) != edges:
            self.view.band = band = Band(*edges)
        for row in rows:
            band.add(row)
        if self._shown_hz is None and rows:
            self._shown_hz = rows[-1].head.tuning.center_hz
        return [row for row in rows if self._is_shown(row.head.tuning)]

    def _is_shown(self, tuning: view.Tuning) -> bool:
        center_hz, shown_hz = tuning.center_hz, self._shown_hz
        if center_hz is None or shown_hz is None:
            return False
        return abs(center_hz - shown_hz) <= _NEAR * tuning.sample_rate_hz

    def choose(self, frequency_hz: float) -> None:
        """Show the stop nearest to a frequency."""
        self._by_user = True
        self._show(frequency_hz)

    def _show(self, frequency_hz: float) -> None:
        band = self.view.band
        if band is not None and band.centers_hz:
            nearest = min(band.centers_hz, key=lambda center: abs(center - frequency_hz))
            if nearest != self._shown_hz:
                self._shown_hz = nearest
                self._window.plots.empty()

    def renew(self, *, fresh: bool) -> None:
        """Show how the sweep stands; go where something was found, unless the user chose."""
        window, state = self._window, self._window.watching.state
        self.view.setVisible(self.on)
        if not self.on or state is None:
            return
        window.channels.wanted = False
        window.channels.hide()
        window.meter.hide()  # levels of several places on air are no strength to turn by
        window.plots.waterfall.boxes.clear()  # one for each visit would hide the picture
        if not self._by_user:
            best = max(
                (t for t in state.tracks if t.role == "user_terminal"),
                key=lambda t: t.score or 0.0, default=None,
            )  # fmt: skip
            if best is not None:
                self._show((best.freq_lower_hz + best.freq_upper_hz) / 2)
        if fresh or state.final:
            self.view.show_state(state, window.watching.tuning, self._shown_hz)
        else:
            self.view.blank()
