"""What a window over a running watch has beside plots and verdict, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from sdr_detect import view
from sdr_detect_gui import recordbar, words
from sdr_detect_gui.casepanel import CasePanel
from sdr_detect_gui.comparepanel import ComparePanel
from sdr_detect_gui.comparing import PURPOSES, Outcome
from sdr_detect_gui.condition import Condition, cause_of, remedy_of
from sdr_detect_gui.headingpanel import HeadingPanel
from sdr_detect_gui.headings import Headings
from sdr_detect_gui.jobs import Jobs
from sdr_detect_gui.recordbar import RecordBar
from sdr_detect_gui.sidepages import SidePages, scrolling
from sdr_detect_gui.sweeping import Sweeping
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme
from sdr_detect_gui.tone import Tone

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow

#: A state this long after a request knows of it.
_ANSWER_S = 2.0
#: What is told once, until it is acknowledged.
ONCE = ("losing", "no_time", "uncalibrated")


class Live:
    """The live parts of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.bar = RecordBar()
        self.bar.pressed.connect(self.toggle_record)
        self.sweeping = Sweeping(window, window.beside)
        self.jobs = Jobs(window)
        self.tone = Tone(self._heard, window)
        self.headings = Headings()
        self.heading = HeadingPanel(self.headings, self.tone, window.theme)
        self.compare = ComparePanel(window.watching, self.jobs)
        self.case = CasePanel(self.jobs, window.settings, window.watching.calibration)
        self.pages = SidePages()
        self.walk_buttons = self._make_walk_buttons()
        self._asked_s = 0.0
        self._files_before = 0
        #: Files that key R has made since the last ones were attached to the case.
        self._by_hand: dict[str, None] | None = None
        self._known = {str(window.settings.value("known", ""))}
        self._once: list[str] = []
        self._lobe_due_s = 0.0
        self._connect()

    def _connect(self) -> None:
        self.compare.recorded.connect(self._leg_recorded)
        self.compare.compared.connect(self._compared)
        self.jobs.changed.connect(lambda: self.compare.renew(None))

    def fill(self, box: QBoxLayout) -> None:
        """Put the panels beside the plots."""
        window = self._window
        self.pages.add("watch", tr("Watch"), ((window.why, 1), (window.health, 0)))
        if not window.is_file:
            self.pages.add("heading", tr("Heading"), ((self.heading, 1),))
            self.pages.add("compare", tr("Compare"), ((self.compare, 1),))
            self.pages.add("case", tr("Case"), ((self.case, 1),))
        else:
            self.pages.show_buttons(False)
        box.addWidget(window.meter)
        box.addWidget(self.pages, 1)
        box.addWidget(self.walk_buttons)
        self.walk_buttons.hide()

    def _make_walk_buttons(self) -> QScrollArea:
        column = QWidget()
        box = QVBoxLayout(column)
        box.setContentsMargins(0, 0, 0, 0)
        for text, slot in (
            (tr("Towards  V"), lambda: self.compare.leg("on")),
            (tr("Away  B"), lambda: self.compare.leg("off")),
            (tr("♪ Tone  T"), self.tone.toggle),
            (tr("Back  F11"), self._walk),
        ):
            button = QPushButton(text)
            button.clicked.connect(slot)
            box.addWidget(button)
        box.addStretch(1)
        return scrolling(column)

    def _walk(self) -> None:
        self._window.does.toggle_walk()

    def methods(self) -> dict[str, Callable[[], None]]:
        """What can be done, by the name of `keymap.KEYS`."""
        if self._window.is_file:
            return {}
        found: dict[str, Callable[[], None]] = {
            "toggle_why": self.toggle_why,
            "toggle_band": self.sweeping.toggle,
            "tone": self.tone.toggle,
            "turn": lambda: self._enter("heading", self.heading.begin_turn),
            "case": lambda: self._enter("case", self.case.fields["vessel"].setFocus),
            "evidence": lambda: self._enter("case", self.case.seal),
        }
        if self._window.watching.can_record:
            found["record"] = self.toggle_record
        if self._window.watching.can_compare:
            found |= {
                "leg_on": lambda: self.compare.leg("on"),
                "leg_off": lambda: self.compare.leg("off"),
                "compare": lambda: self._enter("compare", self.compare.compare),
            }
        return found

    def toggle_why(self) -> None:
        """Bring the reasons into view."""
        if self.pages.isVisible() and self.pages.current != "watch":
            self.pages.show_page("watch")
        else:
            self._window.does.toggle_why()

    def _enter(self, page: str, act: Callable[[], object]) -> None:
        """Show a page, also where there is room for nothing else, and do something there."""
        self.pages.show_page(page)
        self._window.show_side()
        act()

    def toggle_record(self) -> None:
        """Begin a recording that reaches back, or end it."""
        watching = self._window.watching
        if not watching.can_record:
            return
        self._asked_s = time.monotonic()
        if watching.recording is None:
            part = self._part
            self._files_before = 0 if part is None else part.files
            self._by_hand = {}
            watching.record(tr("by hand"))
        else:
            watching.record(None)
        self.renew()

    @property
    def _part(self) -> view.RecorderPart | None:
        state = self._window.watching.state
        return None if state is None else state.recorder

    def hear(self, rise_db: float) -> None:
        """Take in a strength."""
        self.headings.hear(rise_db)

    def _heard(self) -> tuple[float | None, bool]:
        """What the tone tells: strength, and whether the receiver is overloaded."""
        window = self._window
        if not window.watching.fresh:
            return None, False
        return window.meter.bar.value, window.assessment.has("overload")

    def renew(self) -> None:
        """Show how everything stands."""
        window = self._window
        self._renew_recorder()
        self._attach_by_hand()
        self.sweeping.renew(fresh=window.assessment.fresh)
        self.compare.renew(self._part)
        self.case.renew(window.watching.tuning)
        now_s = time.monotonic()
        if now_s >= self._lobe_due_s and self.heading.isVisible():
            self.heading.renew(fresh=window.assessment.fresh)
            # A fit takes a while: never more than a twentieth of the time.
            self._lobe_due_s = now_s + max(1.0, 20 * (time.monotonic() - now_s))

    def _renew_recorder(self) -> None:
        window, part = self._window, self._part
        watching = window.watching
        failed = part is not None and part.failure is not None and not part.recording
        if failed and time.monotonic() - self._asked_s > _ANSWER_S:
            watching.recording = None
        self.bar.setVisible(watching.can_record or part is not None)
        self.bar.button.setVisible(watching.can_record)
        self.bar.show_recorder(
            recordbar.told(
                part, wanted=watching.recording is not None, fresh=window.assessment.fresh
            )
        )

    def _attach_by_hand(self) -> None:
        """What key R recorded is complete: to the case with it, whatever files it fills."""
        part, made = self._part, self._by_hand
        if part is None or made is None:
            return
        if part.path is not None and part.files > self._files_before:
            made[part.path] = None
        if made and not part.recording and self._window.watching.recording is None:
            self._by_hand = None
            for path in made:
                self.case.attach_by_hand(path)

    def _leg_recorded(self, kind: str, side: str, path: str) -> None:
        purpose = PURPOSES.get((kind, side))
        if purpose is not None:
            self.case.attach(path, f"--for={purpose}")

    def _compared(self, outcome: Outcome | None, path: str) -> None:
        if outcome is not None:
            self.case.attach(path, "--kind=comparison")

    def banner(self, shown: words.Banner) -> words.Banner:
        """The banner, with what a comparison says of it."""
        outcome = self.compare.test.outcome
        if outcome is None or shown.word == "none":
            return shown
        return words.compared(shown, outcome.kind, outcome.attributed, outcome.reasons)

    def conditions(self, found: tuple[Condition, ...]) -> list[Condition]:
        """What is told in the strip when nothing is the matter."""
        text = self.compare.state_text
        if text:
            return [Condition("test", "info", text, tr("Touch nothing."))]
        if self._window.walking:
            return []
        once = [*self._recording_ended(), *self.sweeping.conditions()]
        once += [c for c in found if c.name in ONCE]
        once.sort(key=lambda c: c.severity == "info")
        self._once = [c.name for c in once if c.name not in self._known]
        return [c for c in once if c.name in self._once]

    def _recording_ended(self) -> list[Condition]:
        """A recording by hand that ended before it was asked to."""
        part = self._part
        if part is None or part.failure is None or part.recording:
            return []
        text = tr("The recording has ended: {why}").format(why=part.failure)
        name = f"recording {part.files} {part.failure}"
        return [Condition(name, "warning", text, remedy_of(cause_of(part.failure)))]

    def is_once(self, name: str) -> bool:
        """Whether a condition is told until it is acknowledged."""
        return name in self._once

    def acknowledge(self) -> None:
        """What was told last need not be told again; of a calibration, never."""
        self._known.update(self._once[:1])
        if "uncalibrated" in self._known:
            self._window.settings.setValue("known", "uncalibrated")

    def title(self) -> str:
        """Vessel of the open case; '' without one."""
        return self.case.title

    def apply_looks(self, theme: Theme) -> None:
        """Other colours."""
        self.sweeping.view.theme = theme
        self.sweeping.view.update()
        self.heading.set_theme(theme)

    def arrange(self, *, walking: bool, small: bool) -> None:
        """Beside each other for walking, else one below the other."""
        box = self._window.side.layout()
        assert isinstance(box, QBoxLayout)
        ways = QBoxLayout.Direction
        box.setDirection(ways.LeftToRight if walking else ways.TopToBottom)
        self.walk_buttons.setVisible(walking)
        column = self.walk_buttons.widget()
        assert column is not None  # it was put in
        bar = self.walk_buttons.verticalScrollBar().sizeHint().width()
        self.walk_buttons.setMinimumWidth(column.sizeHint().width() + bar + 4)
        if walking and "heading" in self.pages.buttons:
            self.pages.show_page("heading")
        if not self._window.is_file:
            self.pages.show_buttons(not walking)
        self.heading.set_compact(walking)
        if not self._window.is_file:
            self._window.meter.setVisible((walking or not small) and not self.sweeping.on)

    def close(self) -> None:
        """End sound, threads and verbs."""
        self.sweeping.close()
        self.heading.close_all()
        self.jobs.close()
