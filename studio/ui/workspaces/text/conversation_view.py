"""The conversation on show. Only its last turns exist as widgets until more are asked for."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from studio.ui.shell.typed_signal import Carries
from studio.ui.style.theme import GRID
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.workspaces.text.conversation import Conversation, Turn
from studio.ui.workspaces.text.turn_view import TurnView

SHOWN_AT_ONCE = 12
"""Turns that are built when a conversation is opened, and each time more are asked for."""

REFRESH_MS = 200


class ConversationView(QWidget):
    """Scrolls with new text while the end is in sight, and stays put otherwise."""

    edit_wanted = cast("Carries[Turn]", Signal(object))
    again_wanted = cast("Carries[Turn]", Signal(object))
    chosen = cast("Carries[Turn]", Signal(object))

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conversation = Conversation()
        self._views: list[TurnView] = []
        self._dirty: set[int] = set()
        self._follows = True
        self._scroll = QScrollArea(self)
        self._scroll.setObjectName("text.result")
        self._scroll.setAccessibleName(self.tr("Conversation"))
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        self._rows.setContentsMargins(0, 0, GRID, 0)
        self._rows.setSpacing(GRID)
        self._earlier = QPushButton(self.tr("Show earlier messages"), inside)
        self._earlier.setFlat(True)
        self._earlier.clicked.connect(self._show_earlier)
        self._earlier.hide()
        self._rows.addWidget(self._earlier, 0, Qt.AlignmentFlag.AlignHCenter)
        self._rows.addStretch(1)
        self._scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.viewport().installEventFilter(self)
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._range_changed)
        bar.actionTriggered.connect(lambda _: QTimer.singleShot(0, self, self._note_place))
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(self._scroll)
        self._tick = QTimer(self)
        self._tick.setInterval(REFRESH_MS)
        self._tick.timeout.connect(self._refresh_dirty)

    def show_conversation(self, conversation: Conversation) -> None:
        """Show another conversation, from its end."""
        self.conversation = conversation
        for view in self._views:
            self._rows.removeWidget(view)
            view.hide()
            view.deleteLater()
        self._views = []
        for turn in conversation.turns[-SHOWN_AT_ONCE:]:
            self._insert(len(self._views), turn)
        self._after_change()
        self.to_end()

    def add_turn(self, turn: Turn) -> None:
        """Show a turn that was added to the end of the conversation."""
        self._insert(len(self._views), turn)
        self._after_change()
        self.to_end()

    def drop_from(self, index: int) -> None:
        """Forget the views of the turns from an index on."""
        first = len(self.conversation.turns) - len(self._views)
        while self._views and first + len(self._views) > index:
            view = self._views.pop()
            self._rows.removeWidget(view)
            view.hide()
            view.deleteLater()

    def view_of(self, turn: Turn) -> TurnView | None:
        """Return the widget that shows a turn, if it exists."""
        return next((view for view in self._views if view.turn is turn), None)

    def touch(self, turn: Turn) -> None:
        """Show a turn's new text within a fifth of a second."""
        self._dirty.add(id(turn))
        if not self._tick.isActive():
            self._refresh_dirty()
            self._tick.start()

    def to_end(self) -> None:
        """Scroll to the newest message, and follow it."""
        self._follows = True
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    # ---- inside

    def _insert(self, place: int, turn: Turn) -> TurnView:
        view = TurnView(turn, self._scroll.widget())
        view.set_room(self._room())
        view.edit_wanted.connect(self.edit_wanted.emit)
        view.again_wanted.connect(self.again_wanted.emit)
        view.chosen.connect(self.chosen.emit)
        view.refresh()
        self._views.insert(place, view)
        self._rows.insertWidget(place + 1, view)
        return view

    def _after_change(self) -> None:
        hidden = len(self.conversation.turns) - len(self._views)
        self._earlier.setVisible(hidden > 0)
        self._stack.setCurrentIndex(1 if self._views else 0)
        for view in self._views[-2:]:
            view.set_last(view is self._views[-1])

    def _show_earlier(self) -> None:
        hidden = len(self.conversation.turns) - len(self._views)
        self._follows = False
        for turn in reversed(self.conversation.turns[max(0, hidden - SHOWN_AT_ONCE) : hidden]):
            self._insert(0, turn)
        self._after_change()

    def _refresh_dirty(self) -> None:
        if not self._dirty:
            self._tick.stop()
            return
        dirty, self._dirty = self._dirty, set()
        for view in self._views:
            if id(view.turn) in dirty:
                view.refresh()

    def _room(self) -> int:
        return self._scroll.viewport().height() - 12 * GRID

    def _note_place(self) -> None:
        bar = self._scroll.verticalScrollBar()
        self._follows = bar.value() >= bar.maximum() - 2 * GRID

    def _range_changed(self, _least: int, most: int) -> None:
        if self._follows:
            self._scroll.verticalScrollBar().setValue(most)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the columns as high as what is seen, and note when the user scrolls away."""
        if event.type() == QEvent.Type.Resize:
            for view in self._views:
                view.set_room(self._room())
        elif event.type() == QEvent.Type.Wheel:
            QTimer.singleShot(0, self, self._note_place)
        return super().eventFilter(watched, event)
