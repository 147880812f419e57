"""The panel of an inspector's test: record the legs, compare, say what it shows."""

from __future__ import annotations

import itertools
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton

from sdr_detect import view
from sdr_detect.errors import FormatError
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.comparing import LEG_S, Comparison, Kind, Outcome, Side, read_outcome
from sdr_detect_gui.jobs import Done, Jobs
from sdr_detect_gui.session import Watching
from sdr_detect_gui.side import Panel
from sdr_detect_gui.texts import tr

KINDS: tuple[Kind, ...] = ("off-target", "absorber")


def leg_name(kind: Kind, side: Side) -> str:
    """What is done for a leg."""
    if kind == "absorber":
        return tr("feed OPEN") if side == "on" else tr("feed COVERED")
    return tr("TOWARDS the vessel") if side == "on" else tr("AWAY from the vessel")


class ComparePanel(Panel):
    """Leads through a test.

    Attributes
    ----------
    recorded : Signal(str, str, str)
        Kind, side and path of a leg that is done.
    compared : Signal(object, str)
        An `Outcome`, None when there is none any more, and the file of its lines.
    """

    recorded = Signal(str, str, str)
    compared = Signal(object, str)

    def __init__(self, watching: Watching, jobs: Jobs) -> None:
        super().__init__(tr("Comparison"))
        self._watching = watching
        self._jobs = jobs
        self.test = Comparison()
        self._files_before = 0
        self._done_s = 0.0
        self.kind = QComboBox()
        self.kind.addItems([tr("off target: antenna turned away"), tr("absorber over the feed")])
        self.kind.setAccessibleName(tr("Which test"))
        self.kind.currentIndexChanged.connect(self._choose)
        self.kind.setMinimumWidth(80)
        self.on = QPushButton()
        self.off = QPushButton()
        self.go = QPushButton(tr("Compare  G"))
        self.again = QPushButton(tr("Anew"))
        self.on.clicked.connect(lambda: self.leg("on"))
        self.off.clicked.connect(lambda: self.leg("off"))
        self.go.clicked.connect(self.compare)
        self.again.clicked.connect(self.begin_anew)
        self.guide = Shrinking()
        self.guide.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.box.addWidget(self.kind)
        for pair in ((self.on, self.off), (self.go, self.again)):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in pair:
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                row.addWidget(button, 1)
            self.box.addLayout(row)
        self.box.addWidget(self.guide, 1)
        self.failure = ""
        self.renew(None)

    def _choose(self, index: int) -> None:
        self.test = Comparison(KINDS[index])
        self.failure = ""
        self.compared.emit(None, "")
        self.renew(None)

    def begin_anew(self) -> None:
        """Forget the legs; their recordings stay."""
        if self.test.running is not None:
            self._watching.record(None)
        self._choose(self.kind.currentIndex())

    def leg(self, side: Side) -> None:
        """Record a leg from now on, or end it early."""
        if not self._watching.can_compare:
            return
        self.failure = ""
        if self.test.running == side:
            self._watching.record(None)
        elif self._watching.recording is None:
            self.test.running = side
            self._done_s = 0.0
            state = self._watching.state
            part = None if state is None else state.recorder
            self._files_before = 0 if part is None else part.files
            self._watching.record(f"{self.test.kind}: {side}", past=False)
        self.renew(None)

    def follow(self, part: view.RecorderPart | None) -> None:
        """Take in how the recorder stands."""
        side = self.test.running
        if side is None or part is None:
            return
        if part.failure is not None and self._watching.recording is None:
            self.failure, self.test.running = part.failure, None
            return
        begun = part.files > self._files_before and part.path is not None
        if begun and part.recording and part.bytes_per_s:
            self._done_s = part.data_bytes / part.bytes_per_s
            if self._done_s >= LEG_S and self._watching.recording is not None:
                self._watching.record(None)
        if begun and not part.recording and self._watching.recording is None and part.path:
            self.test.running = None
            self.test.legs.append((side, part.path))
            self.recorded.emit(self.test.kind, side, part.path)

    def compare(self) -> None:
        """Compare what was recorded."""
        if not self.test.pairs() or self._jobs.busy:
            return
        self.failure = ""
        kind = self.test.kind
        out = _free_name(Path(self.test.pairs()[0][0]), kind)

        def told(done: Done) -> None:
            self.failure = done.failure
            if not self.failure:
                try:
                    self.test.outcome = read_outcome(kind, out.read_text(encoding="utf-8"))
                except (OSError, FormatError) as exc:
                    self.failure = str(exc)
            self.compared.emit(self.test.outcome, str(out))
            self.renew(None)

        self._jobs.run(self.test.words(str(out)), told)
        self.renew(None)

    @property
    def state_text(self) -> str:
        """What goes on now, for the strip; '' when no test is running."""
        side = self.test.running
        if side is None:
            return ""
        return tr("{kind} test: recording, {leg} – {done:.0f} of {all:.0f} s.").format(
            kind=tr("Absorber") if self.test.kind == "absorber" else tr("Off-target"),
            leg=leg_name(self.test.kind, side), done=self._done_s, all=LEG_S,
        )  # fmt: skip

    def renew(self, part: view.RecorderPart | None) -> None:
        """Show how the test stands."""
        self.follow(part)
        can, running = self._watching.can_compare, self.test.running
        for button, side, key in ((self.on, "on", "V"), (self.off, "off", "B")):
            name = leg_name(self.test.kind, side)  # type: ignore[arg-type]
            button.setText(f"■ {name}  {key}" if running == side else f"{name}  {key}")
            button.setEnabled(can and running in (None, side))
        self.go.setEnabled(bool(self.test.pairs()) and running is None and not self._jobs.busy)
        text = self._guide()
        if self.guide.text() != text:
            self.guide.setText(text)

    def _guide(self) -> str:
        test = self.test
        if not self._watching.can_record:
            return tr("Nothing can be recorded here: it takes a receiver that this window started.")
        if not self._watching.can_compare:
            return tr("A sweep cannot be compared: open a window without --sweep, parked by --rf.")
        if self.failure:
            return f"✗ {self.failure}"
        if test.running is not None:
            return self.state_text + " " + tr("Touch nothing.")
        if self._jobs.busy:
            return tr("computing …")
        if test.outcome is not None:
            return _outcome_text(test.outcome)
        done = sum(side == "on" for side, _ in test.legs), sum(s == "off" for s, _ in test.legs)
        told = tr("{on} × {first}, {off} × {second} recorded.").format(
            on=done[0], off=done[1],
            first=leg_name(test.kind, "on"), second=leg_name(test.kind, "off"),
        )  # fmt: skip
        if test.kind == "absorber":
            how = tr("Record with the feed open, then with the absorber over the whole feed.")
        else:
            how = tr("Record towards the vessel, then turned away; three times each, alternating.")
        return f"{how}\n{told}"


def _free_name(recording: Path, kind: Kind) -> Path:
    """Where a result goes: beside its first recording, and over no other."""
    stem = recording.name.removesuffix(".sigmf-meta")
    names = (recording.with_name(f"{stem}-{kind}-{k}.jsonl") for k in itertools.count(1))
    return next(name for name in names if not name.exists())


def _outcome_text(outcome: Outcome) -> str:
    answer = {
        True: "▲ " + tr("counts for this vessel"),
        False: "◯ " + tr("does not count for this vessel"),
        None: "? " + tr("attribution not decided"),
    }[outcome.attributed]
    return "\n".join([answer, *(f"· {reason}" for reason in outcome.reasons[:4])])
