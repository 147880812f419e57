"""The window: puts panels together and hands them what the watch says."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from sdr_detect_gui import keymap, words
from sdr_detect_gui.actions import Actions
from sdr_detect_gui.banner import BannerView, Shrinking, Strip
from sdr_detect_gui.channels import ChannelStrip
from sdr_detect_gui.condition import Assessment, assess
from sdr_detect_gui.live import ONCE, Live
from sdr_detect_gui.mailbox import Mail
from sdr_detect_gui.plots import Plots
from sdr_detect_gui.session import Watching
from sdr_detect_gui.side import Health, Meter, Why, health_tips, health_values
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import THEMES, Theme, stylesheet
from sdr_detect_gui.tracks import TrackTable

FRAME_MS = 33
#: What changes slowly is drawn so often.
_SLOW_S = 0.25

#: Narrower windows hide the side panels; smaller ones leave out what can be missed.
NARROW_PX, SMALL_PX = 1100, 600
_SIDE_PX = 340


class MainWindow(QMainWindow):
    """The desktop window over one watch.

    Parameters
    ----------
    watching : Watching
    settings : QSettings
        Where layout and looks are remembered.
    beside : Watching, optional
        The sweep of another receiver, shown above the plots.
    """

    #: Whether a recording is shown, and not a running watch.
    is_file = False

    def __init__(
        self, watching: Watching, settings: QSettings, beside: Watching | None = None
    ) -> None:
        super().__init__()
        self.watching = watching
        self.beside = beside
        self.settings = settings
        self.theme = THEMES.get(str(settings.value("theme", "dark")), THEMES["dark"])
        self.scale = as_number(settings.value("scale"), 1.0)
        self.paused = False
        self.walking = False
        #: It closes as soon as the verdict is written.
        self.ending = False
        self.side_wanted = True
        #: In a narrow window: the panels take the place of the plots.
        self.side_alone = False
        self.assessment = Assessment(fresh=False, word="none", conditions=())
        self._slow_due_s = 0.0
        self._drawn_s = time.monotonic()
        self.setWindowTitle("sdr-detect")
        self.plots = Plots(self.theme)
        self.channels = ChannelStrip(self.theme)
        self.banner = BannerView()
        self.strip = Strip()
        self.table = TrackTable()
        self.meter = Meter(self.theme)
        self.why = Why()
        self.health = Health()
        self.live = Live(self)
        self._build()
        self.does = Actions(self)
        can = self.does.methods() | self.live.methods() | self.more_methods()
        self.actions_by_name = keymap.install(self, can)
        self._fill_menu()
        self.apply_looks()
        self._connect()
        self._restore()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tick)
        self.timer.start(FRAME_MS)

    def _build(self) -> None:
        self.mode = QLabel()
        self.mode.setObjectName("mode")
        self.source = Shrinking("", wrap=False)
        self.clock = QLabel()
        self.menu_button = QPushButton("☰")
        self.menu_button.setAccessibleName(tr("Menu"))
        self.menu = QMenu(self)
        self.menu_button.setMenu(self.menu)
        top = QHBoxLayout()
        top.addWidget(self.mode)
        top.addWidget(self.source, 1)
        top.addWidget(self.live.bar)
        top.addSpacing(10)
        top.addWidget(self.clock)
        top.addWidget(self.menu_button)
        self._build_middle()
        central = QWidget()
        central.setObjectName("central")
        box = QVBoxLayout(central)
        box.setContentsMargins(6, 6, 6, 2)
        box.setSpacing(5)
        box.addLayout(top)
        box.addWidget(self.strip)
        box.addWidget(self.banner)
        box.addWidget(self.across, 1)
        for row in self.extra_rows():
            if isinstance(row, QWidget):
                box.addWidget(row)
            else:
                box.addLayout(row)
        self.setCentralWidget(central)
        self.plots.setFocus()
        self.cursor_text = QLabel()
        self.hint = Shrinking(
            tr("wheel = zoom on pointer · drag = pan · 0 = full span · click a box · F1 = keys"),
            wrap=False,
        )
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.cursor_text)
        self.statusBar().addWidget(self.hint, 1)

    def _build_middle(self) -> None:
        """Sweep, plots and table at the left, panels at the right, with movable borders."""
        seen = QWidget()
        seen_box = QVBoxLayout(seen)
        seen_box.setContentsMargins(0, 0, 0, 0)
        seen_box.setSpacing(2)
        seen_box.addWidget(self.channels)
        seen_box.addWidget(self.plots, 1)
        self.left = QSplitter(Qt.Orientation.Vertical)
        for k, (widget, stretch) in enumerate(
            ((self.live.sweeping.view, 3), (seen, 5), (self.table, 1))
        ):
            self.left.addWidget(widget)
            self.left.setStretchFactor(k, stretch)
        self.left.setSizes([300, 500, 160])
        self.side = QWidget()
        self.side.setMinimumSize(_SIDE_PX, 1)
        side_box = QVBoxLayout(self.side)
        side_box.setContentsMargins(0, 0, 0, 0)
        self.live.fill(side_box)
        self.across = QSplitter(Qt.Orientation.Horizontal)
        self.across.addWidget(self.left)
        self.across.addWidget(self.side)
        self.across.setStretchFactor(0, 5)
        self.across.setStretchFactor(1, 2)

    def extra_rows(self) -> list[QWidget | QHBoxLayout]:
        """What a window of another kind has below the plots."""
        return []

    def more_methods(self) -> dict[str, Callable[[], None]]:
        """What a window of another kind can do, or does otherwise."""
        return {}

    @property
    def look(self) -> tuple[Theme, float]:
        """Theme and size of the text, for windows that belong to this one."""
        return self.theme, self.scale

    def title_text(self) -> str:
        """What is looked at."""
        tuning = self.watching.tuning
        if self.live.title():
            return self.live.title()
        return self.watching.endpoint if tuning is None else tuning.stream_id

    def _connect(self) -> None:
        self.banner.why.clicked.connect(self.does.toggle_why)
        self.strip.button.clicked.connect(self.watching.retry)
        self.strip.dismissed.connect(self.live.acknowledge)
        self.plots.pointed.connect(self._point)
        self.plots.box_opened.connect(self.does.open_box)
        self.table.opened.connect(self.does.open_track)

    def _fill_menu(self) -> None:
        for action in self.actions_by_name.values():
            self.menu.addAction(action)

    def apply_looks(self) -> None:
        """Theme and size of the text, everywhere."""
        self.setStyleSheet(stylesheet(self.theme, self.scale))
        self.plots.set_theme(self.theme)
        self.plots.set_text_size(round(12 * self.scale))
        self.side.setMinimumWidth(
            round(_SIDE_PX * self.scale * (1.12 if self.theme.touch else 1.0))
        )
        self.channels.theme = self.theme
        self.live.apply_looks(self.theme)
        self.banner.set_scale(self.scale * (1.15 if self.theme.touch else 1.0))
        colour = "#6b3fa0" if self.watching.replay else "#0b5cad"
        self.mode.setText(tr("▶ REPLAY") if self.watching.replay else tr("● LIVE"))
        self.mode.setStyleSheet(
            f"background: {colour}; color: #ffffff; font-weight: bold; padding: 6px;"
            "border-radius: 4px;"
        )

    def tick(self) -> None:
        """Take in what came and draw it: every frame."""
        if self.ending and (self.watching.child is None or not self.watching.child.running):
            self.close()
            return
        mail = self.watching.poll()
        self.live.sweeping.poll()
        now_s = time.monotonic()
        if mail.restarted:
            self.plots.waterfall.boxes.clear()
        tuning = self.watching.tuning
        if tuning is not None:
            for finds in mail.finds:
                self.plots.waterfall.boxes.add(finds, tuning.sample_rate_hz)
        if not self.paused:
            self.draw_rows(mail)
        rises = [row.head.rise_db for row in mail.rows if row.head.rise_db is not None]
        if rises:
            self.meter.show_rise(max(rises), now_s - self._drawn_s)
            self.live.hear(max(rises))
            self._drawn_s = now_s
        if mail.state is not None:
            self._show_state()
        if now_s >= self._slow_due_s:
            self._slow_due_s = now_s + _SLOW_S
            self._slow_tick()

    def draw_rows(self, mail: Mail) -> None:
        """Put the rows that came on the screen."""
        self.plots.add(self.live.sweeping.sort(mail.rows))

    def _show_state(self) -> None:
        state = self.watching.state
        if state is not None:
            self.plots.waterfall.tracks = state.tracks
            self.table.renew(state.tracks)

    def _slow_tick(self) -> None:
        """One judgement, then every field that depends on it."""
        watching = self.watching
        facts = watching.facts()
        self.assessment = judged = assess(facts)
        self.live.renew()
        state, tuning = watching.state, watching.tuning
        self.banner.show_banner(self.live.banner(words.banner(judged, state)))
        self.why.show_reasons(judged, state)
        final = state is not None and state.final
        self.channels.show_channels(state if judged.fresh or final else None, tuning)
        age_s = None if final else facts.age_s
        self.health.renew(
            health_values(judged.fresh or final, state, tuning, age_s, facts.disk_free_bytes),
            health_tips(state if judged.fresh or final else None),
        )
        self._tell_condition(judged)
        if not judged.fresh:
            self.meter.show_rise(None, 0.0)
        self.plots.freeze(self.frozen_text(facts.age_s, ended=watching.ended))
        if not self.paused:
            self.plots.renew_times()
        self.clock.setText(words.clock(time.time_ns()).replace("Z", " UTC"))
        self.source.setText(self.title_text())

    def frozen_text(self, age_s: float | None, *, ended: bool) -> str:
        """What is written across the waterfall; '' when it runs."""
        if self.paused:
            return tr("HELD – Space goes on")
        if self.assessment.fresh or age_s is None:
            return ""
        if ended:
            return tr("END of the stream")
        return tr("FROZEN – last data {age:.0f} s ago").format(age=age_s)

    def _tell_condition(self, judged: Assessment) -> None:
        if self.ending:
            text = tr("Ending: the verdict is being written. Close again to end without it.")
            self.strip.tell("info", text, retry=False)
            return
        serious = [
            c
            for c in judged.conditions
            if c.name == "starting" or (c.severity != "info" and c.name not in ONCE)
        ]
        if not serious:
            serious = self.live.conditions(judged.conditions)
        if not serious:
            self.strip.tell("info", "", retry=False)
            return
        first = min(serious, key=lambda c: ("error", "warning", "info").index(c.severity))
        child = self.watching.child
        retry = child is not None and not child.running
        once = self.live.is_once(first.name)
        self.strip.tell(first.severity, first.told, retry=retry, dismiss=once)

    def _point(self, frequency_hz: float, sample: object) -> None:
        text = words.megahertz(frequency_hz, 4) + " MHz"
        state, tuning = self.watching.state, self.watching.tuning
        if isinstance(sample, int) and state is not None and tuning is not None:
            if state.utc_ns is None:
                text += f"   {sample / tuning.sample_rate_hz:.2f} s"
            else:
                past_ns = (state.next_sample - sample) / tuning.sample_rate_hz * 1e9
                text += "   " + words.clock(state.utc_ns - round(past_ns), 2)
        self.cursor_text.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave out what has no room."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Show what there is room for."""
        narrow = not self.side_has_room
        if not narrow:
            self.side_alone = False
        small = self.height() < SMALL_PX * self.scale
        alone = self.walking or (narrow and self.side_alone)
        self.side.setVisible(alone or (self.side_wanted and not narrow))
        self.left.setVisible(not alone)
        self.live.arrange(walking=self.walking, small=small)
        self.table.setVisible(not small)
        self.banner.set_narrow(narrow)
        self.banner.sentence.setVisible(not (self.walking and small))
        large = min(2.5 * self.scale, self.width() / 400) if self.walking else self.scale
        self.meter.set_theme(self.theme, large)
        self.channels.wanted = not small
        self.statusBar().setVisible(not small)
        self.hint.setVisible(not narrow)

    @property
    def side_has_room(self) -> bool:
        """Whether plots and panels fit beside each other."""
        return self.width() >= NARROW_PX * self.scale

    def show_side(self) -> None:
        """Bring the panels into view; where it is narrow, instead of the plots."""
        self.side_wanted = self.side_alone = True
        self.arrange()

    def _restore(self) -> None:
        self.side_wanted = self.settings.value("side", "true") != "false"
        room = self.screen().availableSize()
        self.resize(QSize(1280, 800).boundedTo(room))
        geometry = self.settings.value("geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self.live.sweeping.wanted = self.settings.value("band", "true") != "false"
        for name, splitter in (("rows", self.left), ("across", self.across)):
            kept = self.settings.value(name)
            if isinstance(kept, QByteArray):
                splitter.restoreState(kept)
        self.arrange()

    def remember(self) -> None:
        """Keep layout and looks for the next time."""
        self.settings.setValue("geometry", self.saveGeometry())
        self.settings.setValue("rows", self.left.saveState())
        self.settings.setValue("band", "true" if self.live.sweeping.wanted else "false")
        self.settings.setValue("across", self.across.saveState())
        self.settings.setValue("theme", self.theme.name)
        self.settings.setValue("scale", self.scale)
        self.settings.setValue("side", "true" if self.side_wanted else "false")

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """End the watch in order; the window stays, and works, until the verdict is written."""
        if self.stays():
            event.ignore()
            return
        self.finish()
        super().closeEvent(event)

    def stays(self) -> bool:
        """Whether there is something to wait for; closing again does not wait for the watch."""
        child = self.watching.child
        if child is None or not child.running:
            return False
        if not self.ending:
            self.ending = True
            self._slow_tick()
        child.end()
        return True

    def finish(self) -> None:
        """Remember the layout and let everything go."""
        self.timer.stop()
        self.remember()
        self.live.close()
        self.watching.close()


def as_number(value: object, default: float) -> float:
    """A number that was remembered, as the settings' file gives it."""
    try:
        return float(str(value)) if value is not None else default
    except ValueError:
        return default
