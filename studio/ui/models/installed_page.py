"""The installed models: add, check, convert, move and remove them, and see whether they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.formats.suffixes import CONVERTIBLE_WEIGHTS, MODEL_WEIGHTS
from studio.protocol import ModelRef, Problem, readable_size
from studio.ui.models.added_folders import FolderSearch
from studio.ui.models.convert_offer import ConvertOffer
from studio.ui.models.folder_list import FolderList
from studio.ui.models.installed_list import InstalledList
from studio.ui.models.model_work import model_work_of
from studio.ui.models.starter_bar import StarterBar
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dialog_frame import show_dialog
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.jobs.model_usage import ModelUsage

_WEIGHT_FILTER = " ".join(
    f"*{suffix}" for suffix in dict.fromkeys((*MODEL_WEIGHTS, *CONVERTIBLE_WEIGHTS))
)


class InstalledPage(QWidget):
    """Empty until `refresh`. `task` is the group to select first; empty for the first group."""

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._work = model_work_of(state)
        self.setObjectName("models.installed")
        self.view = InstalledList(state, task, self)
        self.view.rebuilt.connect(self._rebuilt)
        self.view.itemSelectionChanged.connect(self._show_chosen)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.about = TintedLabel(self)
        self.about.setObjectName("models.about")
        self.about.setWordWrap(True)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.undo = self._button(self.tr("Undo"), "undo-2", "models.undo", self._work.undo)
        self.undo.hide()
        self.convert = ConvertOffer(state, self)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress.setAccessibleName(self.tr("Progress"))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.folders = FolderList(self)
        self.folders.removed.connect(self._remove_folder)
        self._search = FolderSearch(state, self)
        self._search.progressed.connect(self._show_search)
        self._search.ended.connect(self._search_ended)
        self._left: list[str] = []
        self._adding = Path()
        self._note: tuple[str, bool] | None = None
        """What was said about the last action; it stays until another model is chosen."""
        self.starter = StarterBar(state, self)
        said = QHBoxLayout()
        said.setSpacing(GRID)
        said.addWidget(self.about, 1)
        said.addWidget(self.undo, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self.convert, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.view, 1)
        layout.addLayout(said)
        layout.addWidget(self.progress)
        layout.addLayout(self._make_buttons())
        layout.addWidget(self.folders)
        layout.addWidget(self.starter)
        self._work.changed.connect(self._show_work)
        self._work.progressed.connect(self._show_progress)
        self._work.ended.connect(self._work_ended)
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.view)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._remove)
        state.models_changed.connect(self.refresh)
        self._show_work()

    def refresh(self) -> None:
        """Rebuild the list, keeping the selection."""
        self.view.rebuild()
        self._state.read_models(lambda registry: registry.folders(), self.folders.show_reports)
        self._read_usage()

    def close_search(self) -> None:
        """End a running search of a folder."""
        self._search.cancel()

    def select(self, id: str) -> None:
        """Select a model in the list."""
        self.view.select(id)

    # ---- private

    def _rebuilt(self) -> None:
        if self._note is None:
            self._show_chosen()
        else:
            self._say(*self._note)
            self.undo.setVisible(self._work.can_undo)
            self._enable_buttons()

    def _read_usage(self) -> None:
        models, library, paths = self._state.all_models, self._state.library, self._state.paths

        def read() -> dict[str, ModelUsage]:
            from studio.jobs.model_usage import model_usage

            return {each.model.id: each for each in model_usage(models, library, paths)}

        def shown(usage: dict[str, ModelUsage]) -> None:
            self.view.show_usage(usage)
            self._enable_buttons()

        self._state.background.waiting(self, read, shown, self._refused)

    def _button(
        self, text: str, icon_name: str, name: str, clicked: Callable[[], object]
    ) -> QPushButton:
        return dialog_button(text, name, clicked, self, icon_name)

    def _make_buttons(self) -> QHBoxLayout:
        folder = self._button(
            self.tr("Add folder…"), "folder-plus", "models.add_folder", self._add_folder
        )
        file = self._button(self.tr("Add file…"), "file-plus", "models.add_file", self._add_file)
        self.verify = self._button(
            self.tr("Check files"), "shield-check", "models.verify", self._verify
        )
        self.move_to = self._button(
            self.tr("Move…"), "arrow-left-right", "models.move", self._choose_target
        )
        self.show_folder = self._button(
            self.tr("Open folder"), "folder-open", "models.show_folder", self._open_folder
        )
        self.remove = self._button(self.tr("Remove"), "trash-2", "models.remove", self._remove)
        self.stop = self._button(self.tr("Cancel"), "square", "models.stop_search", self._cancel)
        self.stop.hide()
        more = QToolButton(self)
        more.setIcon(icon("ellipsis"))
        more.setObjectName("models.more")
        more.setAccessibleName(self.tr("More"))
        more.setToolTip(self.tr("More"))
        more.setAutoRaise(True)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        menu.addAction(icon("copy"), self.tr("Find duplicates…"), self.find_duplicates)
        menu.addAction(icon("archive-restore"), self.tr("Removed models…"), self.show_trash)
        more.setMenu(menu)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (folder, file, self.stop):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.verify, self.move_to, self.show_folder, self.remove):
            row.addWidget(button)
        row.addWidget(more)
        return row

    def _show_menu(self, place: QPoint) -> None:
        if not self.view.chosen_ids():
            return
        menu = QMenu(self)
        for button in (self.verify, self.convert, self.move_to, self.show_folder, self.remove):
            if button is not self.convert or not self.convert.isHidden():
                action = menu.addAction(button.icon(), button.text(), button.click)
                action.setEnabled(button.isEnabled())
        only = menu.addAction(self.tr("Take off the list, keep the files"), self._take_off)
        only.setEnabled(self.remove.isEnabled())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _chosen_names(self) -> list[str]:
        names = {model.id: model.name for model in self.view.chosen()}
        return [names.get(id, id) for id in self.view.chosen_ids()]

    def _say(self, text: str, is_problem: bool) -> None:
        self._note = (text, is_problem)
        self.about.show_text(text, "error" if is_problem else None)

    def _show_chosen(self) -> None:
        self._note = None
        self.undo.hide()
        self._enable_buttons()
        ids, models = self.view.chosen_ids(), self.view.chosen()
        if not self._work.is_running and not self._search.is_running:
            self.convert.look_at(list(zip(ids, self._chosen_names(), strict=True)))
            self.about.show_text(self._text(ids, models))

    def _text(self, ids: list[str], models: list[ModelRef]) -> str:
        if len(ids) > 1:
            usages = [self.view.usage_of(model.id) for model in models]
            sizes = [
                model.size if usage is None else usage.size
                for model, usage in zip(models, usages, strict=True)
            ]
            text = self.tr("{n} models selected").format(n=len(ids))
            return f"{text} · {readable_size(sum(sizes))}"
        if not models:
            problem = self._state.model_problems().get(ids[0]) if ids else None
            return "" if problem is None else translated(problem.message)
        model = models[0]
        fit = self._state.fit(model)
        parts = [
            model.path,
            self.tr("Licence: {name}").format(name=model.licence) if model.licence else "",
            self.tr("Context: {n} tokens").format(n=f"{model.context:,}") if model.context else "",
            translated(fit.sentence) if fit is not None else "",
        ]
        return " · ".join(part for part in parts if part)

    def _enable_buttons(self) -> None:
        models, is_free = self.view.chosen(), not self._work.is_running
        has_some = bool(self.view.chosen_ids()) and is_free
        starter = any(model.is_starter for model in models)
        usages = [usage for model in models if (usage := self.view.usage_of(model.id)) is not None]
        own = [usage for usage in usages if usage.is_own]
        self.verify.setEnabled(has_some)
        self.remove.setEnabled(has_some and not starter)
        self.move_to.setEnabled(has_some and bool(models) and len(own) == len(models))
        self.show_folder.setEnabled(len(models) == 1)
        if starter:
            tip = self.tr("Starter models stay in the list")
        elif own:
            size = readable_size(sum(usage.size for usage in own))
            tip = self.tr("Move the files ({size}) to the trash; this can be undone")
            tip = tip.format(size=size)
        else:
            tip = self.tr("Remove it from this list; the files stay on the disk")
        self.remove.setToolTip(plain_tooltip(tip))
        self.move_to.setToolTip(
            plain_tooltip(self.tr("Move the files to another folder or disk"))
            if self.move_to.isEnabled()
            else plain_tooltip(self.tr("Only files in the models folder can be moved"))
        )

    # ---- adding

    def _add_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Add folder…"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        self._open_dialog(dialog)

    def _add_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Add file…"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [
                self.tr("Models") + f" ({_WEIGHT_FILTER})",
                self.tr("All files") + " (*)",
            ]
        )
        self._open_dialog(dialog)

    def _open_dialog(self, dialog: QFileDialog) -> None:
        dialog.filesSelected.connect(self.add_paths)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def add_paths(self, paths: Sequence[str]) -> None:
        """Add models, and folders with all models in them; says below the list what was found."""
        self._left += paths
        self._add_next()

    def _add_next(self) -> None:
        if self._search.is_running or not self._left:
            return
        self._show_search(0)
        self.convert.hide()
        self.undo.hide()
        self._adding = Path(self._left.pop(0))
        self._search.start(self._adding)
        self._show_work()

    def _show_search(self, folders: int) -> None:
        self.about.show_text(
            self.tr("Searching for models: {n} folders so far…").format(n=folders)
            if folders
            else self.tr("Searching for models…")
        )

    def _search_ended(self, text: str, is_problem: bool) -> None:
        self._show_work()
        self._say(text, is_problem)
        if is_problem:
            self.convert.look_at_path(self._adding)
        self._add_next()

    def _cancel(self) -> None:
        self._left.clear()
        self._search.cancel()
        self._work.cancel()

    def _remove_folder(self, path: str) -> None:
        self._state.change_models(
            lambda registry: registry.remove_folder(path), None, self._refused
        )

    def _refused(self, problem: Problem) -> None:
        self._say(translated(problem.message), True)

    # ---- work on the selected models

    def _verify(self) -> None:
        self._work.check(self.view.chosen_ids(), self._chosen_names())

    def _remove(self) -> None:
        if self.remove.isEnabled():
            self._work.remove(self.view.chosen_ids(), self._chosen_names(), files=True)

    def _take_off(self) -> None:
        self._work.remove(self.view.chosen_ids(), self._chosen_names(), files=False)

    def _choose_target(self) -> None:
        dialog = QFileDialog(self, self.tr("Move…"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.move_chosen)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def move_chosen(self, folder: str) -> None:
        """Move the files of the selected models into a folder."""
        self._work.move(self.view.chosen_ids(), self._chosen_names(), Path(folder))

    def _show_work(self) -> None:
        is_busy = self._work.is_running or self._search.is_running
        self.progress.setRange(0, 0)
        self.progress.setVisible(is_busy)
        self.stop.setVisible(is_busy)
        self._enable_buttons()
        if is_busy:
            self.undo.hide()

    def _show_progress(self, text: str, share: float) -> None:
        if self._work.is_running:
            self.about.show_text(text)
            self.progress.setRange(0, 1000 if share else 0)
            self.progress.setValue(round(1000 * share))

    def _work_ended(self, text: str, is_problem: bool) -> None:
        self._say(text, is_problem)
        self.undo.setVisible(self._work.can_undo)

    def _open_folder(self) -> None:
        model = self.view.chosen()[0]
        path = Path(model.path)
        open_path(path if path.is_dir() else path.parent, self._state.show_message)

    def find_duplicates(self) -> None:
        """Open a dialog that looks for weights that are on the disk more than once."""
        from studio.ui.models.duplicates_dialog import DuplicatesDialog

        dialog = DuplicatesDialog(self._state, self)
        dialog.model_chosen.connect(self.select)
        show_dialog(dialog)

    def show_trash(self) -> None:
        """Open a dialog with the models in the trash."""
        from studio.ui.models.trash_dialog import TrashDialog

        show_dialog(TrashDialog(self._state, self))
