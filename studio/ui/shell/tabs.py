"""The tabs, one per kind. A workspace is built when first shown, or in slices after startup."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from studio.kinds.registry import kinds
from studio.ui.shell.event_loop_slices import Slice, import_slices
from studio.ui.shell.workspace import BuiltInSlices, Workspace
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState


class Tabs(QTabWidget):
    """Object name `tabs`. Titles, icons and workspaces come from the registered kinds."""

    task_changed = Signal(str)
    """The task of the tab that became current."""
    page_shown = Signal(bool)
    """Whether the additional page became current, or a tab of a kind instead of it."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._built: dict[str, Workspace] = {}
        self._pages: dict[str, QWidget] = {}
        self._painted = False
        self._last_task = 0
        self._icons: list[str] = []
        self._page_was_shown = False
        self.setObjectName("tabs")
        self.setAccessibleName(self.tr("Tasks"))
        self.setDocumentMode(True)
        self.setIconSize(QSize(18, 18))
        # A file that is dragged over a tab opens it, so that it can be dropped there.
        self.tabBar().setChangeCurrentOnDrag(True)
        shown = {task: kind for task, kind in kinds().items() if kind.workspace}
        for index, (task, kind) in enumerate(shown.items()):
            page = QWidget()
            layout = QVBoxLayout(page)
            layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID)
            self._pages[task] = page
            self.addTab(page, icon(kind.icon), tr(kind.title))
            self._icons.append(kind.icon)
            self.setTabToolTip(index, f"Ctrl+{index + 1}")
        self._tasks = tuple(self._pages)

    def add_page(self, icon_name: str, title: str) -> QWidget:
        """Add a page that belongs to no kind, after their tabs."""
        page = QWidget()
        index = self.addTab(page, icon(icon_name), title)
        self._icons.append(icon_name)
        self.setTabToolTip(index, f"Ctrl+{index + 1}")
        return page

    def icon_name(self, place: int) -> str:
        """Return the name of a tab's icon."""
        return self._icons[place]

    @property
    def is_page_shown(self) -> bool:
        """Whether the page that belongs to no kind is shown."""
        return self.currentIndex() >= len(self._tasks)

    def show_page(self) -> None:
        """Show the page that belongs to no kind."""
        self.setCurrentIndex(len(self._tasks))

    def open_first(self, task: str) -> None:
        """Build and show the tab of a task, or the first tab if there is no such task."""
        first = task if task in self._pages else self._tasks[0]
        self._last_task = self._tasks.index(first)
        self.setCurrentIndex(self._last_task)
        self._build(first)
        self.currentChanged.connect(self._current_changed)
        self._built[first].focus_prompt()

    def has(self, task: str) -> bool:
        """Return whether a task has a tab; some kinds are for the command line and tables."""
        return task in self._pages

    def workspace(self, task: str) -> Workspace:
        """Return the workspace of a task, building it if necessary."""
        self._build(task)
        return self._built[task]

    def show_task(self, task: str) -> Workspace:
        """Switch to the tab of a task and return its workspace."""
        self.setCurrentIndex(self._tasks.index(task))
        return self.workspace(task)

    @property
    def current_task(self) -> str:
        """The task of the tab that is shown, or that was shown before the additional page."""
        return self._tasks[self._last_task]

    @property
    def is_complete(self) -> bool:
        """Whether every workspace has been built."""
        return len(self._built) == len(self._tasks)

    def save_values(self) -> None:
        """Store the control values of every built workspace in the settings."""
        for workspace in self._built.values():
            workspace.values_to_settings()

    def slices_of_visible(self) -> Iterator[Slice]:
        """Yield calls that complete the workspaces built before the first paint."""
        self._painted = True
        for task, workspace in tuple(self._built.items()):
            yield from _imports(task)
            if isinstance(workspace, BuiltInSlices):
                yield from workspace.slices()

    def slices_of_hidden(self) -> Iterator[Slice]:
        """Yield calls that build the workspaces that have not been shown yet."""
        for task in self._tasks:
            if task not in self._built:
                yield from _imports(task)
                yield partial(self._build, task)

    # ---- private

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
        if self._painted and isinstance(widget, BuiltInSlices):
            for build in widget.slices():
                build()

    def _current_changed(self, index: int) -> None:
        is_page = self.is_page_shown
        if is_page != self._page_was_shown:
            self._page_was_shown = is_page
            self.page_shown.emit(is_page)
        if is_page:
            return
        self._last_task = index
        task = self._tasks[index]
        self._build(task)
        self._built[task].focus_prompt()
        self.task_changed.emit(task)


def _imports(task: str) -> Iterator[Slice]:
    module = kinds()[task].workspace.partition(":")[0]
    package = module.rpartition(".")[0]
    if package:
        yield from import_slices(package)
    else:
        yield partial(import_module, module)
