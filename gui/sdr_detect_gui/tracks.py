"""The table of tracks, merged as they are while the watch goes on."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from sdr_detect import view
from sdr_detect.sinks import wording
from sdr_detect_gui import words
from sdr_detect_gui.texts import tr

Index = QModelIndex | QPersistentModelIndex


def cells(track: view.TrackPart) -> tuple[str, ...]:
    """One row of the table."""
    center = (track.freq_lower_hz + track.freq_upper_hz) / 2
    bound = {"fold": "≥ ", "preamble": "≥ ", "activity": "≤ "}.get(track.kind, "")
    return (
        words.track_name(track),
        track.kind,
        words.megahertz(center),
        words.megahertz(track.freq_upper_hz - track.freq_lower_hz),
        bound + wording.decibel(track.snr_db),
        words.clock(track.start_ns),
        str(track.burst_count),
        words.track_match(track),
    )


class TrackModel(QAbstractTableModel):
    """Rows that keep their place while a track stays."""

    def __init__(self) -> None:
        super().__init__()
        self.tracks: tuple[view.TrackPart, ...] = ()
        self._heads = (
            tr("Track"), tr("Kind"), tr("Centre MHz"), tr("Width MHz"), tr("C/N"),
            tr("First seen"), tr("Bursts"), tr("Looks like"),
        )  # fmt: skip

    def renew(self, tracks: tuple[view.TrackPart, ...]) -> None:
        """Other tracks, or the same with other numbers."""
        same = [t.id for t in tracks] == [t.id for t in self.tracks]
        if same:
            self.tracks = tracks
            if tracks:
                last = self.index(len(tracks) - 1, len(self._heads) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.tracks = tracks
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's way
        """Tracks."""
        return 0 if parent.isValid() else len(self.tracks)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's way
        """Cells of a track."""
        return 0 if parent.isValid() else len(self._heads)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell; reasons as its tip."""
        track = self.tracks[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cells(track)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(
                [*(f"✓ {r}" for r in track.reasons), *(f"✗ {r}" for r in track.against)]
            )
        if role == Qt.ItemDataRole.TextAlignmentRole and 2 <= index.column() <= 6:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        return None


class TrackTable(QTableView):
    """Shows tracks; Return or a double click opens one."""

    opened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.rows = TrackModel()
        self.setModel(self.rows)
        self.setAccessibleName(tr("Tracks"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setStretchLastSection(True)
        self.activated.connect(self._open)
        self.setMinimumHeight(80)

    def renew(self, tracks: tuple[view.TrackPart, ...]) -> None:
        """Show these; the one selected stays so."""
        chosen = self.chosen
        self.rows.renew(tracks)
        ids = [track.id for track in tracks]
        if chosen is not None and chosen.id in ids:
            self.selectRow(ids.index(chosen.id))

    @property
    def chosen(self) -> view.TrackPart | None:
        """The selected track."""
        row = self.currentIndex().row()
        return self.rows.tracks[row] if 0 <= row < len(self.rows.tracks) else None

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self.rows.tracks[index.row()])
