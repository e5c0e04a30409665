"""The button that opens the forms."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QToolButton, QWidget

from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button


def forms_button(parent: QWidget, open_forms: Callable[[], object]) -> QToolButton:
    """Create the button."""
    button = tool_button("file", tr("Forms"), "text.forms", parent)
    button.setText(tr("Forms"))
    button.setToolTip(
        tr("Ad copy, news, scripts, questions, letters: fill in a form, and the result is checked")
    )
    button.setProperty("palette_icon", "file")
    button.clicked.connect(lambda: open_forms())
    return button
