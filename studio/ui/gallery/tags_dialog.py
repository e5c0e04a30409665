"""A dialog that edits the tags of one or more results."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from studio.library.records import Asset
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.dialog_frame import fill_dialog
from studio.ui.widgets.plain_text import plain_label


def shared_tags(assets: Sequence[Asset]) -> tuple[str, ...]:
    """Return the tags that all results have, in the order of the first result."""
    return tuple(tag for tag in assets[0].tags if all(tag in other.tags for other in assets))


def tags_in(typed: str) -> list[str]:
    """Return the unique tags in a line, separated by commas (Western or Chinese)."""
    parts = typed.replace("，", ",").replace("、", ",").split(",")
    # The search `tag:name` requires that a tag is one word.
    return list(dict.fromkeys("-".join(part.split()) for part in parts if part.strip()))


class TagsDialog(QDialog):
    """Not modal; Enter saves, Esc cancels. Object names: `history.tags`, `history.tags.edit`."""

    submitted = Signal(object, object)
    """The shared tags before, and after editing."""

    def __init__(self, assets: Sequence[Asset], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history.tags")
        self.setWindowTitle(self.tr("Tags"))
        self.setMinimumWidth(45 * GRID)
        self._before = shared_tags(assets)
        about = plain_label(
            self.tr("Tags, separated by commas:")
            if len(assets) == 1
            else self.tr("Tags shared by all {n} results, separated by commas:").format(
                n=len(assets)
            ),
            self,
        )
        self.edit = QLineEdit(", ".join(self._before), self)
        self.edit.setObjectName("history.tags.edit")
        self.edit.setAccessibleName(self.tr("Tags"))
        about.setBuddy(self.edit)
        hint = plain_label(
            self.tr("A tag is one word: spaces become hyphens.")
            + "\n"
            + self.tr("Type tag:name in the search to find them again."),
            self,
        )
        mute(hint)
        buttons = QDialogButtonBox(self)
        buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fill_dialog(self, about, self.edit, hint, buttons, spacing=1)

    def accept(self) -> None:
        """Emit the tags and close."""
        self.submitted.emit(self._before, tags_in(self.edit.text()))
        super().accept()
