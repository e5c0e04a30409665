"""Opens the command palette over the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtWidgets import QApplication, QWidget

from studio.ui.shell.state import AppState
from studio.ui.shell.window.actions import WindowAction
from studio.ui.shell.window.command_palette import CommandPalette
from studio.ui.shell.window.palette_entries import (
    RECENT,
    action_entries,
    button_entries,
    model_entries,
    prompt_entries,
    setting_entries,
)
from studio.ui.style.theme import Scheme, apply_scheme


def toggle_palette(
    window: QWidget,
    state: AppState,
    actions: Sequence[WindowAction],
    show_task: Callable[[str], object],
    open_settings: Callable[[str], object],
) -> None:
    """Open the palette, or close it if it is open; recent prompts are added once they are read."""
    is_open = window.findChild(CommandPalette)
    if is_open is not None:
        is_open.close()
        return

    def choose_scheme(scheme: Scheme) -> None:
        state.settings.colour_scheme = scheme
        apply_scheme(cast(QApplication, QApplication.instance()), scheme)
        state.save_soon()

    palette = CommandPalette(
        [
            *action_entries(actions),
            *button_entries(window, show_task),
            *model_entries(state, window, show_task),
            *setting_entries(open_settings, choose_scheme),
        ],
        window,
    )
    library = state.library
    if library is not None:
        state.background.read(
            palette,
            lambda: library.assets.recent(RECENT),
            lambda assets: palette.add(list(prompt_entries(state, assets))),
            lambda _: None,
        )
