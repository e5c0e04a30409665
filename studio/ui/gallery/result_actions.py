"""The actions on results, each with the results it applies to.

The menus, buttons and keyboard shortcuts of History and of a shown result are built from these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.kinds.kind import Medium
from studio.kinds.registry import kind_if_known, kind_of, kinds, known_kind, prompted_kind
from studio.kinds.requests import unsupported_reason
from studio.library.records import Asset
from studio.ui.gallery.rerun import Rerun
from studio.ui.gallery.result_operations import ResultOperations
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.dialog_frame import show_dialog

if TYPE_CHECKING:
    from studio.library.recipes.export import ExportFormat

MAX_COMPARED = 4


@dataclass(frozen=True, kw_only=True)
class ResultAction:
    """An action on the selected results.

    Attributes:
        name: the last part of its object names.
        icon, text: of its menu entry.
        run: called with the results that it applies to.
        keys: the keyboard shortcut in History, "" for none.
        undo_text: replaces `text` if `is_done` is true for all selected results.
        media: the media of the results that it applies to; none for any.
        suits: whether it applies to a result of those media.
        minimum: minimum number of results that it applies to.
        maximum: maximum number of selected results, None for any.
        hint: shown if it is invoked but not enabled.
        leaves_library: whether it shows another part of the window.
        replaces: name of the action whose entry it takes where it is enabled; elsewhere it has
            none. "" for an entry of its own.
    """

    name: str
    icon: str
    text: str
    run: Callable[[list[Asset]], object]
    keys: str = ""
    undo_text: str = ""
    is_done: Callable[[Asset], bool] = lambda _: False
    media: tuple[Medium, ...] = ()
    suits: Callable[[Asset], bool] = lambda _: True
    minimum: int = 1
    maximum: int | None = None
    hint: str = ""
    leaves_library: bool = False
    replaces: str = ""

    def applicable(self, chosen: Sequence[Asset]) -> list[Asset]:
        """Return the selected results that it applies to."""
        of_medium = (one for one in chosen if not self.media or one.medium in self.media)
        return [asset for asset in of_medium if self.suits(asset)]

    def is_enabled(self, chosen: Sequence[Asset]) -> bool:
        """Return whether it can be run on the selected results."""
        few_enough = self.maximum is None or len(chosen) <= self.maximum
        return few_enough and len(self.applicable(chosen)) >= self.minimum

    def text_for(self, chosen: Sequence[Asset]) -> str:
        """Return the text of its menu entry for the selected results."""
        undoes = bool(self.undo_text) and bool(chosen) and all(map(self.is_done, chosen))
        return self.undo_text if undoes else self.text


class ResultActions(QObject):
    """All actions by name, in menu order."""

    def __init__(self, state: AppState, window: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._widget = window
        self.operations = ResultOperations(state, window, self)
        self.rerun = Rerun(state, self._compare, self)
        self._all = {action.name: action for action in self._declared()}

    def __getitem__(self, name: str) -> ResultAction:
        return self._all[name]

    def __iter__(self) -> Iterator[ResultAction]:
        return iter(self._all.values())

    def with_entry(self, chosen: Sequence[Asset]) -> list[ResultAction]:
        """Return the actions that a menu shows for the selected results."""
        instead = {
            one.name: one.replaces for one in self if one.replaces and one.is_enabled(chosen)
        }
        return [
            one
            for one in self
            if one.name not in instead.values() and (one.name in instead or not one.replaces)
        ]

    def do(self, name: str, chosen: Sequence[Asset]) -> None:
        """Run an action on the selected results, or show its hint if it is not enabled."""
        action = self._all[name]
        if action.is_enabled(chosen):
            action.run(action.applicable(chosen))
        elif action.hint:
            self._state.show_message(action.hint, "info")

    # ---- declarations

    def _declared(self) -> Iterator[ResultAction]:
        operations = self.operations
        yield ResultAction(
            name="use",
            icon="sliders-horizontal",
            text=tr("Use these settings"),
            keys="U",
            leaves_library=True,
            maximum=1,
            suits=_is_known,
            run=lambda chosen: self._state.destinations.restore(chosen[0]),
            hint=tr(
                "Another version of Prompt Studio made this. Its settings cannot be shown here."
            ),
        )
        yield ResultAction(
            name="more_like",
            icon="copy-plus",
            text=tr("More like this"),
            keys="M",
            leaves_library=True,
            maximum=1,
            suits=_can_vary,
            run=lambda chosen: self.rerun.more_like(chosen[0]),
        )
        yield ResultAction(
            name="reproduce",
            icon="repeat",
            text=tr("Reproduce"),
            maximum=1,
            suits=_can_run,
            run=lambda chosen: self.rerun.reproduce(chosen[0]),
        )
        for kind in kinds().values():
            if kind.action and kind.inputs:
                yield ResultAction(
                    name=kind.task,
                    icon=kind.icon,
                    text=tr(kind.action),
                    media=kind.accepted,
                    maximum=None if kind.accepts_many else 1,
                    run=partial(operations.send, kind.task),
                )
        for kind in kinds().values():
            if kind.text_action:
                yield ResultAction(
                    name=f"text.{kind.task}",
                    icon=kind.icon,
                    text=tr(kind.text_action),
                    media=(Medium.TEXT,),
                    maximum=1,
                    run=partial(operations.send_text, kind.task),
                    replaces=kind.task if kind.action and kind.inputs else "",
                )
        yield ResultAction(
            name="star",
            icon="star",
            text=tr("Star"),
            undo_text=tr("Remove star"),
            is_done=lambda asset: asset.starred,
            keys="S",
            run=operations.toggle_star,
        )
        yield ResultAction(name="tags", icon="tag", text=tr("Tags…"), keys="T", run=self._edit_tags)
        yield ResultAction(name="review", icon="shield-check", text=tr("Review…"), run=self._review)
        yield ResultAction(
            name="compare",
            icon="columns-2",
            text=tr("Compare"),
            keys="C",
            media=(Medium.PICTURE,),
            minimum=2,
            maximum=MAX_COMPARED,
            run=self._compare,
            hint=tr("Select two to four pictures in the library to compare them."),
        )
        yield ResultAction(
            name="compare_videos",
            icon="columns-2",
            text=tr("Compare videos"),
            media=(Medium.VIDEO,),
            maximum=2,
            run=self._compare_videos,
            hint=tr("Select one or two videos in the library to compare them."),
        )
        yield ResultAction(
            name="sheet",
            icon="images",
            text=tr("Contact sheet"),
            media=(Medium.PICTURE,),
            minimum=2,
            run=operations.contact_sheet,
            hint=tr("Select two or more pictures in the library for a contact sheet."),
        )
        yield ResultAction(
            name="copy", icon="copy", text=tr("Copy"), keys="Ctrl+C", run=operations.copy
        )
        yield ResultAction(
            name="open",
            icon="external-link",
            text=tr("Open"),
            maximum=1,
            run=lambda chosen: operations.open(chosen[0]),
        )
        yield ResultAction(
            name="folder",
            icon="folder-open",
            text=tr("Open folder"),
            maximum=1,
            run=lambda chosen: operations.open_folder(chosen[0]),
        )
        yield ResultAction(
            name="export", icon="download", text=tr("Export…"), run=partial(self._export, "")
        )
        formats: tuple[tuple[str, ExportFormat], ...] = (("WebP…", "webp"), ("JPEG…", "jpeg"))
        for text, to_format in formats:
            yield ResultAction(
                name=f"export.{to_format}",
                icon=prompted_kind(Medium.PICTURE).icon,
                text=text,
                media=(Medium.PICTURE,),
                run=partial(self._export, to_format),
            )
        yield ResultAction(
            name="subtitles",
            icon="download",
            text=tr("Subtitles…"),
            suits=_has_words,
            run=self._save_subtitles,
        )
        yield ResultAction(
            name="delete", icon="trash-2", text=tr("Delete"), keys="Del", run=operations.delete
        )

    # ---- actions that open a dialog

    def _edit_tags(self, chosen: list[Asset]) -> None:
        from studio.ui.gallery.tags_dialog import TagsDialog

        dialog = TagsDialog(chosen, self._widget.window())
        dialog.submitted.connect(lambda before, after: self.operations.retag(chosen, before, after))
        show_dialog(dialog)

    def _review(self, chosen: list[Asset]) -> None:
        from studio.ui.gallery.review_dialog import ReviewDialog

        dialog = ReviewDialog(chosen, self._state.settings.reviewer, self._widget.window())
        dialog.submitted.connect(
            lambda state, name, remark: self.operations.review(chosen, state, name, remark)
        )
        show_dialog(dialog)

    def _export(self, to_format: ExportFormat, chosen: list[Asset]) -> None:
        folder = QFileDialog.getExistingDirectory(
            self._widget.window(), self.tr("Choose a folder for the copies")
        )
        if folder:
            self.operations.export_to(chosen, Path(folder), to_format)

    def _save_subtitles(self, sounds: list[Asset]) -> None:
        folder = QFileDialog.getExistingDirectory(
            self._widget.window(), self.tr("Choose a folder for the subtitles")
        )
        if folder:
            self.operations.save_subtitles(sounds, Path(folder))

    def _compare(self, pictures: list[Asset]) -> None:
        from studio.ui.compare.compare_dialog import CompareDialog

        show_dialog(CompareDialog(pictures, self._widget.window()))

    def _compare_videos(self, videos: list[Asset]) -> None:
        from studio.ui.compare.video_compare import VideoCompareDialog

        show_dialog(VideoCompareDialog(self._state, videos, self._widget.window()))


def _has_words(asset: Asset) -> bool:
    kind = known_kind(asset.task)
    return kind is not None and kind.has_words


def _is_known(asset: Asset) -> bool:
    return kind_if_known(asset.recipe.request) is not None


def _can_run(asset: Asset) -> bool:
    return unsupported_reason(asset.recipe.request) is None


def _can_vary(asset: Asset) -> bool:
    return _can_run(asset) and kind_of(asset.recipe.request).is_seeded
