"""The About dialog: version, licences and folders."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QDialog, QWidget

from studio import __version__
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, enlarge
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.plain_text import plain_label, rich_label

_ENCODED = QUrl.ComponentFormattingOption.FullyEncoded


class AboutDialog(QDialog):
    """Not modal; Esc closes it."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle(self.tr("About Prompt Studio"))
        self.setMinimumWidth(60 * GRID)
        title = plain_label(f"Prompt Studio {__version__}", self)
        enlarge(title)
        paths = state.paths
        rows = [
            (self.tr("Library"), state.library_root),
            (self.tr("Models"), paths.models),
            (self.tr("Settings"), paths.settings),
            (self.tr("Logs"), paths.logs),
        ]
        folders = "<br>".join(
            f'{escape(name)}: <a href="{escape(QUrl.fromLocalFile(str(path)).toString(_ENCODED))}">'
            f"{escape(str(path))}</a>"
            for name, path in rows
        )
        text = rich_label(
            "<p>"
            + escape(
                self.tr(
                    "Text, pictures, speech and video with models on your own machine. "
                    "Nothing leaves it."
                )
            )
            + "</p><p>"
            + escape(
                self.tr(
                    "Licensed under the Apache License 2.0. Icons by Lucide (ISC licence). "
                    "Made with Qt for Python (LGPL)."
                )
            )
            + f"</p><p>{folders}</p>",
            self,
        )
        text.setWordWrap(True)
        text.setOpenExternalLinks(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        fill_dialog(self, title, text, close_buttons(self), stretched=text, spacing=1)
