"""The button that chooses documents."""

from __future__ import annotations

from PySide6.QtWidgets import QToolButton, QWidget

from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button


def documents_button(parent: QWidget) -> QToolButton:
    """Create the button that chooses documents."""
    button = tool_button("file-plus", tr("Documents"), "text.documents", parent)
    button.setText(tr("Documents"))
    button.setToolTip(
        tr("Answer from documents: PDF, Word, PowerPoint, EPUB, HTML, text. Drop them here, too.")
    )
    button.setProperty("palette_icon", "file-plus")
    return button
