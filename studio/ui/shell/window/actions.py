"""What can be done in the window: the source of its shortcuts, the palette and the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from studio.kinds.registry import kinds
from studio.ui.shell.state import AppState
from studio.ui.shell.tabs import Tabs, tab_key
from studio.ui.shell.window.library_place import LibraryPlace
from studio.ui.shell.workspace import Workspace
from studio.ui.style.translations import tr


@dataclass(frozen=True)
class WindowAction:
    """An action of the window; `keys` are alternatives."""

    name: str
    icon: str
    text: str
    run: Callable[[], object]
    keys: tuple[str, ...] = ()


class ActsOnWindow(Protocol):
    """What the actions need of the window."""

    state: AppState
    tabs: Tabs
    library_place: LibraryPlace

    @property
    def current_task(self) -> str: ...
    def tab(self, task: str, /) -> Workspace: ...
    def toggle_queue(self) -> None: ...
    def show_palette(self) -> None: ...
    def open_batch(self) -> object: ...
    def open_models(self) -> None: ...
    def find_models(self) -> None: ...
    def show_downloads(self) -> None: ...
    def open_settings(self) -> None: ...
    def show_messages(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def show_about(self) -> None: ...
    def close(self) -> bool: ...


def window_actions(window: ActsOnWindow) -> Iterator[WindowAction]:
    """Yield the actions in the order of the shortcut sheet."""

    def shown() -> Workspace:
        return window.tab(window.current_task)

    def pause(paused: bool) -> None:
        window.state.set_paused(paused)

    def side() -> None:
        window.library_place.set_side_open(not window.library_place.side_open)

    generate = ("Ctrl+Return", "Ctrl+Enter")
    yield WindowAction("generate", "sparkles", tr("Generate"), lambda: shown().generate(), generate)
    stop = tr("Stop, or cancel editing an earlier message")
    yield WindowAction("stop", "square", stop, lambda: shown().stop(), ("Escape",))
    prompt = tr("Go to the prompt")
    yield WindowAction("prompt", "pencil", prompt, lambda: shown().focus_prompt(), ("Ctrl+L",))
    palette = tr("Command palette: find actions, models and prompts")
    yield WindowAction("palette", "search", palette, window.show_palette, ("Ctrl+K",))
    for place in range(window.tabs.count()):
        yield WindowAction(
            f"tab.{place}",
            window.tabs.icon_name(place),
            window.tabs.tabText(place),
            partial(window.tabs.setCurrentIndex, place),
            tuple(filter(None, [tab_key(place)])),
        )
    for place, task in enumerate(window.tabs.hidden, window.tabs.count()):
        kind = kinds()[task]
        keys = tuple(filter(None, [tab_key(place)]))
        show = partial(window.tabs.show_task, task)
        yield WindowAction(f"tab.{task}", kind.icon, tr(kind.title), show, keys)
    search = tr("Search the results")
    yield WindowAction("search", "search", search, window.library_place.search, ("Ctrl+F",))
    at_side = tr("Library at the side: show or hide")
    yield WindowAction("side", "images", at_side, side, ("Ctrl+\\",))
    queue = tr("Queue: show or hide")
    yield WindowAction("queue", "clock", queue, window.toggle_queue, ("Ctrl+J",))
    yield WindowAction("pause", "pause", tr("Pause the queue"), partial(pause, True))
    yield WindowAction("resume", "play", tr("Resume the queue"), partial(pause, False))
    yield WindowAction("batch", "list-todo", tr("Batch"), window.open_batch, ("Ctrl+B",))
    models = window.open_models
    yield WindowAction("models", "package", tr("Models"), lambda: models(), ("Ctrl+M",))
    find = window.find_models
    yield WindowAction("get", "search", tr("Get models"), lambda: find())
    yield WindowAction("downloads", "download", tr("Downloads"), window.show_downloads)
    settings = ("Ctrl+,",)
    yield WindowAction("settings", "settings", tr("Settings"), window.open_settings, settings)
    yield WindowAction("messages", "bell", tr("Earlier messages"), window.show_messages)
    sheet = tr("Keyboard shortcuts")
    yield WindowAction("shortcuts", "keyboard", sheet, window.show_shortcuts, ("F1",))
    yield WindowAction("about", "info", tr("About Prompt Studio"), window.show_about)
    yield WindowAction("quit", "x", tr("Quit"), window.close, ("Ctrl+Q",))
