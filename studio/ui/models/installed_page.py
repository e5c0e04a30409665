"""The installed models: list, add, remove and check them, and see whether they fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.formats.suffixes import CONVERTIBLE_WEIGHTS, MODEL_WEIGHTS
from studio.kinds.registry import kinds
from studio.protocol import ModelRef, Problem, readable_size
from studio.ui.models.added_folders import FolderSearch
from studio.ui.models.convert_offer import ConvertOffer
from studio.ui.models.folder_list import FolderList
from studio.ui.models.model_titles import kind_text
from studio.ui.models.starter_bar import StarterBar
from studio.ui.shell.state import AppState
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, severity_colour
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

ROW_HEIGHT = 3 * GRID
_WEIGHT_FILTER = " ".join(
    f"*{suffix}" for suffix in dict.fromkeys((*MODEL_WEIGHTS, *CONVERTIBLE_WEIGHTS))
)

_MODEL = Qt.ItemDataRole.UserRole


class InstalledPage(QWidget):
    """`task` is the group to select first; empty for the first group."""

    def __init__(self, state: AppState, task: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._task = task
        self.setObjectName("models.installed")
        self.view = QTreeWidget(self)
        self.view.setObjectName("models.view")
        self.view.setAccessibleName(self.tr("Models"))
        self.view.setColumnCount(4)
        self.view.setHeaderLabels(
            [self.tr("Name"), self.tr("Kind"), self.tr("On disk"), self.tr("Memory")]
        )
        self.view.setIconSize(QSize(18, 18))
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        header = self.view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.view.currentItemChanged.connect(self._show_chosen)
        self.about = TintedLabel(self)
        self.about.setObjectName("models.about")
        self.about.setWordWrap(True)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.convert = ConvertOffer(state, self)
        self.convert.ended.connect(self._say)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 0)
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.about)
        layout.addWidget(self.convert, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.progress)
        layout.addLayout(self._make_buttons())
        layout.addWidget(self.folders)
        layout.addWidget(self.starter)
        state.models_changed.connect(self.refresh)
        # Not now: with many models, the dialog would open late.
        QTimer.singleShot(0, self, self.refresh)

    def refresh(self) -> None:
        """Rebuild the list, keeping the selection."""
        chosen = self._chosen()
        note = self._note
        self.view.clear()
        first: QTreeWidgetItem | None = None
        selected: QTreeWidgetItem | None = None
        for task, kind in kinds().items():
            group = self._group(tr(kind.title), kind.icon)
            models = self._state.models(task)
            for model in models:
                item = self._row(group, model)
                if first is None and self._task in ("", task):
                    first = item
                if chosen is not None and chosen.id == model.id:
                    selected = item
            if not models:
                none = QTreeWidgetItem(group, [self.tr("None yet")])
                none.setFlags(Qt.ItemFlag.NoItemFlags)
                none.setFirstColumnSpanned(True)
            group.setExpanded(True)
        companions = [model for task in kinds() for model in self._state.companions(task)]
        if companions:
            group = self._group(self.tr("LoRA and other additions"), "plus")
            for model in companions:
                item = self._row(group, model)
                if chosen is not None and chosen.id == model.id:
                    selected = item
            group.setExpanded(True)
        self._list_problems()
        self._state.read_models(lambda registry: registry.folders(), self.folders.show_reports)
        current = selected or first
        if current is not None:
            self.view.setCurrentItem(current)
        self._show_chosen()
        if note is not None:
            self._say(*note)

    def close_search(self) -> None:
        """End a running search of a folder."""
        self._search.cancel()

    # ---- private

    def _group(self, title: str, icon_name: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem(self.view, [title])
        group.setIcon(0, icon(icon_name))
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.setFirstColumnSpanned(True)
        group.setSizeHint(0, QSize(0, ROW_HEIGHT))
        font = self.view.font()
        font.setWeight(font.Weight.DemiBold)
        group.setFont(0, font)
        return group

    def _make_buttons(self) -> QHBoxLayout:
        folder = QPushButton(self.tr("Add folder…"), self)
        folder.setIcon(icon("folder-plus"))
        folder.setObjectName("models.add_folder")
        folder.clicked.connect(self._add_folder)
        file = QPushButton(self.tr("Add file…"), self)
        file.setIcon(icon("file-plus"))
        file.setObjectName("models.add_file")
        file.clicked.connect(self._add_file)
        self.verify = QPushButton(self.tr("Check files"), self)
        self.verify.setIcon(icon("shield-check"))
        self.verify.setObjectName("models.verify")
        self.verify.clicked.connect(self._verify)
        self.show_folder = QPushButton(self.tr("Open folder"), self)
        self.show_folder.setIcon(icon("folder-open"))
        self.show_folder.clicked.connect(self._open_folder)
        self.remove = QPushButton(self.tr("Remove"), self)
        self.remove.setIcon(icon("x"))
        self.remove.setObjectName("models.remove")
        self.remove.setToolTip(self.tr("Remove it from this list; the files stay on the disk"))
        self.remove.clicked.connect(self._remove)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.stop_search = QPushButton(self.tr("Cancel"), self)
        self.stop_search.setObjectName("models.stop_search")
        self.stop_search.clicked.connect(self._cancel_search)
        self.stop_search.hide()
        for button in (folder, file, self.stop_search):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.verify, self.show_folder, self.remove):
            row.addWidget(button)
        for button in (
            folder,
            file,
            self.stop_search,
            self.verify,
            self.show_folder,
            self.remove,
        ):
            button.setAccessibleName(button.text())
            button.setAutoDefault(False)
        return row

    def _row(self, group: QTreeWidgetItem, model: ModelRef) -> QTreeWidgetItem:
        fit = self._state.fit(model)
        memory = ""
        if fit is not None:
            memory = {
                "fits": self.tr("Fits"),
                "tight": self.tr("Tight"),
                "will_not_fit": self.tr("Will not fit"),
            }[fit.verdict]
        item = QTreeWidgetItem(
            group,
            [one_line(model.name), one_line(kind_text(model)), readable_size(model.size), memory],
        )
        item.setSizeHint(0, QSize(0, ROW_HEIGHT))
        item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(0, plain_tooltip(model.path))
        item.setData(0, _MODEL, model)
        if fit is not None:
            item.setToolTip(3, plain_tooltip(translated(fit.sentence)))
            if fit.verdict != "fits":
                shade = severity_colour(
                    "warning" if fit.verdict == "tight" else "error", self.palette()
                )
                item.setForeground(3, shade)
        return item

    def _list_problems(self) -> None:
        problems = self._state.model_problems()
        if not problems:
            return
        group = self._group(self.tr("Cannot be used"), "triangle-alert")
        for name, problem in problems.items():
            item = QTreeWidgetItem(group, [one_line(f"{name}: {translated(problem.message)}", 400)])
            item.setToolTip(0, plain_tooltip(translated(problem.message)))
            item.setData(0, _MODEL, name)
            item.setFirstColumnSpanned(True)
        group.setExpanded(True)

    def _chosen(self) -> ModelRef | None:
        item = self.view.currentItem()
        model = item.data(0, _MODEL) if item is not None else None
        return model if isinstance(model, ModelRef) else None

    def _chosen_id(self) -> str:
        item = self.view.currentItem()
        found = item.data(0, _MODEL) if item is not None else None
        return found.id if isinstance(found, ModelRef) else str(found or "")

    def _say(self, text: str, is_problem: bool) -> None:
        self._note = (text, is_problem)
        self.about.show_text(text, "error" if is_problem else None)

    def _show_chosen(self, *_: object) -> None:
        self._note = None
        model = self._chosen()
        known = bool(self._chosen_id())
        self.verify.setEnabled(known)
        self.remove.setEnabled(known and not (model is not None and model.is_starter))
        self.show_folder.setEnabled(model is not None)
        if model is None:
            item = self.view.currentItem()
            self._show_status(item.text(0) if item is not None and known else "")
            return
        fit = self._state.fit(model)
        parts = [
            model.path,
            self.tr("Licence: {name}").format(name=model.licence) if model.licence else "",
            self.tr("Context: {n} tokens").format(n=f"{model.context:,}") if model.context else "",
            translated(fit.sentence) if fit is not None else "",
        ]
        self._show_status(" · ".join(part for part in parts if part))

    def _show_status(self, text: str, problem: Problem | None = None) -> None:
        self.about.show_text(text, "error" if problem is not None else None)

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
        self.progress.show()
        self.stop_search.show()
        self.convert.hide()
        self._adding = Path(self._left.pop(0))
        self._search.start(self._adding)

    def _show_search(self, folders: int) -> None:
        self._show_status(
            self.tr("Searching for models: {n} folders so far…").format(n=folders)
            if folders
            else self.tr("Searching for models…")
        )

    def _search_ended(self, text: str, is_problem: bool) -> None:
        self.progress.hide()
        self.stop_search.hide()
        self._say(text, is_problem)
        if is_problem:
            self.convert.look(self._adding)
        self._add_next()

    def _cancel_search(self) -> None:
        self._left.clear()
        self._search.cancel()

    def _remove_folder(self, path: str) -> None:
        self._state.change_models(
            lambda registry: registry.remove_folder(path), None, self._refused
        )

    def _refused(self, problem: Problem) -> None:
        self._show_status(translated(problem.message), problem)

    def _remove(self) -> None:
        chosen = self._chosen_id()
        if chosen:
            self._state.change_models(lambda registry: registry.remove(chosen), None, self._refused)

    def _verify(self) -> None:
        chosen = self._chosen_id()
        if not chosen:
            return
        self._show_status(self.tr("Checking the files…"))
        self.verify.setEnabled(False)

        def checked(problem: Problem | None) -> None:
            self.verify.setEnabled(True)
            if problem is None:
                self._show_status(self.tr("The files are intact."))
            else:
                self._refused(problem)

        self._state.read_models(lambda registry: registry.verify(chosen), checked, self._refused)

    def _open_folder(self) -> None:
        model = self._chosen()
        if model is not None:
            path = Path(model.path)
            folder = path if path.is_dir() else path.parent
            open_path(folder)
