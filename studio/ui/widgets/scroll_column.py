"""A column of controls that scrolls if the window is too low for all of them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID


class ScrollColumn(QScrollArea):
    """As high as its controls if there is room; with `fills` as high as there is room.

    Add controls with `add`; their parent is `content` from then on.
    """

    def __init__(self, parent: QWidget | None = None, *, fills: bool = False) -> None:
        super().__init__(parent)
        self._fills = fills
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Expanding if fills else policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.content = QWidget()
        self._rows = QVBoxLayout(self.content)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(GRID)
        if fills:
            self._rows.addStretch(1)
        self.setWidget(self.content)
        self.content.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self.content.installEventFilter(self)
        self.setMinimumHeight(8 * GRID)

    def add(self, widget: QWidget, place: int | None = None) -> None:
        """Add a control at the end or at a place, or move it there."""
        last = self._rows.count() - int(self._fills)
        self._rows.insertWidget(last if place is None else min(place, last), widget)

    def place_of(self, widget: QWidget) -> int:
        """Return the place of a control, -1 if it is not in the column."""
        return self._rows.indexOf(widget)

    def show_top(self) -> None:
        """Scroll to the first control."""
        self.verticalScrollBar().setValue(0)

    def sizeHint(self) -> QSize:
        return super().sizeHint() if self._fills else self.content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.content.minimumSizeHint().width(), 8 * GRID)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Update the size hint when a control is shown or hidden."""
        if watched is self.content and event.type() == QEvent.Type.LayoutRequest:
            if not self._fills:
                self.updateGeometry()
            bar = self.verticalScrollBar()
            width = bar.sizeHint().width() if bar.isVisible() else 0
            self._rows.setContentsMargins(0, 0, width and GRID // 2, 0)
        return super().eventFilter(watched, event)
