"""The menus of History, made from what can be done with results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QMenu

from studio.library.records import Asset
from studio.ui.gallery.collections_menu import fill_collections
from studio.ui.gallery.history_commands import HistoryCommands
from studio.ui.gallery.result_actions import ResultAction
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr

_GROUPS_BEGIN = frozenset({"star", "copy", "delete"})
"""Actions with a line above them."""

_EXPORT_AS = "export."


def fill_menu(
    menu: QMenu,
    commands: HistoryCommands,
    chosen: Sequence[Asset],
    collections: Sequence[tuple[str, int]] = (),
) -> None:
    """Add what can be done with the chosen results; `collections` with their sizes."""

    def add(action: ResultAction, to: QMenu) -> None:
        text = action.text_for(chosen)
        text = f"{text}\t{action.keys}" if action.keys else text
        entry = to.addAction(icon(action.icon), text, partial(commands.do, action.name))
        entry.setObjectName(f"history.menu.{action.name}")
        entry.setEnabled(action.is_enabled(chosen))

    other = QMenu(tr("Export as"), menu)
    other.setIcon(icon("download"))
    for action in commands.results:
        if action.name in _GROUPS_BEGIN:
            menu.addSeparator()
        if action.name.startswith(_EXPORT_AS):
            if other.isEmpty():
                menu.addMenu(other)
                other.setEnabled(action.is_enabled(chosen))
            add(action, other)
            continue
        add(action, menu)
        if action.name == "tags":
            inside = menu.addMenu(icon("folder-plus"), tr("Collections"))
            inside.setObjectName("history.menu.collections")
            fill_collections(
                inside,
                chosen,
                collections,
                commands.put_into,
                commands.take_out_of,
                commands.new_collection,
            )


def fill_more(menu: QMenu, commands: HistoryCommands) -> None:
    """Add what concerns the list as a whole."""
    compare, sheet = partial(commands.do, "compare"), partial(commands.do, "sheet")
    for picture, text, act, name in (
        ("gallery-vertical", tr("Keep or reject one by one…"), commands.cull, "history.cull"),
        ("columns-2", tr("Compare the selected pictures"), compare, "history.compare"),
        ("images", tr("Contact sheet of the selected"), sheet, "history.sheet"),
        ("pencil", tr("Rename the collection…"), commands.rename_collection, "history.rename"),
        ("trash-2", tr("Trash…"), commands.open_trash, "history.trash"),
    ):
        menu.addAction(icon(picture), text, act).setObjectName(name)
