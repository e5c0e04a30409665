"""The message bar, which shows all messages without modal dialogs and keeps a list of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from studio.ui.messages.shown_message import ICONS, ShownMessage
from studio.ui.style.icons import icon_pixmap
from studio.ui.style.theme import GRID, Severity, blend, severity_colour
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip

MAX_MESSAGES = 200
"""Messages kept in the list; older ones are dropped."""

_MAX_SHOWN = 1000
"""Characters of a message that are measured and drawn at most."""

HIDE_AFTER_MS = 8000
"""Info and success messages hide after this time; warnings and errors stay until closed."""
HIDE_AFTER_MS_WITH_ACTION = 20_000
"""The same for messages with an action button."""


class MessageBar(QFrame):
    """A row of fixed height at the bottom of the window; keeps a list of its messages."""

    shown = Signal(object)
    """A `ShownMessage`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messages")
        self.setAccessibleName(self.tr("Messages"))
        self.setAutoFillBackground(True)
        self.messages: list[ShownMessage] = []
        self._current: ShownMessage | None = None
        self._painting = False
        self._icon = plain_label(parent=self)
        self._text = plain_label(parent=self)
        self._text.setObjectName("messages.text")
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = QPushButton(self)
        self._action.setObjectName("messages.action")
        self._action.setAccessibleName(self.tr("Next step"))
        self._action.hide()
        self._action.clicked.connect(self._act)
        self._close = tool_button("x", self.tr("Close this message"), "messages.close", self)
        self._close.hide()
        self._close.clicked.connect(self.clear)
        self._list = tool_button("bell", self.tr("Earlier messages"), "messages.list", self)
        self._list.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._list.clicked.connect(self.show_list)
        self._list.hide()
        self._hide_timer = QTimer(self)
        self._hide_timer.setSingleShot(True)
        self._hide_timer.timeout.connect(self._hide_unless_used)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID // 2, GRID, GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        layout.addWidget(self._close)
        layout.addWidget(self._list)
        # Measured with Chinese characters, whose font is often higher than the main one.
        lines = plain_label("国g\n国g").sizeHint().height() + 2
        self.setFixedHeight(max(lines + GRID, self._action.sizeHint().height() + GRID))
        self._paint()

    def show_message(
        self,
        text: str,
        kind: Severity = "info",
        action_text: str = "",
        action: Callable[[], object] | None = None,
        *,
        detail: str = "",
    ) -> None:
        """Show a message with an optional action button; `detail` is text for a bug report.

        A repeated warning or error is counted instead of added to the list again.
        """
        last = self.messages[-1] if self.messages else None
        times = 1
        is_trouble = kind in ("warning", "error")
        if is_trouble and last is not None and (last.text, last.kind) == (text, kind):
            times = self.messages.pop().times + 1
        message = ShownMessage(text, kind, datetime.now(), action_text, action, detail, times)
        self.messages.append(message)
        del self.messages[:-MAX_MESSAGES]
        self._current = message
        self._action.setText(action_text)
        self._action.setAccessibleName(action_text)
        self._action.setVisible(bool(action_text and action))
        self._close.show()
        self._list.show()
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self._fit_text()
        if is_trouble:
            self._hide_timer.stop()
        else:
            self._hide_timer.start(HIDE_AFTER_MS if action is None else HIDE_AFTER_MS_WITH_ACTION)
        self._paint()
        self.shown.emit(message)

    def text(self) -> str:
        """Return the text of the current message, or an empty string."""
        return self._current.text if self._current else ""

    def current(self) -> ShownMessage | None:
        """Return the current message."""
        return self._current

    def clear(self) -> None:
        """Clear the bar; the message stays in the list."""
        self._hide_timer.stop()
        self._current = None
        self._text.clear()
        self._text.setToolTip("")
        self._action.hide()
        self._close.hide()
        self._paint()

    def show_list(self) -> None:
        """Open the list of earlier messages."""
        from studio.ui.messages.message_list import MessageList

        show_dialog(MessageList(self.messages, self.window()))

    def _hide_unless_used(self) -> None:
        # Do not hide a button that the user is about to press.
        if self.underMouse() or self._action.hasFocus():
            self._hide_timer.start(HIDE_AFTER_MS)
        else:
            self.clear()

    def _act(self) -> None:
        current = self._current
        self.clear()
        if current is not None and current.action is not None:
            current.action()

    def _fit_text(self) -> None:
        """Elide the text to two lines; the tooltip and the list have all of it."""
        if self._current is None:
            return
        text = self._current.line
        # Word wrap may leave up to 10 grid steps of the first line empty.
        width = max(2 * self._text.width() - 10 * GRID, 20 * GRID)
        elided = self.fontMetrics().elidedText(
            one_line(text, _MAX_SHOWN), Qt.TextElideMode.ElideRight, width
        )
        self._text.setText(elided)
        self._text.setToolTip(plain_tooltip(text))

    def _paint(self) -> None:
        self._painting = True
        kind: Severity = self._current.kind if self._current else "info"
        window = QGuiApplication.palette()
        ground = window.color(QPalette.ColorRole.Window)
        # Set only this role: the others keep following the application palette.
        palette = QPalette()
        if self._current is not None:
            ground = blend(severity_colour(kind, window), ground, 0.10)
        palette.setColor(QPalette.ColorRole.Window, ground)
        self.setPalette(palette)
        side = 18
        if self._current is None:
            self._icon.setFixedSize(QSize(side, side))
            self._icon.clear()
        else:
            self._icon.setPixmap(
                icon_pixmap(
                    ICONS[kind], side, severity_colour(kind, window), self.devicePixelRatioF()
                )
            )
        self._painting = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_text()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and not self._painting:
            self._paint()
        super().changeEvent(event)
