"""The case: whose vessel, who looks, where; and the sealed report of it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton

from sdr_detect import view
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.casefile import Form, name_of_key, opened
from sdr_detect_gui.jobs import Done, Jobs
from sdr_detect_gui.side import Panel
from sdr_detect_gui.texts import tr

STORE = Path("cases.sqlite")
KEYS = Path("keys")

#: What a recording by hand may be attached for, first: not at all.
PURPOSES = ("", "on_target", "off_target", "neighbour", "check", "control", "silence", "power_off")

#: Remembered from one visit to the next.
_KEPT = ("operator", "authority")


class CasePanel(Panel):
    """Opens a case by the verbs of ``sdr-detect case``, attaches and seals.

    Attributes
    ----------
    changed : Signal
        A case was opened, or what is known of it has changed.
    """

    changed = Signal()

    def __init__(self, jobs: Jobs, settings: QSettings, calibration: list[str]) -> None:
        super().__init__(tr("Case"))
        self._jobs = jobs
        self._settings = settings
        self._calibration = calibration
        self.store = Path(os.environ.get("SDR_DETECT_CASES", STORE))
        #: Number of the open case.
        self.case: str | None = None
        self.attached = 0
        self.report: Path | None = None
        self.position = ""
        self.fields: dict[str, QLineEdit] = {}
        self.marks: dict[str, QLabel] = {}
        self._build_form()
        self.purpose = QComboBox()
        self.purpose.addItems(
            [
                tr("R: not attached"), tr("R: on target"), tr("R: away"), tr("R: neighbour"),
                tr("R: check source"), tr("R: control"), tr("R: silence"), tr("R: power cut"),
            ]
        )  # fmt: skip
        self.purpose.setAccessibleName(tr("What recordings by key R are attached for"))
        self.purpose.setMinimumWidth(60)
        self.open_button = QPushButton(tr("Open case"))
        self.open_button.clicked.connect(self.open_case)
        self.evidence = QPushButton(tr("Evidence  Ctrl+R"))
        self.evidence.setObjectName("primary")
        self.evidence.clicked.connect(self.seal)
        self.read = QPushButton(tr("Read report"))
        self.read.clicked.connect(self._open_report)
        self.told = Shrinking()
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._said, self._failed = "", False
        self._sealing_now = False
        self._lay_out()
        self._check()

    def _build_form(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        labels = {
            "vessel": tr("Vessel"), "imo": tr("IMO"), "mmsi": tr("MMSI"), "berth": tr("Berth"),
            "operator": tr("Operator"), "authority": tr("Authority"), "position": tr("Position"),
        }  # fmt: skip
        for k, (name, label) in enumerate(labels.items()):
            title, field, mark = QLabel(label), QLineEdit(), QLabel()
            title.setObjectName("dim")
            title.setBuddy(field)
            field.setAccessibleName(label)
            field.setMinimumWidth(60)
            field.textChanged.connect(self._check)
            mark.setMinimumWidth(mark.fontMetrics().horizontalAdvance("✓✓"))
            for column, widget in enumerate((title, field, mark)):
                grid.addWidget(widget, k, column)
            self.fields[name], self.marks[name] = field, mark
        grid.setColumnStretch(1, 1)
        for name in _KEPT:
            self.fields[name].setText(str(self._settings.value(f"case/{name}", "") or ""))
        if not self.fields["operator"].text():
            self.fields["operator"].setText(os.environ.get("SDR_DETECT_NAME", ""))
        self.fields["position"].setPlaceholderText(tr("gpsd, or LAT, LON"))
        self.box.addLayout(grid)
        self.time = Shrinking()
        self.time.setObjectName("dim")
        self.box.addWidget(self.time)

    def _lay_out(self) -> None:
        for pair in ((self.open_button, self.purpose), (self.evidence, self.read)):
            row = QHBoxLayout()
            row.setSpacing(4)
            for widget in pair:
                if isinstance(widget, QPushButton):
                    widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                row.addWidget(widget, 1)
            self.box.addLayout(row)
        self.box.addWidget(self.told, 1)
        self.read.hide()

    @property
    def form(self) -> Form:
        """What is written."""
        return Form(**{name: field.text() for name, field in self.fields.items()})

    @property
    def title(self) -> str:
        """Vessel, number and berth of the open case; '' without one."""
        if self.case is None:
            return ""
        form = self.form
        parts = [form.vessel.strip()]
        parts += [f"IMO {form.imo.strip()}"] if form.imo.strip() else []
        parts += (
            [tr("berth {berth}").format(berth=form.berth.strip())] if form.berth.strip() else []
        )
        return " · ".join([*parts, self.case])

    def _check(self) -> None:
        """A sign beside each field: right, wrong or needed."""
        form, faults = self.form, self.form.faults()
        for name, mark in self.marks.items():
            fault = faults.get(name, "")
            written = bool(getattr(form, name).strip())
            mark.setText("✗" if fault and written else "…" if fault else "✓" if written else "")
            mark.setToolTip(fault)
            self.fields[name].setToolTip(fault)
        wrong = [f"{name}: {text}" for name, text in faults.items() if getattr(form, name).strip()]
        if wrong:
            self._tell(wrong[0], failed=True)
        elif self._failed and self.case is None:
            self._tell("")
        self._renew_buttons()

    def _renew_buttons(self) -> None:
        busy = self._jobs.busy
        self.open_button.setEnabled(self.case is None and not self.form.faults() and not busy)
        self.evidence.setEnabled(self.case is not None and not self._sealing_now)
        self.read.setVisible(self.report is not None)
        for field in self.fields.values():
            field.setReadOnly(self.case is not None)

    def _tell(self, text: str, *, failed: bool = False) -> None:
        self._said, self._failed = text, failed
        self.told.setText(f"✗ {text}" if failed and text else text)

    def renew(self, tuning: view.Tuning | None) -> None:
        """Show the quality of time and position."""
        error_ns = None if tuning is None else tuning.time_error_ns
        told = (
            tr("UTC: no source of time") if error_ns is None else f"UTC ± {error_ns / 1e6:.3g} ms"
        )
        text = " · ".join(filter(None, (told, self.position)))
        if self.time.text() != text:
            self.time.setText(text)
        self._renew_buttons()

    def open_case(self) -> None:
        """Open a case with what is written."""
        form = self.form
        if form.faults() or self.case is not None or self._jobs.busy:
            return
        for name in _KEPT:
            self._settings.setValue(f"case/{name}", getattr(form, name).strip())
        if self.open_button.hasFocus():
            self.purpose.setFocus()  # a button that is disabled would hand it on to anywhere
        self._tell(tr("opening …"))

        def done(how: Done) -> None:
            self.case = None if how.failure else opened(how.out)
            if self.case is None:
                self._tell(how.failure or how.out.strip(), failed=True)
            else:
                self._tell(tr("case {case} is open").format(case=self.case))
                self._place(form)
            self.changed.emit()
            self._renew_buttons()

        self._jobs.run(form.new_words(self.store), done)
        self._renew_buttons()

    def _who(self) -> list[str]:
        return [f"--as={self.form.operator.strip()}", f"--store={self.store}"]

    def _place(self, form: Form) -> None:
        told = form.position_words()
        if self.case is None or told is None:
            return

        def done(how: Done) -> None:
            self.position = how.out.strip()
            if how.failure:
                self._tell(tr("position: {why}").format(why=how.failure), failed=True)

        self._jobs.run(["case", "position", self.case, *told, *self._who()], done)

    def attach(self, path: str, option: str) -> None:
        """Attach a file to the open case, as ``--for=…`` or ``--kind=…``."""
        if self.case is None:
            return

        def done(how: Done) -> None:
            if how.failure:
                self._tell(how.failure, failed=True)
            else:
                self.attached += 1
                self._tell(tr("{count} attached, last: {name}").format(
                    count=self.attached, name=Path(path).name))  # fmt: skip
            self.changed.emit()

        self._jobs.run(["case", "attach", self.case, path, option, *self._who()], done)

    def attach_by_hand(self, path: str) -> None:
        """Attach what key R recorded, if it is wanted."""
        purpose = PURPOSES[self.purpose.currentIndex()]
        if purpose:
            self.attach(path, f"--for={purpose}")

    def seal(self) -> None:
        """Seal the case and write its report."""
        if self.case is None:
            self._tell(tr("open a case first: vessel, operator and authority"), failed=True)
            return
        if self._sealing_now:
            return
        self._sealing_now = True
        package = _free(Path(f"{self.case}.sdrcase"))
        page = package.with_suffix(".html")
        self._tell(tr("sealing: all recordings are analysed …"))

        def done(ended: list[Done]) -> None:
            self._sealing_now = False
            if ended[-1].failure:
                self._tell(ended[-1].failure, failed=True)
            else:
                lines = ended[-2].out.splitlines()
                said = [line for line in lines if not line.startswith("not done:")][:1]
                self.report = page.resolve()
                self._tell("\n".join([*said, tr("wrote {name}").format(name=page.name)]))
            self.changed.emit()
            self._renew_buttons()

        self._jobs.chain(self._sealing(self.case, package, page), done)
        self._renew_buttons()

    def _sealing(self, case: str, package: Path, page: Path) -> list[list[str]]:
        """The verbs that make package and report, and before that a key when there is none."""
        who = name_of_key(self.form.operator)
        key = KEYS / f"{who}.seal"
        verbs = []
        if not key.exists():
            KEYS.mkdir(exist_ok=True)
            verbs.append(["case", "key", who, f"--folder={KEYS}"])
        seal = ["case", "seal", case, f"--out={package}", f"--key={key}", *self._who()]
        return [
            *verbs,
            [*seal, *self._calibration],
            ["case", "export", str(package), f"--report={page}"],
        ]

    def _open_report(self) -> None:
        if self.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.report)))


def _free(path: Path) -> Path:
    """The name, or with the first number that makes it a new one."""
    names = (path.with_stem(f"{path.stem}-{k}") for k in itertools.count(2))
    return next(
        name
        for name in itertools.chain([path], names)
        if not name.exists() and not name.with_suffix(".html").exists()
    )
