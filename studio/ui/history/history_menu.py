"""The menus of History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from studio.library.records import Asset
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
    def export(self) -> None: ...
    def send_to_image(self) -> None: ...
    def send_to_upscale(self) -> None: ...
    def compare(self) -> None: ...
    def cull(self) -> None: ...
    def open_trash(self) -> None: ...


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def fill_menu(menu: QMenu, commands: Commands, chosen: Sequence[Asset]) -> None:
    """Add what can be done with the chosen results."""

    def add(picture: str, text: str, act: Callable[[], None], name: str) -> QAction:
        action = menu.addAction(icon(picture), text, act)
        action.setObjectName(f"history.menu.{name}")
        return action

    pictures = [asset for asset in chosen if asset.task != "text"]
    starred = bool(chosen) and all(asset.starred for asset in chosen)
    one = len(chosen) == 1
    add("sliders-horizontal", _tr("Use these settings"), commands.use, "use").setEnabled(one)
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
    add("columns-2", _tr("Compare") + "\tC", commands.compare, "compare").setEnabled(
        2 <= len(pictures) <= 4
    )
    menu.addSeparator()
    add("copy", _tr("Copy") + "\tCtrl+C", commands.copy, "copy")
    add("external-link", _tr("Open"), commands.open, "open").setEnabled(one)
    add("folder-open", _tr("Open folder"), commands.open_folder, "folder").setEnabled(one)
    add("download", _tr("Export…"), commands.export, "export")
    menu.addSeparator()
    add("trash-2", _tr("Delete") + "\tDel", commands.delete, "delete")


def fill_more(menu: QMenu, commands: Commands) -> None:
    """Add what concerns the list as a whole."""
    for picture, text, act, name in (
        ("gallery-vertical", _tr("Keep or reject one by one…"), commands.cull, "history.cull"),
        ("columns-2", _tr("Compare the selected pictures"), commands.compare, "history.compare"),
        ("trash-2", _tr("Trash…"), commands.open_trash, "history.trash"),
    ):
        menu.addAction(icon(picture), text, act).setObjectName(name)
