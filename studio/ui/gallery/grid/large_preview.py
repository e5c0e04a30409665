"""The large preview over the whole window: one result after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.library.records import Asset
from studio.ui.gallery.grid.preview import ResultPreview
from studio.ui.style.theme import GRID, emphasise, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import ElidedLabel
from studio.ui.widgets.plain_text import plain_label

_BACK = (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_PageUp, Qt.Key.Key_Backspace)
_FORWARD = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown)
_CLOSE = (Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class LargePreview(QWidget):
    """Covers the window. ← and → show the neighbours; Esc, Space and Enter close it; the keys of
    the library act on what is shown. Object names: `preview`, `preview.back`, `preview.forward`,
    `preview.close`.

    `step(by)` shows a neighbour, `act(keys)` runs the action of a key, if there is one.
    """

    def __init__(
        self,
        window: QWidget,
        step: Callable[[int], object],
        act: Callable[[str], bool],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._step = step
        self._act = act
        self._focus_before: QWidget | None = window.focusWidget()
        self.setObjectName("preview")
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.title = ElidedLabel(parent=self)
        emphasise(self.title)
        self.place = plain_label(parent=self)
        mute(self.place)
        self.preview = ResultPreview(self)
        self.preview.text.viewport().installEventFilter(self)
        for widget in (self.preview.canvas, self.preview.text):
            widget.installEventFilter(self)
        self.back = tool_button("chevron-left", self.tr("Previous (←)"), "preview.back", self)
        self.forward = tool_button("chevron-right", self.tr("Next (→)"), "preview.forward", self)
        close = tool_button("x", self.tr("Close (Esc)"), "preview.close", self)
        self.back.clicked.connect(lambda: step(-1))
        self.forward.clicked.connect(lambda: step(1))
        close.clicked.connect(self.close)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self.title, 1)
        top.addWidget(self.place)
        for button in (self.back, self.forward, close):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addLayout(top)
        layout.addWidget(self.preview, 1)
        window.installEventFilter(self)
        application = cast(QGuiApplication, QGuiApplication.instance())
        application.focusObjectChanged.connect(self._focus_changed)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()
        self.setFocus()

    def show_asset(self, asset: Asset | None, row: int, count: int) -> None:
        """Show a result, the `row`-th of `count`; None while it is being read."""
        if asset is not None:
            self.title.set_text(asset.prompt or asset.path.name)
        self.place.setText(
            self.tr("{n} of {count}").format(
                n=self.locale().toString(row + 1), count=self.locale().toString(count)
            )
        )
        self.back.setEnabled(row > 0)
        self.forward.setEnabled(row < count - 1)
        self.preview.show_asset(asset)

    def _focus_changed(self, focused: QObject | None) -> None:
        """Close when something else of the window is used, such as another tab."""
        if (
            isinstance(focused, QWidget)
            and focused.window() is self._window
            and focused is not self
            and not self.isAncestorOf(focused)
            and focused is not self._window
        ):
            self._focus_before = None
            self.close()

    # ---- events

    def event(self, event: QEvent) -> bool:
        # Before the shortcuts of the window, where Esc stops the jobs.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.modifiers() == Qt.KeyboardModifier.NoModifier:
                event.accept()
                return True
            return False
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window, and take the keys from the picture and the text."""
        if watched is self._window:
            if event.type() == QEvent.Type.Resize:
                self.setGeometry(self._window.rect())
            return False
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                return self.event(event)
            if event.type() == QEvent.Type.KeyPress and self._handle(event):
                return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handle(event):
            super().keyPressEvent(event)

    def closeEvent(self, event: QEvent) -> None:
        self.preview.stop()
        if self._focus_before is not None:
            self._focus_before.setFocus()
        super().closeEvent(event)  # type: ignore[arg-type]

    def _handle(self, event: QKeyEvent) -> bool:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = Qt.Key(event.key())
        if key in _CLOSE:
            self.close()
        elif key in _BACK:
            self._step(-1)
        elif key in _FORWARD:
            self._step(1)
        else:
            return self._act("Del" if key == Qt.Key.Key_Delete else event.text().upper())
        return True
