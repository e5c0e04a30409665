"""What History shows: the words typed, a task, a star, and behind a button the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from studio.kinds.registry import kinds
from studio.library.index.search import AssetQuery
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button

if TYPE_CHECKING:
    from studio.library.index.facets import Facets

_TAG = "tag:"
_BETWEEN = "\x1f"


def split_tags(typed: str) -> tuple[str, tuple[str, ...]]:
    """Take `tag:name` out of what was typed. Returns the other words, and the tags."""
    parts = typed.split()
    tags = tuple(part[len(_TAG) :] for part in parts if part.startswith(_TAG))
    words = " ".join(part for part in parts if not part.startswith(_TAG))
    return words, tuple(tag for tag in tags if tag)


def since(days: int | None, now: datetime) -> float | None:
    """Return the Unix seconds at which the local day `days` days before `now` began."""
    if days is None:
        return None
    day = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.timestamp()


class Filters(QWidget):
    """Object names: `history.task`, `history.starred`, `history.filter` and, behind it,
    `history.model`, `history.date`, `history.collection`, `history.tag`, `history.label`.

    `opened` asks for what the menus offer: hand it to `offer`.
    """

    changed = Signal()
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task = self._box("history.task", self.tr("Show results of"))
        self.task.addItem(self.tr("Everything"), "")
        for task, kind in kinds().items():
            self.task.addItem(tr(kind.title), task)
        self.starred = self._toggle("star", self.tr("Only results with a star"), "history.starred")
        self.more = self._toggle("list-filter", self.tr("More filters"), "history.filter")
        self.row = QHBoxLayout()
        self.row.setSpacing(GRID // 2)
        self.row.addWidget(self.task, 1)
        self.row.addWidget(self.starred)
        self.row.addWidget(self.more)
        # A list of results needs the height of the dock more than what it is filtered by.
        self.rest = QFrame(self, Qt.WindowType.Popup)
        self.rest.setFrameShape(QFrame.Shape.StyledPanel)
        self._grid = QGridLayout(self.rest)
        self._grid.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._grid.setSpacing(GRID)
        self._grid.setColumnStretch(1, 1)
        self.date = self._add("history.date", self.tr("Made"))
        for text, days in (
            (self.tr("At any time"), None),
            (self.tr("Today"), 0),
            (self.tr("In the last 7 days"), 6),
            (self.tr("In the last 30 days"), 29),
            (self.tr("In the last 365 days"), 364),
        ):
            self.date.addItem(text, days)
        self.model = self._add("history.model", self.tr("Model"))
        self.collection = self._add("history.collection", self.tr("Collection"))
        self.tag = self._add("history.tag", self.tr("Tag"))
        self.label = self._add("history.label", self.tr("Label"))
        self.clear = QPushButton(self.tr("Clear the filters"), self.rest)
        self.clear.setObjectName("history.filter.clear")
        self.clear.clicked.connect(self._clear)
        self._grid.addWidget(self.clear, self._grid.rowCount(), 1)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.setLayout(self.row)
        self.offer(None, ())
        self.task.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.starred.toggled.connect(lambda _: self.changed.emit())
        self.more.clicked.connect(self._open)
        self.changed.connect(self._show_active)
        self._show_active()

    def wanted(self, typed: str) -> AssetQuery:
        """Return what is looked for, with the words and tags in `typed`."""
        words, tags = split_tags(typed)
        tag = self.tag.currentData()
        label = self.label.currentData()
        return AssetQuery(
            words=words,
            task=self.task.currentData() or None,
            model=self.model.currentData() or "",
            tags=(*tags, tag) if tag else tags,
            collection=self.collection.currentData() or "",
            labels=(tuple(label.split(_BETWEEN, 1)),) if label else (),
            starred=self.starred.isChecked(),
            since=since(self.date.currentData(), datetime.now().astimezone()),
        )

    def offer(self, facets: Facets | None, collections: Sequence[tuple[str, int]]) -> None:
        """Fill the menus with what occurs; what is chosen stays, as long as it occurs."""
        models = facets.models if facets else ()
        tags = facets.tags if facets else ()
        labels = facets.labels if facets else {}
        for box, entries in (
            (self.model, [(f"{name} ({count})", name) for name, count in models]),
            (self.collection, [(f"{name} ({count})", name) for name, count in collections]),
            (self.tag, [(f"{name} ({count})", name) for name, count in tags]),
            (
                self.label,
                [
                    (f"{name}: {value}", f"{name}{_BETWEEN}{value}")
                    for name, values in labels.items()
                    for value in values
                ],
            ),
        ):
            self._fill(box, entries)

    def choose_collection(self, name: str) -> None:
        """Show one collection."""
        if self.collection.findData(name) < 0:
            self.collection.addItem(name, name)
        self.collection.setCurrentIndex(self.collection.findData(name))

    # ---- inside

    def _fill(self, box: QComboBox, entries: Sequence[tuple[str, object]]) -> None:
        chosen = box.currentData()
        before = box.blockSignals(True)
        box.clear()
        box.addItem(self.tr("Any"), None)
        for text, data in entries:
            box.addItem(text, data)
        box.setCurrentIndex(max(0, box.findData(chosen)) if chosen else 0)
        box.setEnabled(bool(entries))
        box.blockSignals(before)
        if box.currentData() != chosen:
            self.changed.emit()

    def chosen(self) -> list[str]:
        """Return what is chosen behind the button, in words."""
        return [box.currentText() for box in self._boxes() if box.currentIndex() > 0]

    def _boxes(self) -> tuple[QComboBox, ...]:
        return self.date, self.model, self.collection, self.tag, self.label

    def _open(self) -> None:
        self._show_active()
        self.opened.emit()
        self.rest.adjustSize()
        self.rest.setMinimumWidth(self.width())
        right = self.mapToGlobal(self.rect().bottomRight()).x()
        below = self.mapToGlobal(self.rect().bottomLeft()).y() + GRID // 2
        self.rest.move(right - max(self.rest.width(), self.width()) + 1, below)
        self.rest.show()
        self.date.setFocus()

    def _clear(self) -> None:
        for box in self._boxes():
            box.setCurrentIndex(0)
        self.rest.hide()

    def _show_active(self) -> None:
        active = bool(self.chosen())
        # The button stays pressed while something behind it leaves results out.
        self.more.setChecked(active)
        self.clear.setEnabled(active)

    def _add(self, name: str, text: str) -> QComboBox:
        box = self._box(name, text)
        label = QLabel(text, self.rest)
        label.setBuddy(box)
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(box, row, 1)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        return box

    def _box(self, name: str, text: str) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(name)
        box.setAccessibleName(text)
        box.setMinimumContentsLength(6)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        return box

    def _toggle(self, picture: str, text: str, name: str) -> QToolButton:
        button = tool_button(picture, text, name, self)
        button.setCheckable(True)
        return button
