"""What a window does with a receiver that moves: the band above, a place of it below.

The sweep is the watch itself, and the plots show one stop of it; or it is another
receiver's, which a second feed brings, and the plots show the one that stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sdr_detect import view
from sdr_detect_gui import words
from sdr_detect_gui.band import Band
from sdr_detect_gui.bandview import BandView
from sdr_detect_gui.condition import Condition, assess
from sdr_detect_gui.session import Watching
from sdr_detect_gui.texts import tr

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow

#: Two centres closer than this part of the rate are one stop.
_NEAR = 0.01


class Sweeping:
    """Sorts rows between the band's view and the plots of one window.

    Parameters
    ----------
    window : MainWindow
    beside : Watching or None
        The sweep of another receiver; None: the window's own watch, if it is one.
    """

    def __init__(self, window: MainWindow, beside: Watching | None) -> None:
        self._window = window
        self._beside = beside
        self.view = BandView(window.theme)
        self.view.chosen.connect(self.choose)
        self.wanted = True
        self._shown_hz: float | None = None
        self._by_user = False

    @property
    def on(self) -> bool:
        """Whether the watch itself is a sweep."""
        return self._beside is None and self._part is not None

    @property
    def _watching(self) -> Watching:
        return self._beside or self._window.watching

    @property
    def _part(self) -> view.SweepPart | None:
        state = self._watching.state
        return None if state is None else state.sweep

    def sort(self, rows: Sequence[view.Row]) -> Sequence[view.Row]:
        """Take rows of the watch in; return those that the plots show."""
        if self._beside is not None:
            return rows
        if self._part is None:
            return rows if self._window.watching.verb == "monitor" else ()
        self._add(rows)
        if self._shown_hz is None and rows:
            self._shown_hz = rows[-1].head.tuning.center_hz
        return [row for row in rows if self._is_shown(row.head.tuning)]

    def poll(self) -> None:
        """Take in what came of another receiver's sweep."""
        if self._beside is not None:
            self._add(self._beside.poll().rows)

    def _add(self, rows: Sequence[view.Row]) -> None:
        part = self._part
        if part is None:
            return
        edges = part.lower_hz, part.upper_hz
        band = self.view.band
        if band is None or (band.lower_hz, band.upper_hz) != edges:
            self.view.band = band = Band(*edges)
        for row in rows:
            band.add(row)

    def _is_shown(self, tuning: view.Tuning) -> bool:
        center_hz, shown_hz = tuning.center_hz, self._shown_hz
        if center_hz is None or shown_hz is None:
            return False
        return abs(center_hz - shown_hz) <= _NEAR * tuning.sample_rate_hz

    def choose(self, frequency_hz: float) -> None:
        """Show the stop nearest to a frequency."""
        if self._beside is not None:
            text = tr("the plots show the parked receiver; to park it there: --rf {rf}")
            said = text.format(rf=f"{frequency_hz / 1e6:.3f}e6")
            self._window.statusBar().showMessage(said, 15_000)
            return
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
        self.view.setVisible(self.wanted and (self.on or self._beside is not None))
        if self._beside is not None:
            tuning = self._window.watching.tuning
            self._shown_hz = None if tuning is None else tuning.center_hz
            judged = assess(replace(self._beside.facts(), disk_free_bytes=None))
            self._show_state(fresh=judged.fresh)
            wrong = [c for c in judged.conditions if c.severity != "info" or c.name == "starting"]
            if wrong:
                self.view.say(f"✗ {tr('SWEEP')}: {wrong[0].told}")
            return
        state = self._window.watching.state
        if not self.on or state is None:
            return
        window = self._window
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
        self._show_state(fresh=fresh)

    def _show_state(self, *, fresh: bool) -> None:
        watching = self._watching
        state = watching.state
        if state is not None and (fresh or state.final):
            self.view.show_state(state, watching.tuning, self._shown_hz)
            if state.final:
                self.view.say(f"{tr('ENDED')} · {self.view.head}")
        else:
            self.view.blank()

    def conditions(self) -> list[Condition]:
        """What another receiver's sweep has found: the banner knows nothing of it."""
        state = None if self._beside is None else self._beside.state
        if state is None or state.sweep is None:
            return []
        seen = [c for c in state.channels if c.last_seen_s is not None]
        if not seen:
            return []
        latest = max(seen, key=lambda channel: channel.last_seen_s or 0.0)
        text = tr("The sweep has met something like a terminal in channel {channels}.").format(
            channels=", ".join(str(c.number) for c in seen)
        )
        remedy = tr("Park the receiver there: channel {number} is {low} to {high} MHz.").format(
            number=latest.number, low=words.megahertz(latest.freq_lower_hz),
            high=words.megahertz(latest.freq_upper_hz),
        )  # fmt: skip
        return [Condition(f"swept {[c.number for c in seen]}", "warning", text, remedy)]

    def toggle(self) -> None:
        """Show or hide the band."""
        self.wanted = not self.wanted
        self._window.live.renew()

    def close(self) -> None:
        """End the second feed."""
        if self._beside is not None:
            self._beside.close()
