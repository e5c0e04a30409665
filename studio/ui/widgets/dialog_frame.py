"""Layout, Close button and window flags shared by dialogs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLayout, QVBoxLayout, QWidget

from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr


def fill_dialog(
    dialog: QDialog,
    *parts: QWidget | QLayout,
    stretched: QWidget | QLayout | None = None,
    margins: tuple[int, int, int, int] = (2, 2, 2, 2),
    spacing: int = 2,
) -> None:
    """Stack the parts vertically; `stretched` takes the remaining height.

    `margins` (left, top, right, bottom) and `spacing` are in multiples of `GRID`.
    """
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(*(GRID * margin for margin in margins))
    layout.setSpacing(GRID * spacing)
    for part in parts:
        stretch = int(part is stretched)
        if isinstance(part, QLayout):
            layout.addLayout(part, stretch)
        else:
            layout.addWidget(part, stretch)


def close_buttons(dialog: QDialog) -> QDialogButtonBox:
    """Create a button box with only a Close button."""
    buttons = QDialogButtonBox(dialog)
    close = buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
    close.clicked.connect(dialog.close)
    return buttons


def show_dialog(dialog: QWidget) -> None:
    """Show a dialog that is not modal, and delete it when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()


def make_picture_window(dialog: QDialog, width: int, height: int) -> None:
    """Make a picture dialog maximisable and resize it; sizes are in multiples of `GRID`."""
    dialog.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
    dialog.resize(width * GRID, height * GRID)
