"""The menu that adds results to collections and removes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QMenu

from studio.library.records import Asset
from studio.ui.gallery.filters import most_used
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import menu_text

MAX_IN_MENU = 100


def fill_collections(
    menu: QMenu,
    chosen: Sequence[Asset],
    collections: Sequence[tuple[str, int]],
    add: Callable[[str], object],
    remove: Callable[[str], object],
    new: Callable[[], object],
) -> None:
    """Fill the menu with (name, size) of the largest collections.

    Those containing all results are checked.
    """
    for name, count in most_used(collections, MAX_IN_MENU):
        action = menu.addAction(f"{menu_text(name)} ({count})")
        action.setCheckable(True)
        contains_all = bool(chosen) and all(name in asset.collections for asset in chosen)
        action.setChecked(contains_all)
        act = remove if contains_all else add
        action.triggered.connect(lambda _=False, act=act, name=name: act(name))
    if collections:
        menu.addSeparator()
    menu.addAction(icon("folder-plus"), tr("New collection…"), new)
