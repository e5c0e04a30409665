"""What can be done with the picture on the canvas: icons with names."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.plain_text import plain_tooltip


class PictureActions(QWidget):
    """Where there is too little room, those with the best-known icons lose their names first."""

    triggered = Signal(str)
    """`start_from`, `enlarge`, `compare`, `folder` or `delete`."""

    recipe_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start_from = self._button("image", self.tr("Use as start picture"), "start_from")
        self.enlarge = self._button("image-upscale", self.tr("Enlarge ×4"), "enlarge")
        self.enlarge.setToolTip(self.tr("Send this picture to the Upscale tab"))
        self.compare = self._button("columns-2", self.tr("Compare"), "compare")
        self.compare.setToolTip(
            self.tr("Compare the selected pictures, or this one with the one shown before")
        )
        self.recipe = self._button("info", self.tr("Recipe"), "recipe.toggle")
        self.recipe.setCheckable(True)
        self.recipe.setToolTip(self.tr("Show how the picture was made"))
        self.folder = self._button("folder-open", self.tr("Open folder"), "folder")
        self.delete = self._button("trash-2", self.tr("Delete"), "delete")
        self.delete.setToolTip(self.tr("Move this picture to the trash"))
        self._buttons = (
            self.start_from,
            self.enlarge,
            self.compare,
            self.recipe,
            self.folder,
            self.delete,
        )
        self._widths: list[tuple[int, int]] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for button in self._buttons:
            row.addWidget(button)
        row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for name in ("start_from", "enlarge", "compare", "folder", "delete"):
            button = getattr(self, name)
            button.clicked.connect(lambda _=False, which=name: self.triggered.emit(which))
        self.recipe.clicked.connect(self.recipe_toggled)

    def _button(self, icon_name: str, text: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(icon_name))
        button.setIconSize(QSize(18, 18))
        button.setText(text)
        button.setToolTip(plain_tooltip(text))
        button.setAccessibleName(text)
        button.setObjectName(f"image.{name}")
        button.setAutoRaise(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def minimumSizeHint(self) -> QSize:
        smallest = self._measured()
        width = sum(without for _, without in smallest) + (len(smallest) - 1) * (GRID // 2)
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _measured(self) -> list[tuple[int, int]]:
        """Return the width of each button with its name and without, measured once."""
        if not self._widths:
            style = Qt.ToolButtonStyle
            for button in self._buttons:
                button.ensurePolished()
                widths = []
                for each in (style.ToolButtonTextBesideIcon, style.ToolButtonIconOnly):
                    button.setToolButtonStyle(each)
                    widths.append(button.sizeHint().width())
                self._widths.append((widths[0], widths[1]))
        return self._widths

    def _fit(self) -> None:
        widths = self._measured()
        room = self.width() - (len(widths) - 1) * (GRID // 2)
        named = len(widths)
        while (
            named and sum(w[0] for w in widths[:named]) + sum(w[1] for w in widths[named:]) > room
        ):
            named -= 1
        style = Qt.ToolButtonStyle
        for place, button in enumerate(self._buttons):
            wanted = style.ToolButtonTextBesideIcon if place < named else style.ToolButtonIconOnly
            if button.toolButtonStyle() != wanted:
                button.setToolButtonStyle(wanted)
