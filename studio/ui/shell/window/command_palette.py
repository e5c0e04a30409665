"""The command palette: one field that finds actions, tabs, models, prompts and settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.plain_text import one_line, plain_label
from studio.ui.widgets.two_line_delegate import Index, draw_row

SHOWN = 50
"""Entries that are listed at most."""

WIDTH, HEIGHT = 76 * GRID, 52 * GRID

_ENTRY_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class PaletteEntry:
    """Something that can be chosen; `detail` says what it is, and is found as well."""

    text: str
    detail: str
    icon: str
    run: Callable[[], object]
    keys: str = ""


def matching(entries: Sequence[PaletteEntry], typed: str) -> list[PaletteEntry]:
    """Return the entries that contain every typed word, those that begin with them first."""
    words = typed.casefold().split()
    if not words:
        return list(entries)
    found: list[tuple[int, int, PaletteEntry]] = []
    for place, entry in enumerate(entries):
        text, all_of_it = entry.text.casefold(), f"{entry.text} {entry.detail}".casefold()
        if all(word in all_of_it for word in words):
            in_text = all(word in text for word in words)
            rank = 0 if text.startswith(words[0]) else 1 if in_text else 2
            found.append((rank, place, entry))
    return [entry for _, _, entry in sorted(found, key=lambda one: one[:2])]


class CommandPalette(QFrame):
    """↑ and ↓ choose, Enter runs, Esc or a click elsewhere closes. Object names: `palette`,
    `palette.search`, `palette.list`.
    """

    def __init__(self, entries: Sequence[PaletteEntry], window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._entries = list(entries)
        self._focus_before: QWidget | None = window.focusWidget()
        self.setObjectName("palette")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = QLineEdit(self)
        self.search.setObjectName("palette.search")
        self.search.setAccessibleName(self.tr("Command palette"))
        self.search.setPlaceholderText(self.tr("Find actions, models, prompts and settings"))
        self.search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.installEventFilter(self)
        self.list = QListWidget(self)
        self.list.setObjectName("palette.list")
        self.list.setAccessibleName(self.tr("Found"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.viewport().setAutoFillBackground(False)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(_EntryDelegate(self.list))
        self.list.itemClicked.connect(lambda _: self._run())
        self._nothing = plain_label(self.tr("Nothing found."), self)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._nothing, 1)
        self.search.textChanged.connect(lambda _: self._fill())
        self._fill()
        window.installEventFilter(self)
        self._place()
        self.show()
        self.raise_()
        self.search.setFocus()

    def add(self, entries: Sequence[PaletteEntry]) -> None:
        """Add entries that have been read in the meantime."""
        self._entries += entries
        self._fill()

    # ---- private

    def _place(self) -> None:
        width = min(WIDTH, self._window.width() - 4 * GRID)
        height = min(HEIGHT, self._window.height() - 10 * GRID)
        left = (self._window.width() - width) // 2
        self.setGeometry(QRect(left, 6 * GRID, width, height))

    def _fill(self) -> None:
        self.list.clear()
        for entry in matching(self._entries, self.search.text())[:SHOWN]:
            item = QListWidgetItem(one_line(entry.text))
            item.setData(_ENTRY_ROLE, entry)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.text}, {entry.detail}")
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(self.list.count() > 0)
        self._nothing.setVisible(self.list.count() == 0)

    def _run(self) -> None:
        if self.list.count() == 0:
            return
        entry: PaletteEntry = self.list.currentItem().data(_ENTRY_ROLE)
        self.close()
        entry.run()

    def _step(self, by: int) -> None:
        count = self.list.count()
        if count:
            self.list.setCurrentRow((self.list.currentRow() + by) % count)

    def _handle(self, event: QKeyEvent) -> bool:
        page = 8
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.close()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run()
        elif key in steps:
            self._step(steps[key])
        else:
            return False
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys from the field, before the shortcuts of the window do."""
        if watched is self._window:
            if event.type() == QEvent.Type.Resize:
                self._place()
            return False
        if event.type() == QEvent.Type.FocusOut:
            # A click elsewhere: what has the focus now keeps it.
            self._focus_before = None
            self.close()
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                    event.accept()
                    return True
            elif event.type() == QEvent.Type.KeyPress:
                return self._handle(event)
        return False

    def closeEvent(self, event: QEvent) -> None:
        self.search.removeEventFilter(self)
        self._window.removeEventFilter(self)
        if self._focus_before is not None:
            self._focus_before.setFocus()
        super().closeEvent(event)  # type: ignore[arg-type]  # the stubs want a QCloseEvent


class _EntryDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(10 * GRID, option.fontMetrics.lineSpacing() + 2 * GRID)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: PaletteEntry = index.data(_ENTRY_ROLE)
        draw_row(painter, option)
        palette: QPalette = option.palette
        area = option.rect.adjusted(GRID, 0, -GRID, 0)
        place = QRect(area.left(), area.center().y() - 8, 18, 18)
        icon(entry.icon, "muted").paint(painter, place)
        area.setLeft(area.left() + 18 + GRID)
        muted = palette.color(QPalette.ColorRole.PlaceholderText)
        keys = QKeySequence(entry.keys).toString(QKeySequence.SequenceFormat.NativeText)
        right = keys or one_line(entry.detail, 60)
        width = min(option.fontMetrics.horizontalAdvance(right), area.width() // 2)
        self._draw(painter, option, area, right, muted, Qt.AlignmentFlag.AlignRight)
        area.setRight(area.right() - width - 2 * GRID)
        text = palette.color(QPalette.ColorRole.Text)
        self._draw(painter, option, area, one_line(entry.text), text, Qt.AlignmentFlag.AlignLeft)

    def _draw(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        area: QRect,
        text: str,
        colour: QColor,
        side: Qt.AlignmentFlag,
    ) -> None:
        width = area.width() if side == Qt.AlignmentFlag.AlignLeft else area.width() // 2
        elided = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
        painter.setPen(colour)
        painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, elided)
