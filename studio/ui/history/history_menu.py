"""The menus of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from studio.library.export import ExportFormat
from studio.library.records import Asset
from studio.ui.history.collections_menu import fill_collections
from studio.ui.widgets.icons import icon


class Commands(Protocol):
    """What the menus call."""

    def use(self) -> None: ...
    def open(self) -> None: ...
    def open_folder(self) -> None: ...
    def copy(self) -> None: ...
    def star(self) -> None: ...
    def edit_tags(self) -> None: ...
    def delete(self) -> None: ...
    def export(self, to_format: ExportFormat = "") -> None: ...
    def more_like(self) -> None: ...
    def reproduce(self) -> None: ...
    def put_into(self, collection: str) -> None: ...
    def take_out_of(self, collection: str) -> None: ...
    def new_collection(self) -> None: ...
    def rename_collection(self) -> None: ...
    def send_to_image(self) -> None: ...
    def send_to_upscale(self) -> None: ...
    def compare(self) -> None: ...
    def contact_sheet(self) -> None: ...
    def cull(self) -> None: ...
    def open_trash(self) -> None: ...


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def fill_menu(
    menu: QMenu,
    commands: Commands,
    chosen: Sequence[Asset],
    collections: Sequence[tuple[str, int]] = (),
) -> None:
    """Add what can be done with the chosen results; `collections` with their sizes."""

    def add(
        picture: str, text: str, act: Callable[[], object], name: str, to: QMenu = menu
    ) -> QAction:
        action = to.addAction(icon(picture), text, act)
        action.setObjectName(f"history.menu.{name}")
        return action

    pictures = [asset for asset in chosen if asset.task != "text"]
    starred = bool(chosen) and all(asset.starred for asset in chosen)
    one = len(chosen) == 1
    add("sliders-horizontal", _tr("Use these settings"), commands.use, "use").setEnabled(one)
    add("copy-plus", _tr("More like this") + "\tM", commands.more_like, "more_like").setEnabled(
        one and chosen[0].task != "upscale"
    )
    add("repeat", _tr("Reproduce"), commands.reproduce, "reproduce").setEnabled(one)
    add("image", _tr("Send to Image"), commands.send_to_image, "image").setEnabled(
        one and bool(pictures)
    )
    add("image-upscale", _tr("Send to Upscale"), commands.send_to_upscale, "upscale").setEnabled(
        bool(pictures)
    )
    menu.addSeparator()
    star = _tr("Take the star away") if starred else _tr("Star")
    add("star", f"{star}\tS", commands.star, "star")
    add("tag", _tr("Tags…") + "\tT", commands.edit_tags, "tags")
    inside = menu.addMenu(icon("folder-plus"), _tr("Collections"))
    inside.setObjectName("history.menu.collections")
    fill_collections(
        inside,
        chosen,
        collections,
        commands.put_into,
        commands.take_out_of,
        commands.new_collection,
    )
    add("columns-2", _tr("Compare") + "\tC", commands.compare, "compare").setEnabled(
        2 <= len(pictures) <= 4
    )
    add("images", _tr("Contact sheet"), commands.contact_sheet, "sheet").setEnabled(
        len(pictures) >= 2
    )
    menu.addSeparator()
    add("copy", _tr("Copy") + "\tCtrl+C", commands.copy, "copy")
    add("external-link", _tr("Open"), commands.open, "open").setEnabled(one)
    add("folder-open", _tr("Open folder"), commands.open_folder, "folder").setEnabled(one)
    add("download", _tr("Export…"), commands.export, "export")
    other = menu.addMenu(icon("download"), _tr("Export as"))
    other.setEnabled(bool(pictures))
    formats: tuple[tuple[str, ExportFormat], ...] = (("WebP…", "webp"), ("JPEG…", "jpeg"))
    for text, form in formats:
        add("image", text, partial(commands.export, form), f"export.{form}", other)
    menu.addSeparator()
    add("trash-2", _tr("Delete") + "\tDel", commands.delete, "delete")


def fill_more(menu: QMenu, commands: Commands) -> None:
    """Add what concerns the list as a whole."""
    for picture, text, act, name in (
        ("gallery-vertical", _tr("Keep or reject one by one…"), commands.cull, "history.cull"),
        ("columns-2", _tr("Compare the selected pictures"), commands.compare, "history.compare"),
        ("images", _tr("Contact sheet of the selected"), commands.contact_sheet, "history.sheet"),
        ("pencil", _tr("Rename the collection…"), commands.rename_collection, "history.rename"),
        ("trash-2", _tr("Trash…"), commands.open_trash, "history.trash"),
    ):
        menu.addAction(icon(picture), text, act).setObjectName(name)
