"""The menus of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from studio.library.recipes.export import ExportFormat
from studio.library.records import Asset
from studio.ui.gallery.collections_menu import fill_collections
from studio.ui.shell.translations import tr
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
    add("sliders-horizontal", tr("Use these settings"), commands.use, "use").setEnabled(one)
    add("copy-plus", tr("More like this") + "\tM", commands.more_like, "more_like").setEnabled(
        one and chosen[0].task != "upscale"
    )
    add("repeat", tr("Reproduce"), commands.reproduce, "reproduce").setEnabled(one)
    add("image", tr("Send to Image"), commands.send_to_image, "image").setEnabled(
        one and bool(pictures)
    )
    add("image-upscale", tr("Send to Upscale"), commands.send_to_upscale, "upscale").setEnabled(
        bool(pictures)
    )
    menu.addSeparator()
    star = tr("Take the star away") if starred else tr("Star")
    add("star", f"{star}\tS", commands.star, "star")
    add("tag", tr("Tags…") + "\tT", commands.edit_tags, "tags")
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
    add("columns-2", tr("Compare") + "\tC", commands.compare, "compare").setEnabled(
        2 <= len(pictures) <= 4
    )
    add("images", tr("Contact sheet"), commands.contact_sheet, "sheet").setEnabled(
        len(pictures) >= 2
    )
    menu.addSeparator()
    add("copy", tr("Copy") + "\tCtrl+C", commands.copy, "copy")
    add("external-link", tr("Open"), commands.open, "open").setEnabled(one)
    add("folder-open", tr("Open folder"), commands.open_folder, "folder").setEnabled(one)
    add("download", tr("Export…"), commands.export, "export")
    other = menu.addMenu(icon("download"), tr("Export as"))
    other.setEnabled(bool(pictures))
    formats: tuple[tuple[str, ExportFormat], ...] = (("WebP…", "webp"), ("JPEG…", "jpeg"))
    for text, form in formats:
        add("image", text, partial(commands.export, form), f"export.{form}", other)
    menu.addSeparator()
    add("trash-2", tr("Delete") + "\tDel", commands.delete, "delete")


def fill_more(menu: QMenu, commands: Commands) -> None:
    """Add what concerns the list as a whole."""
    for picture, text, act, name in (
        ("gallery-vertical", tr("Keep or reject one by one…"), commands.cull, "history.cull"),
        ("columns-2", tr("Compare the selected pictures"), commands.compare, "history.compare"),
        ("images", tr("Contact sheet of the selected"), commands.contact_sheet, "history.sheet"),
        ("pencil", tr("Rename the collection…"), commands.rename_collection, "history.rename"),
        ("trash-2", tr("Trash…"), commands.open_trash, "history.trash"),
    ):
        menu.addAction(icon(picture), text, act).setObjectName(name)
