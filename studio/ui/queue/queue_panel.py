"""The queue as one line at the bottom of the window, and the panel that the line opens."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from studio.ui.queue.queue_view import QueueView
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, emphasise
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip

PANEL_WIDTH, PANEL_HEIGHT = 46 * GRID, 52 * GRID


class QueuePanel(QFrame):
    """Floats above the line. Esc closes it. Object names: `queue.panel`, `queue.close`."""

    shown = Signal(bool)

    def __init__(self, queue: QueueView, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._anchor: QWidget | None = None
        self.setObjectName("queue.panel")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.queue = queue
        title = plain_label(self.tr("Queue"), self)
        emphasise(title)
        close = tool_button("x", self.tr("Close the queue"), "queue.close", self)
        close.clicked.connect(self.hide)
        top = QHBoxLayout()
        top.setContentsMargins(GRID, GRID // 2, 0, 0)
        top.addWidget(title, 1)
        top.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID // 2, GRID // 2, GRID // 2, GRID // 2)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(queue, 1)
        self.hide()
        window.installEventFilter(self)

    def open_above(self, anchor: QWidget) -> None:
        """Show the panel above a widget of the window."""
        self._anchor = anchor
        self._place()
        self.show()
        self.raise_()
        self.queue.view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay above the line when the size of the window changes."""
        if watched is self._window and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def event(self, event: QEvent) -> bool:
        # Before the window's shortcut, where Esc stops the jobs.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.shown.emit(False)

    def _place(self) -> None:
        window, anchor = self._window, self._anchor
        if anchor is None:
            return
        corner = anchor.mapTo(window, QPoint(0, 0))
        width = min(PANEL_WIDTH, window.width() - 2 * GRID)
        height = min(PANEL_HEIGHT, corner.y() - 2 * GRID)
        left = max(GRID, min(corner.x(), window.width() - width - GRID))
        self.setGeometry(QRect(left, corner.y() - height - GRID // 2, width, height))


class QueueLine(QToolButton):
    """Says what the queue does; a click opens and closes the panel. Object name: `queue.line`."""

    def __init__(self, panel: QueuePanel, parent: QWidget) -> None:
        super().__init__(parent)
        self._panel = panel
        self.setObjectName("queue.line")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setAutoRaise(True)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.toggle_panel)
        panel.shown.connect(self.setChecked)
        panel.queue.line_changed.connect(self._show)
        self._show(*panel.queue.line)

    def toggle_panel(self) -> None:
        """Open or close the panel."""
        if self._panel.isVisible():
            self._panel.hide()
        else:
            self._panel.open_above(self)

    def _show(self, text: str, icon_name: str) -> None:
        self.setText(text)
        self.setIcon(icon(icon_name))
        self.setAccessibleName(self.tr("Queue: {what}").format(what=text))
        self.setToolTip(plain_tooltip(self.tr("Show the queue (Ctrl+J)")))
