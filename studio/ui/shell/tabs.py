"""One tab a kind. A workspace is built when it is first seen, or in turns after the first paint."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from studio.kinds.registry import kinds
from studio.ui.shell.event_loop_slices import Piece, imports_of
from studio.ui.shell.workspace import BuiltInPieces, Workspace
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState


class Tabs(QTabWidget):
    """Object name `tabs`; titles, icons and workspaces are what the kinds say."""

    turned = Signal(str)
    """The task whose tab is seen now."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._built: dict[str, Workspace] = {}
        self._pages: dict[str, QWidget] = {}
        self._painted = False
        self.setObjectName("tabs")
        self.setAccessibleName(self.tr("Tasks"))
        self.setDocumentMode(True)
        self.setIconSize(QSize(18, 18))
        for place, (task, kind) in enumerate(kinds().items()):
            page = QWidget()
            inside = QVBoxLayout(page)
            inside.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID)
            self._pages[task] = page
            self.addTab(page, icon(kind.icon), tr(kind.title))
            self.setTabToolTip(place, f"Ctrl+{place + 1}")
        self._tasks = tuple(self._pages)

    def open_first(self, task: str) -> None:
        """Build and show one tab, the first one where there is no such task."""
        first = task if task in self._pages else self._tasks[0]
        self.setCurrentIndex(self._tasks.index(first))
        self._build(first)
        self.currentChanged.connect(self._turn)
        self._built[first].focus_prompt()

    def workspace(self, task: str) -> Workspace:
        """Return a task's workspace, building it where it has not been seen yet."""
        self._build(task)
        return self._built[task]

    def show_task(self, task: str) -> Workspace:
        """Turn to a task's tab and return its workspace."""
        self.setCurrentIndex(self._tasks.index(task))
        return self.workspace(task)

    @property
    def current_task(self) -> str:
        return self._tasks[self.currentIndex()]

    @property
    def is_complete(self) -> bool:
        """Whether every workspace has been built."""
        return len(self._built) == len(self._tasks)

    def keep_values(self) -> None:
        """Let every workspace keep what its controls say."""
        for workspace in self._built.values():
            workspace.values_to_settings()

    def rest_of_seen(self) -> Iterator[Piece]:
        """Yield what the workspaces on show left out before their first paint."""
        self._painted = True
        for task, workspace in tuple(self._built.items()):
            yield from _imports(task)
            if isinstance(workspace, BuiltInPieces):
                yield from workspace.pieces()

    def unseen(self) -> Iterator[Piece]:
        """Yield the building of what nobody has looked at yet."""
        for task in self._tasks:
            if task not in self._built:
                yield from _imports(task)
                yield partial(self._build, task)

    # ---- inside

    def _build(self, task: str) -> None:
        if task in self._built:
            return
        module, _, name = kinds()[task].workspace.partition(":")
        page = self._pages[task]
        widget = getattr(import_module(module), name)(self._state, page)
        layout = page.layout()
        assert layout is not None
        layout.addWidget(widget)
        self._built[task] = cast(Workspace, widget)
        if self._painted and isinstance(widget, BuiltInPieces):
            for piece in widget.pieces():
                piece()

    def _turn(self, index: int) -> None:
        task = self._tasks[index]
        self._build(task)
        self._built[task].focus_prompt()
        self.turned.emit(task)


def _imports(task: str) -> Iterator[Piece]:
    module = kinds()[task].workspace.partition(":")[0]
    package = module.rpartition(".")[0]
    if package:
        yield from imports_of(package)
    else:
        yield partial(import_module, module)
