"""Editing the tags of one or more results."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.library.records import Asset
from studio.ui.style.theme import GRID, mute


def shared_tags(assets: Sequence[Asset]) -> tuple[str, ...]:
    """Return the tags that all of the results have, in the first one's order."""
    return tuple(tag for tag in assets[0].tags if all(tag in other.tags for other in assets))


def tags_in(typed: str) -> list[str]:
    """Return the tags in a line, divided by commas (also Chinese ones), none twice."""
    parts = typed.replace("，", ",").replace("、", ",").split(",")
    # A tag is one word, so that tag:name finds it.
    return list(dict.fromkeys("-".join(part.split()) for part in parts if part.strip()))


class TagsDialog(QDialog):
    """Not modal; Enter keeps, Esc leaves. Object names: `history.tags`, `history.tags.edit`."""

    kept = Signal(object, object)
    """The tags that were shown, and those that are wanted now."""

    def __init__(self, assets: Sequence[Asset], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history.tags")
        self.setWindowTitle(self.tr("Tags"))
        self.setMinimumWidth(45 * GRID)
        self._before = shared_tags(assets)
        about = QLabel(
            self.tr("Tags, with commas between them:")
            if len(assets) == 1
            else self.tr("Tags that all {n} results have, with commas between them:").format(
                n=len(assets)
            ),
            self,
        )
        self.edit = QLineEdit(", ".join(self._before), self)
        self.edit.setObjectName("history.tags.edit")
        self.edit.setAccessibleName(self.tr("Tags"))
        about.setBuddy(self.edit)
        hint = QLabel(
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for widget in (about, self.edit, hint, buttons):
            layout.addWidget(widget)

    def accept(self) -> None:
        """Hand over what was typed."""
        self.kept.emit(self._before, tags_in(self.edit.text()))
        super().accept()
