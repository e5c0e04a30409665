"""The menus of History, built from the actions on results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from studio.library.records import Asset
from studio.ui.gallery.collections_menu import fill_collections
from studio.ui.gallery.history_commands import HistoryCommands
from studio.ui.gallery.result_actions import ResultAction
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button

_GROUPS_BEGIN = frozenset({"star", "copy", "delete"})
"""Actions with a separator above them."""

_EXPORT_PREFIX = "export."


def fill_menu(
    menu: QMenu,
    commands: HistoryCommands,
    chosen: Sequence[Asset],
    collections: Sequence[tuple[str, int]] = (),
) -> None:
    """Add the actions for the selected results; `collections` are (name, size)."""

    def add(action: ResultAction, to: QMenu) -> None:
        text = action.text_for(chosen)
        text = f"{text}\t{action.keys}" if action.keys else text
        entry = to.addAction(icon(action.icon), text, partial(commands.do, action.name))
        entry.setObjectName(f"history.menu.{action.name}")
        entry.setEnabled(action.is_enabled(chosen))

    export_menu = QMenu(tr("Export as"), menu)
    export_menu.setIcon(icon("download"))
    for action in commands.results.with_entry(chosen):
        if action.name in _GROUPS_BEGIN:
            menu.addSeparator()
        if action.name.startswith(_EXPORT_PREFIX):
            if export_menu.isEmpty():
                menu.addMenu(export_menu)
                export_menu.setEnabled(action.is_enabled(chosen))
            add(action, export_menu)
            continue
        add(action, menu)
        if action.name == "tags":
            collections_menu = menu.addMenu(icon("folder-plus"), tr("Collections"))
            collections_menu.setObjectName("history.menu.collections")
            fill_collections(
                collections_menu,
                chosen,
                collections,
                commands.add_to,
                commands.remove_from,
                commands.new_collection,
            )


def fill_more(menu: QMenu, commands: HistoryCommands) -> None:
    """Add the actions on the list as a whole; what nothing is selected for is disabled."""
    compare, sheet = partial(commands.do, "compare"), partial(commands.do, "sheet")
    several = commands.selected_count() > 1
    for icon_name, text, act, name, is_enabled in (
        (
            "gallery-vertical",
            tr("Keep or reject one by one…"),
            commands.cull,
            "history.cull",
            commands.listed_count() > 0,
        ),
        ("columns-2", tr("Compare the selected pictures"), compare, "history.compare", several),
        ("images", tr("Contact sheet of the selected pictures"), sheet, "history.sheet", several),
        ("images", tr("Contact sheets…"), commands.show_sheets, "history.sheets", True),
        (
            "pencil",
            tr("Rename collection…"),
            commands.rename_collection,
            "history.rename",
            bool(commands.collection()),
        ),
        ("trash-2", tr("Trash…"), commands.open_trash, "history.trash", True),
    ):
        action = menu.addAction(icon(icon_name), text, act)
        action.setObjectName(name)
        action.setEnabled(is_enabled)


def more_button(commands: HistoryCommands, parent: QWidget) -> QToolButton:
    """Create the button that opens the menu of `fill_more`."""
    button = tool_button("ellipsis", tr("More"), "history.more", parent)
    menu = QMenu(button)

    def fill() -> None:
        menu.clear()
        fill_more(menu, commands)

    fill()
    menu.aboutToShow.connect(fill)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return button
