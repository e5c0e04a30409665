"""The scrollable view of a conversation. Only its last turns exist as widgets at first."""

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

from studio.ui.shell.typed_signal import TypedSignal
from studio.ui.style.theme import GRID
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.workspaces.text.conversation import Conversation, Turn
from studio.ui.workspaces.text.turn_view import TurnView

SHOWN_AT_ONCE = 12
"""Turns built when a conversation is opened, and by each click on "Show earlier messages"."""

BUILT_AT_ONCE = 3
"""Turns built before events are handled; the others follow one by one."""

REFRESH_MS = 200


class ConversationView(QWidget):
    """Follows new text while it is scrolled to the end."""

    edit_requested = cast("TypedSignal[Turn]", Signal(object))
    regenerate_requested = cast("TypedSignal[Turn]", Signal(object))
    chosen = cast("TypedSignal[Turn]", Signal(object))
    continue_requested = Signal(object, int)
    word_requested = Signal(object, int, str, object)
    """A turn, and the index of the answer to continue."""
    branch_requested = cast("TypedSignal[Turn]", Signal(object))
    version_picked = cast("TypedSignal[Turn]", Signal(object))
    again_requested = Signal(object, int)
    passage_requested = Signal(object, int, int)
    """A turn that a form made, and the index of the answer to write again."""
    review_requested = Signal(object, int)
    edit_answer_requested = Signal(object, int)
    """A turn, and the index of the answer whose text is to be edited."""
    send_requested = Signal(str, str)
    """The kind whose tab takes the text of an answer, and the text."""
    built = cast("TypedSignal[Turn]", Signal(object))
    """A turn has got its widget later than the last turns."""

    def __init__(self, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conversation = Conversation()
        self._views: list[TurnView] = []
        self._dirty: set[int] = set()
        self._versions: dict[int, list[Turn]] = {}
        self._to_build: list[Turn] = []
        self._build_timer = QTimer(self)
        self._build_timer.setInterval(0)
        self._build_timer.timeout.connect(self._build_next)
        self._follows = True
        self._scroll = QScrollArea(self)
        self._scroll.setObjectName("text.result")
        self._scroll.setAccessibleName(self.tr("Conversation"))
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        self._rows.setContentsMargins(GRID, GRID, GRID, 0)
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
        bar.actionTriggered.connect(lambda _: QTimer.singleShot(0, self, self._update_follows))
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(self._scroll)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setInterval(REFRESH_MS)
        self._refresh_timer.timeout.connect(self._refresh_dirty)

    def show_conversation(self, conversation: Conversation) -> None:
        """Show another conversation, scrolled to its end."""
        self.conversation = conversation
        for view in self._views:
            self._rows.removeWidget(view)
            view.hide()
            view.deleteLater()
        self._views = []
        self._build(conversation.turns[-SHOWN_AT_ONCE:])
        self._after_change()
        self.to_end()

    def add_turn(self, turn: Turn) -> None:
        """Show a turn that was appended to the conversation."""
        self._insert(len(self._views), turn)
        self._after_change()
        self.to_end()

    def drop_removed(self) -> None:
        """Remove the views of turns that are no longer in the conversation."""
        left = {id(turn) for turn in self.conversation.turns}
        for view in [view for view in self._views if id(view.turn) not in left]:
            self._views.remove(view)
            self._rows.removeWidget(view)
            view.hide()
            view.deleteLater()
        self._to_build = [turn for turn in self._to_build if id(turn) in left]
        if not self._views:
            self._build(self.conversation.turns[-SHOWN_AT_ONCE:])
        self._after_change()

    def view_of(self, turn: Turn) -> TurnView | None:
        """Return the widget of a turn, or None if it was not built."""
        return next((view for view in self._views if view.turn is turn), None)

    def refresh_soon(self, turn: Turn) -> None:
        """Refresh the view of a turn, at most every `REFRESH_MS`."""
        self._dirty.add(id(turn))
        if not self._refresh_timer.isActive():
            self._refresh_dirty()
            self._refresh_timer.start()

    def to_end(self) -> None:
        """Scroll to the newest message and follow it."""
        self._follows = True
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    # ---- inside

    def _build(self, turns: list[Turn]) -> None:
        """Build the views of turns above those that exist, the last one first."""
        self._to_build = list(turns)
        for _ in range(BUILT_AT_ONCE):
            self._build_one()
        if self._to_build:
            self._build_timer.start()

    def _build_one(self) -> None:
        if self._to_build:
            self._insert(0, self._to_build.pop())

    def _build_next(self) -> None:
        self._build_one()
        if not self._to_build:
            self._build_timer.stop()
        if self._views:
            view = self._views[0]
            self._show_versions(view)
            self.built.emit(view.turn)

    def _show_versions(self, view: TurnView) -> None:
        view.show_versions(self._versions.get(view.turn.parent, [view.turn]))

    def _insert(self, index: int, turn: Turn) -> TurnView:
        view = TurnView(turn, self._scroll.widget())
        view.edit_requested.connect(self.edit_requested.emit)
        view.regenerate_requested.connect(self.regenerate_requested.emit)
        view.chosen.connect(self.chosen.emit)
        view.continue_requested.connect(self.continue_requested)
        view.word_requested.connect(self.word_requested)
        view.branch_requested.connect(self.branch_requested.emit)
        view.version_picked.connect(self.version_picked.emit)
        view.again_requested.connect(self.again_requested)
        view.passage_requested.connect(self.passage_requested)
        view.send_requested.connect(self.send_requested)
        view.edit_answer_requested.connect(self.edit_answer_requested)
        view.review_requested.connect(self.review_requested)
        view.refresh()
        self._views.insert(index, view)
        self._rows.insertWidget(index + 1, view)
        return view

    def _after_change(self) -> None:
        hidden = len(self.conversation.turns) - len(self._views) - len(self._to_build)
        self._earlier.setVisible(hidden > 0)
        self._stack.setCurrentIndex(1 if self._views else 0)
        for view in self._views[-2:]:
            view.set_last(view is self._views[-1])
        self._versions = self.conversation.versions_by_parent()
        for view in self._views:
            self._show_versions(view)

    def _show_earlier(self) -> None:
        while self._to_build:
            self._build_one()
        hidden = len(self.conversation.turns) - len(self._views)
        self._follows = False
        self._build(self.conversation.turns[max(0, hidden - SHOWN_AT_ONCE) : hidden])
        self._after_change()

    def _refresh_dirty(self) -> None:
        if not self._dirty:
            self._refresh_timer.stop()
            return
        dirty, self._dirty = self._dirty, set()
        for view in self._views:
            if id(view.turn) in dirty:
                view.refresh()

    def _update_follows(self) -> None:
        bar = self._scroll.verticalScrollBar()
        self._follows = bar.value() >= bar.maximum() - 2 * GRID

    def _range_changed(self, _minimum: int, maximum: int) -> None:
        # As much room at the left as the scroll bar takes at the right.
        bar = self._scroll.verticalScrollBar().sizeHint().width() if maximum > 0 else 0
        self._rows.setContentsMargins(GRID + bar, GRID, GRID, 0)
        if self._follows:
            self._scroll.verticalScrollBar().setValue(maximum)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Detect scrolling with the wheel."""
        if event.type() == QEvent.Type.Wheel:
            QTimer.singleShot(0, self, self._update_follows)
        return super().eventFilter(watched, event)
