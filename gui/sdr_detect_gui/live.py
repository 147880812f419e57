"""What a window over a running watch has beside plots and verdict, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sdr_detect_gui import recordbar
from sdr_detect_gui.recordbar import RecordBar
from sdr_detect_gui.sweeping import Sweeping
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow

#: A state this long after a request knows of it.
_ANSWER_S = 2.0


class Live:
    """The live parts of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.bar = RecordBar()
        self.sweeping = Sweeping(window)
        self._asked_s = 0.0
        self.bar.pressed.connect(self.toggle_record)

    def methods(self) -> dict[str, Callable[[], None]]:
        """What can be done, by the name of `keymap.KEYS`."""
        if not self._window.watching.can_record:
            return {}
        return {"record": self.toggle_record}

    def toggle_record(self) -> None:
        """Begin a recording that reaches back, or end it."""
        watching = self._window.watching
        if not watching.can_record:
            return
        self._asked_s = time.monotonic()
        watching.record(tr("by hand") if watching.recording is None else None)
        self.renew()

    def renew(self) -> None:
        """Show how it stands."""
        window = self._window
        self._renew_recorder()
        self.sweeping.renew(fresh=window.assessment.fresh)

    def apply_looks(self, theme: Theme) -> None:
        """Other colours."""
        self.sweeping.view.theme = theme
        self.sweeping.view.update()

    def _renew_recorder(self) -> None:
        window = self._window
        state, watching = window.watching.state, window.watching
        part = None if state is None else state.recorder
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
