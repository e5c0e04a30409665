"""A column of controls that scrolls if the window is too low for all of them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID


class ScrollColumn(QScrollArea):
    """As high as its controls if there is room. Add controls with `add`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content = QWidget()
        self._rows = QVBoxLayout(self._content)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(GRID)
        self.setWidget(self._content)
        self._content.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self._content.installEventFilter(self)
        self.setMinimumHeight(8 * GRID)

    def add(self, widget: QWidget) -> None:
        """Append a control."""
        self._rows.addWidget(widget)

    def sizeHint(self) -> QSize:
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._content.minimumSizeHint().width(), 8 * GRID)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Update the size hint when a control is shown or hidden."""
        if watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            bar = self.verticalScrollBar()
            width = bar.sizeHint().width() if bar.isVisible() else 0
            self._rows.setContentsMargins(0, 0, width and GRID // 2, 0)
        return super().eventFilter(watched, event)
