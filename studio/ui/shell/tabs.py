"""The tabs, one per kind. A workspace is built when first shown, or in slices after startup."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QIcon
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
    """Object name `tabs`. Titles, icons and workspaces come from the registered kinds.

    Kinds whose tab needs a model get it after all others, once there is one or it is asked for.
    """

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
        self._last_task = ""
        self._icons: list[str] = []
        self._icons_shown = True
        self._icon_width = 0.0
        self._page_was_shown = False
        self.setObjectName("tabs")
        self.setAccessibleName(self.tr("Tasks"))
        self.setDocumentMode(True)
        self.setIconSize(QSize(18, 18))
        # A file that is dragged over a tab opens it, so that it can be dropped there.
        self.tabBar().setChangeCurrentOnDrag(True)
        self._additional: QWidget | None = None
        with_tab = {task: kind for task, kind in kinds().items() if kind.workspace}
        self._hidden = [task for task, kind in with_tab.items() if kind.tab_needs_model]
        for task in with_tab:
            if task not in self._hidden:
                self._add(task)
        self._first = tuple(self._pages)
        state.models_changed.connect(self._show_those_with_models)

    def add_page(self, icon_name: str, title: str) -> QWidget:
        """Add a page that belongs to no kind, after their tabs."""
        page = QWidget()
        self._add_tab(page, icon_name, title)
        self._additional = page
        return page

    @property
    def hidden(self) -> tuple[str, ...]:
        """The tasks whose tabs are not shown yet."""
        return tuple(self._hidden)

    def width_with_icons(self) -> int:
        """Return the width of all tabs with their icons, also while these are left out."""
        width = self.tabBar().sizeHint().width()
        return width if self._icons_shown else width + round(self._icon_width * self.count())

    def show_icons(self, shown: bool) -> None:
        """Show the icons of the tabs, or leave them out where there is no room for them."""
        if shown == self._icons_shown or not self.count():
            return
        self._icons_shown = shown
        before = self.tabBar().sizeHint().width()
        for place, name in enumerate(self._icons):
            self.setTabIcon(place, icon(name) if shown else QIcon())
        self._icon_width = abs(before - self.tabBar().sizeHint().width()) / self.count()

    def icon_name(self, place: int) -> str:
        """Return the name of a tab's icon."""
        return self._icons[place]

    @property
    def is_page_shown(self) -> bool:
        """Whether the page that belongs to no kind is shown."""
        return self.currentWidget() is self._additional

    def show_page(self) -> None:
        """Show the page that belongs to no kind."""
        if self._additional is not None:
            self.setCurrentWidget(self._additional)

    def open_first(self, task: str) -> None:
        """Build and show the tab of a task, or the first tab if there is no such task."""
        if task in self._hidden:
            self._reveal(task)
        first = task if task in self._pages else next(iter(self._pages))
        self._last_task = first
        self.setCurrentWidget(self._pages[first])
        self._build(first)
        self.currentChanged.connect(self._current_changed)
        self._built[first].focus_prompt()

    def has(self, task: str) -> bool:
        """Return whether a task has a tab; some kinds are for the command line and tables."""
        return task in self._pages or task in self._hidden

    def workspace(self, task: str) -> Workspace:
        """Return the workspace of a task, building it if necessary."""
        self._reveal(task)
        self._build(task)
        return self._built[task]

    def show_task(self, task: str) -> Workspace:
        """Switch to the tab of a task and return its workspace."""
        self._reveal(task)
        self.setCurrentWidget(self._pages[task])
        return self.workspace(task)

    @property
    def current_task(self) -> str:
        """The task of the tab that is shown, or that was shown before the additional page."""
        return self._last_task

    @property
    def is_complete(self) -> bool:
        """Whether every workspace has been built whose tab was there from the beginning."""
        return all(task in self._built for task in self._first)

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
        for task in self._first:
            if task not in self._built:
                yield from _imports(task)
                yield partial(self._build, task)

    # ---- private

    def _add(self, task: str) -> None:
        kind = kinds()[task]
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID)
        self._pages[task] = page
        self._add_tab(page, kind.icon, tr(kind.title))

    def _add_tab(self, page: QWidget, icon_name: str, title: str) -> None:
        index = self.addTab(page, icon(icon_name) if self._icons_shown else QIcon(), title)
        self._icons.append(icon_name)
        self.setTabToolTip(index, tab_key(index))

    def _reveal(self, task: str) -> None:
        if task in self._hidden:
            self._hidden.remove(task)
            self._add(task)

    def _show_those_with_models(self) -> None:
        for task in self.hidden:
            if self._state.models(task):
                self._reveal(task)

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
        page = self.widget(index)
        task = next(task for task, each in self._pages.items() if each is page)
        self._last_task = task
        self._build(task)
        self._built[task].focus_prompt()
        self.task_changed.emit(task)


def tab_key(place: int) -> str:
    """Return the key that shows a tab: Ctrl with 1 to 9, and 0 for the tenth; then none."""
    return f"Ctrl+{(place + 1) % 10}" if place < 10 else ""


def _imports(task: str) -> Iterator[Slice]:
    module = kinds()[task].workspace.partition(":")[0]
    package = module.rpartition(".")[0]
    if package:
        yield from import_slices(package)
    else:
        yield partial(import_module, module)
