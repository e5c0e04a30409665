"""Which results History shows: words, a task, stars, tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from studio.library.records import Asset
from studio.protocol import Task
from studio.ui.theme import GRID
from studio.ui.widgets.buttons import tool_button

if TYPE_CHECKING:
    from studio.library.store import Library

_TAG = "tag:"


@dataclass(frozen=True)
class Wanted:
    """What is looked for. `tags` must all be there."""

    words: str = ""
    tags: tuple[str, ...] = ()
    task: Task | None = None
    starred: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Wanted()

    def look(self, library: Library, limit: int) -> list[Asset]:
        """Ask the library, newest first. Blocks."""
        if self.is_everything:
            return library.recent(limit)
        found = library.search(
            self.words,
            task=self.task,
            tag=self.tags[0] if self.tags else "",
            starred=self.starred,
            limit=limit,
        )
        rest = set(self.tags[1:])
        return [asset for asset in found if rest <= set(asset.tags)] if rest else found


def split_tags(typed: str) -> tuple[str, tuple[str, ...]]:
    """Take `tag:name` out of what was typed. Returns the other words, and the tags."""
    parts = typed.split()
    tags = tuple(part[len(_TAG) :] for part in parts if part.startswith(_TAG))
    words = " ".join(part for part in parts if not part.startswith(_TAG))
    return words, tuple(tag for tag in tags if tag)


class Filters(QWidget):
    """Object names: `history.task`, `history.starred`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task = QComboBox(self)
        self.task.setObjectName("history.task")
        self.task.setAccessibleName(self.tr("Show results of"))
        for text, task in (
            (self.tr("Everything"), ""),
            (self.tr("Text"), "text"),
            (self.tr("Image"), "image"),
            (self.tr("Upscale"), "upscale"),
        ):
            self.task.addItem(text, task)
        self.starred: QToolButton = tool_button(
            "star", self.tr("Only results with a star"), "history.starred", self
        )
        self.starred.setCheckable(True)
        self.task.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.starred.toggled.connect(lambda _: self.changed.emit())
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(GRID // 2)
        self.row.addWidget(self.task, 1)
        self.row.addWidget(self.starred)

    def wanted(self, typed: str) -> Wanted:
        """Return what is looked for, with the words and tags in `typed`."""
        words, tags = split_tags(typed)
        task = cast("Task | None", self.task.currentData() or None)
        return Wanted(words, tags, task, self.starred.isChecked())
