"""Putting results into collections and taking them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QMenu

from studio.library.records import Asset
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr


def fill_collections(
    menu: QMenu,
    chosen: Sequence[Asset],
    collections: Sequence[tuple[str, int]],
    put: Callable[[str], object],
    take: Callable[[str], object],
    new: Callable[[], object],
) -> None:
    """Fill the menu of collections: those that all results are in have a check mark."""
    for name, count in collections:
        # An ampersand in a name is no shortcut.
        action = menu.addAction(f"{name.replace('&', '&&')} ({count})")
        action.setCheckable(True)
        inside = bool(chosen) and all(name in asset.collections for asset in chosen)
        action.setChecked(inside)
        act = take if inside else put
        action.triggered.connect(lambda _=False, act=act, name=name: act(name))
    if collections:
        menu.addSeparator()
    menu.addAction(icon("folder-plus"), tr("New collection…"), new)
