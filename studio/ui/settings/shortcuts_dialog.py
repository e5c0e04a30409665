"""The list of keyboard shortcuts."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFormLayout, QWidget

from studio.kinds.registry import kinds
from studio.ui.style.theme import GRID, emphasise
from studio.ui.style.translations import tr
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.plain_text import plain_label


class ShortcutsDialog(QDialog):
    """Not modal; Esc closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        rows = [
            ("Ctrl+Return", self.tr("Generate")),
            ("Escape", self.tr("Stop, or cancel editing an earlier message")),
            *(
                (f"Ctrl+{place}", tr(kind.title))
                for place, kind in enumerate(kinds().values(), start=1)
            ),
            ("Ctrl+L", self.tr("Go to the prompt")),
            ("Ctrl+F", self.tr("Search the results")),
            ("M", self.tr("In the library: more like this")),
            ("S", self.tr("In the library: star")),
            ("T", self.tr("In the library: tags")),
            ("C", self.tr("In the library: compare two to four pictures")),
            ("Del", self.tr("In the library: move to the trash")),
            ("Ctrl+Z", self.tr("In the library: undo the last deletion")),
            ("Ctrl+M", self.tr("Models")),
            ("Ctrl+,", self.tr("Settings")),
            ("F1", self.tr("Keyboard shortcuts")),
            ("Ctrl+Q", self.tr("Quit")),
        ]
        form = QFormLayout()
        form.setHorizontalSpacing(4 * GRID)
        form.setVerticalSpacing(GRID)
        for keys, text in rows:
            shown = plain_label(
                QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText), self
            )
            emphasise(shown)
            form.addRow(shown, plain_label(text, self))
        fill_dialog(self, form, close_buttons(self))
