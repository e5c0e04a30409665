"""The filters of History: search words, task and star; the rest in a popup."""

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
    QPushButton,
    QToolButton,
    QWidget,
)

from studio.kinds.registry import kinds
from studio.library.index.search import AssetQuery
from studio.library.review import STATES
from studio.ui.gallery.review_states import state_title
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import one_line, plain_label

if TYPE_CHECKING:
    from studio.library.index.facets import Facets

MAX_ENTRIES = 500
"""Entries of a box; a list of 10,000 freezes the window for a moment."""

_TAG_PREFIX = "tag:"
_LABEL_SEPARATOR = "\x1f"


def split_tags(typed: str) -> tuple[str, tuple[str, ...]]:
    """Split a search text into the words and the tags, which are written as `tag:name`."""
    parts = typed.split()
    tags = tuple(part.removeprefix(_TAG_PREFIX) for part in parts if part.startswith(_TAG_PREFIX))
    words = " ".join(part for part in parts if not part.startswith(_TAG_PREFIX))
    return words, tuple(tag for tag in tags if tag)


def most_used(
    found: Sequence[tuple[str, int]], longest: int, chosen: str | None = None
) -> Sequence[tuple[str, int]]:
    """Return the names that have the most results, at most `longest`, and `chosen`; in order."""
    if len(found) <= longest:
        return found
    kept = {name for name, _ in sorted(found, key=lambda pair: -pair[1])[:longest]}
    return [pair for pair in found if pair[0] in kept or pair[0] == chosen]


def since(days: int | None, now: datetime) -> float | None:
    """Return the Unix time at which the local day `days` days before `now` began."""
    if days is None:
        return None
    day = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.timestamp()


class Filters(QWidget):
    """Object names: `history.task`, `history.starred`, `history.filter`, and in its popup
    `history.model`, `.date`, `.collection`, `.tag`, `.label`, `.reviewed`.
    """

    changed = Signal()
    opened = Signal()
    """The popup opened: call `set_options` with the current facets."""

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
        # A popup, because the list of results needs the height of the dock.
        self.popup = QFrame(self, Qt.WindowType.Popup)
        self.popup.setFrameShape(QFrame.Shape.StyledPanel)
        self._grid = QGridLayout(self.popup)
        self._grid.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._grid.setSpacing(GRID)
        self._grid.setColumnStretch(1, 1)
        self.date = self._add("history.date", self.tr("Created"))
        for text, days in (
            (self.tr("Any time"), None),
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
        self.review = self._add("history.reviewed", self.tr("Review"))
        self.review.addItem(self.tr("Any"), None)
        for state in STATES:
            self.review.addItem(state_title(state), state)
        self.clear = QPushButton(self.tr("Clear filters"), self.popup)
        self.clear.setObjectName("history.filter.clear")
        self.clear.clicked.connect(self._clear)
        self._grid.addWidget(self.clear, self._grid.rowCount(), 1)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.setLayout(self.row)
        self.set_options(None, ())
        self.task.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.starred.toggled.connect(lambda _: self.changed.emit())
        self.more.clicked.connect(self._open)
        self.changed.connect(self._show_active)
        self._show_active()

    def query(self, typed: str) -> AssetQuery:
        """Return the search that the filters and the search text `typed` describe."""
        words, tags = split_tags(typed)
        tag = self.tag.currentData()
        label = self.label.currentData()
        return AssetQuery(
            words=words,
            task=self.task.currentData() or None,
            model=self.model.currentData() or "",
            tags=(*tags, tag) if tag else tags,
            collection=self.collection.currentData() or "",
            labels=(tuple(label.split(_LABEL_SEPARATOR, 1)),) if label else (),
            starred=self.starred.isChecked(),
            review=self.review.currentData() or "",
            since=since(self.date.currentData(), datetime.now().astimezone()),
        )

    def set_options(self, facets: Facets | None, collections: Sequence[tuple[str, int]]) -> None:
        """Fill the boxes with the values that occur in the library; keep a choice that does."""
        models = facets.models if facets else ()
        tags = facets.tags if facets else ()
        labels = facets.labels if facets else {}
        for box, found in (
            (self.model, models),
            (self.collection, collections),
            (self.tag, tags),
        ):
            shown = most_used(found, MAX_ENTRIES, box.currentData())
            self._fill(box, [(f"{name} ({count})", name) for name, count in shown])
        pairs = [(name, value) for name, values in labels.items() for value in values]
        self._fill(
            self.label,
            [
                (f"{name}: {value}", f"{name}{_LABEL_SEPARATOR}{value}")
                for name, value in pairs[:MAX_ENTRIES]
            ],
        )

    def choose_collection(self, name: str) -> None:
        """Show only the results in a collection."""
        if self.collection.findData(name) < 0:
            self.collection.addItem(one_line(name), name)
        self.collection.setCurrentIndex(self.collection.findData(name))

    def chosen(self) -> list[str]:
        """Return the texts of the active filters in the popup."""
        return [box.currentText() for box in self._boxes() if box.currentIndex() > 0]

    # ---- private

    def _fill(self, box: QComboBox, entries: Sequence[tuple[str, object]]) -> None:
        chosen = box.currentData()
        before = box.blockSignals(True)
        box.clear()
        box.addItem(self.tr("Any"), None)
        for text, data in entries:
            box.addItem(one_line(text), data)
        box.setCurrentIndex(max(0, box.findData(chosen)) if chosen else 0)
        box.setEnabled(bool(entries))
        box.blockSignals(before)
        if box.currentData() != chosen:
            self.changed.emit()

    def _boxes(self) -> tuple[QComboBox, ...]:
        return self.date, self.model, self.collection, self.tag, self.label, self.review

    def _open(self) -> None:
        self._show_active()
        self.opened.emit()
        self.popup.adjustSize()
        self.popup.setMinimumWidth(self.width())
        right = self.mapToGlobal(self.rect().bottomRight()).x()
        below = self.mapToGlobal(self.rect().bottomLeft()).y() + GRID // 2
        self.popup.move(right - max(self.popup.width(), self.width()) + 1, below)
        self.popup.show()
        self.date.setFocus()

    def _clear(self) -> None:
        for box in self._boxes():
            box.setCurrentIndex(0)
        self.popup.hide()

    def _show_active(self) -> None:
        active = bool(self.chosen())
        # The button stays pressed while a filter in the popup is active.
        self.more.setChecked(active)
        self.clear.setEnabled(active)

    def _add(self, name: str, text: str) -> QComboBox:
        box = self._box(name, text)
        label = plain_label(text, self.popup)
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

    def _toggle(self, icon_name: str, text: str, name: str) -> QToolButton:
        button = tool_button(icon_name, text, name, self)
        button.setCheckable(True)
        return button
