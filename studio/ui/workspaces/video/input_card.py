"""The videos that are to be worked on: their names, size and length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.formats.suffixes import VIDEO, files_in
from studio.formats.untrusted_files import is_file, is_folder
from studio.formats.videos.probe import VideoFacts, video_facts
from studio.protocol import Problem
from studio.ui.media.picture.video_still import still_image
from studio.ui.media.sound.sound_panel import clock
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import one_line, plain_tooltip

MAX_FILES = 500
_PATH = Qt.ItemDataRole.UserRole
_BROKEN = Qt.ItemDataRole.UserRole + 1
_THUMBNAIL = 96


class InputCard(QWidget):
    """Object names: `video.inputs`, `.add`, `.remove`."""

    changed = Signal()
    current_changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.list = _List(self)
        self.list.setObjectName("video.inputs")
        self.list.setAccessibleName(self.tr("Videos"))
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        add = dialog_button(self.tr("Add videos…"), "video.add", self.choose, self, "plus")
        self._remove = dialog_button(
            self.tr("Remove"), "video.remove", self.remove_selected, self, "x"
        )
        self._remove.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(add)
        buttons.addWidget(self._remove)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        self.list.itemSelectionChanged.connect(
            lambda: self._remove.setEnabled(bool(self.list.selectedItems()))
        )
        self.list.currentItemChanged.connect(lambda *_: self.current_changed.emit())
        self.list.remove_requested.connect(self.remove_selected)

    def paths(self) -> list[Path]:
        """Return the videos, without those that cannot be read."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [Path(item.data(_PATH)) for item in items if not item.data(_BROKEN)]

    def current(self) -> Path | None:
        """Return the video that is chosen, None if there is none."""
        item = self.list.currentItem()
        return Path(item.data(_PATH)) if item is not None else None

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, and the videos in folders."""
        wanted = list(paths)

        def listed(found: list[Path]) -> None:
            known = {self.list.item(row).data(_PATH) for row in range(self.list.count())}
            new = [path for path in found if str(path) not in known]
            if not found:
                self._state.show_message(self.tr("No videos were found."), "warning")
            for path in new[: max(0, MAX_FILES - len(known))]:
                self._add(path)
            self.changed.emit()

        def failed(problem: Problem) -> None:
            self._state.problem.emit(problem)

        self._state.background.read(self, lambda: _expanded(wanted), listed, failed)

    def add_again(self, paths: Sequence[Path]) -> None:
        """Add those of the stored videos that are still there."""

        def there(found: list[Path]) -> None:
            if found:
                self.add(found)

        self._state.background.read(self, lambda: [path for path in paths if is_file(path)], there)

    def choose(self) -> None:
        """Ask for videos."""
        kinds = " ".join(f"*{suffix}" for suffix in VIDEO)
        paths, _ = QFileDialog.getOpenFileNames(
            self, self.tr("Add videos"), "", f"{self.tr('Videos')} ({kinds})"
        )
        if paths:
            self.add([Path(path) for path in paths])

    def remove_selected(self) -> None:
        """Remove the selected videos from the list."""
        for item in self.list.selectedItems():
            self.list.takeItem(self.list.row(item))
        self.changed.emit()

    def _add(self, path: Path) -> None:
        item = QListWidgetItem(icon("film"), one_line(path.name))
        item.setData(_PATH, str(path))
        item.setToolTip(plain_tooltip(str(path)))
        self.list.addItem(item)
        if self.list.currentItem() is None:
            self.list.setCurrentItem(item)

        def read() -> tuple[VideoFacts, QImage]:
            return video_facts(path), still_image(path, longest=_THUMBNAIL)

        def done(found: tuple[VideoFacts, QImage]) -> None:
            facts, poster = found
            text = self.tr("{width} × {height}, {rate} fps, {length}").format(
                width=facts.width,
                height=facts.height,
                rate=f"{facts.rate:.4g}",
                length=clock(facts.seconds),
            )
            self._describe(path, text, poster)

        def failed(problem: Problem) -> None:
            self._describe(path, translated(problem.message), QImage(), is_broken=True)

        self._state.background.read(self, read, done, failed)

    def _describe(self, path: Path, text: str, poster: QImage, *, is_broken: bool = False) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item.data(_PATH) == str(path):
                item.setText(f"{one_line(path.name)}\n{text}")
                item.setToolTip(plain_tooltip(f"{path}\n{text}"))
                item.setData(_BROKEN, is_broken)
                if not poster.isNull():
                    item.setIcon(QPixmap.fromImage(poster))
                elif is_broken:
                    item.setIcon(icon("triangle-alert"))
        self.changed.emit()


class _List(QListWidget):
    remove_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setIconSize(self.iconSize().expandedTo(QPixmap(6 * GRID, 4 * GRID).size()))
        self.setSpacing(2)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(
                self.viewport().rect().adjusted(16, 16, -16, -16),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                self.tr("Drop videos or folders here"),
            )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.remove_requested.emit()
            return
        super().keyPressEvent(event)


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """Return files, and the videos in folders."""
    found: list[Path] = []
    for path in paths:
        found += files_in(path, VIDEO) if is_folder(path) else [path]
    return list(dict.fromkeys(found))
