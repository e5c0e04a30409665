"""The settings dialog. Changes apply at once; those that need a restart are announced as such."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from studio.formats.atomic_write import make_private_folder
from studio.library.folder.chosen_folders import ChosenFolders
from studio.protocol import JobStatus
from studio.settings import MAX_THREADS, keep_unreadable
from studio.ui.settings.hub_settings import HubSettings
from studio.ui.settings.models_folder_setting import ModelsFolderSetting
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID, Scheme, apply_scheme, mute
from studio.ui.widgets.dialog_frame import close_buttons, fill_dialog
from studio.ui.widgets.open_path import open_path
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip


class SettingsDialog(QDialog):
    """Not modal; closing it saves."""

    restart_requested = Signal()
    reopen_requested = Signal()
    """A language was chosen, and nothing runs that a new window would interrupt."""
    reopen_when_idle_requested = Signal()
    """A language was chosen while a job runs."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.needs_restart = False
        """Whether a change takes effect only after a restart."""
        settings = state.settings
        self.setObjectName("settings")
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumWidth(66 * GRID)
        self.language = self._choice(
            "settings.language",
            self.tr("Language"),
            [(self.tr("Same as the system"), ""), ("English", "en"), ("简体中文", "zh_CN")],
            settings.language,
        )
        self.scheme = self._choice(
            "settings.colour_scheme",
            self.tr("Appearance"),
            [
                (self.tr("Same as the system"), "system"),
                (self.tr("Light"), "light"),
                (self.tr("Dark"), "dark"),
            ],
            settings.colour_scheme,
        )
        self.library = QLineEdit(str(state.library_root), self)
        self.library.setObjectName("settings.library")
        self.library.setAccessibleName(self.tr("Library folder"))
        self.library.setReadOnly(True)
        self.library.setToolTip(plain_tooltip(str(state.library_root)))
        choose = QPushButton(self.tr("Choose…"), self)
        choose.clicked.connect(self._choose_library)
        show = QPushButton(self.tr("Open folder"), self)
        for button in (choose, show):
            button.setAutoDefault(False)
        show.clicked.connect(lambda: open_path(state.library_root, state.show_message))
        folder = QHBoxLayout()
        folder.setSpacing(GRID)
        folder.addWidget(self.library, 1)
        folder.addWidget(choose)
        folder.addWidget(show)
        self.threads = QSpinBox(self)
        self.threads.setObjectName("settings.threads")
        self.threads.setAccessibleName(self.tr("Threads"))
        self.threads.setRange(0, MAX_THREADS)
        self.threads.setSpecialValueText(self.tr("Auto"))
        self.threads.setValue(settings.threads)
        # The padding of the style sheet does not reach the field inside.
        self.threads.lineEdit().setTextMargins(GRID - 2, 0, 0, 0)
        self.device = self._choice(
            "settings.device",
            self.tr("Device"),
            [
                (self.tr("Fastest available"), ""),
                (self.tr("CPU"), "cpu"),
                (self.tr("NVIDIA or AMD GPU (cuda)"), "cuda"),
                (self.tr("Apple GPU (mps)"), "mps"),
            ],
            settings.device,
        )
        self.aigc = QCheckBox(
            self.tr("Label results as AI-generated for China (GB 45438-2025)"), self
        )
        self.aigc.setObjectName("settings.aigc_label")
        self.aigc.setToolTip(
            self.tr(
                "Marks each new file as AI-generated in its metadata. Nothing visible is added."
            )
        )
        self.aigc.setChecked(settings.aigc_label)
        self.producer = QLineEdit(settings.aigc_producer, self)
        self.producer.setObjectName("settings.aigc_producer")
        self.producer.setAccessibleName(self.tr("Producer"))
        self.producer.setPlaceholderText(self.tr("Your name, company or service code"))
        self.producer.setMaxLength(200)
        self.producer.setEnabled(settings.aigc_label)
        self.visible = QCheckBox(self.tr("Visible AI label in exports"), self)
        self.visible.setObjectName("settings.aigc_visible")
        self.visible.setToolTip(
            self.tr(
                "The first line of exported texts says that they were generated by AI, and a corner"
                " of exported pictures."
            )
        )
        self.visible.setChecked(settings.aigc_visible)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("Language"), self.language)
        form.addRow(self.tr("Appearance"), self.scheme)
        form.addRow(self.tr("Library folder"), folder)
        self.models = ModelsFolderSetting(state, self)
        self.models.changed.connect(self._apply_on_restart)
        self.models.moved.connect(self.restart_requested)
        form.addRow(self.tr("Folder of models"), self.models)
        self.hub = HubSettings(state, form, self)
        form.addRow(self.tr("Threads"), self.threads)
        form.addRow(self.tr("Device"), self.device)
        form.addRow(self.aigc)
        form.addRow(self.tr("Producer"), self.producer)
        form.addRow(self.visible)
        self.note = plain_label(parent=self)
        self.note.setObjectName("settings.note")
        self.note.setWordWrap(True)
        self.note.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        mute(self.note)
        if settings.is_unknown:
            self.note.setText(
                self.tr("Nothing is saved here until you have chosen the library folder.")
            )
        self.restart = QPushButton(self.tr("Restart now"), self)
        self.restart.setObjectName("settings.restart")
        self.restart.setToolTip(
            self.tr("Running jobs are interrupted. You can resume them after the restart.")
        )
        self.restart.setAutoDefault(False)
        policy = self.restart.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.restart.setSizePolicy(policy)
        self.restart.hide()
        self.restart.clicked.connect(self.restart_requested)
        later = QHBoxLayout()
        later.setSpacing(GRID)
        later.addWidget(self.note, 1)
        later.addWidget(self.restart)
        fill_dialog(self, form, later, close_buttons(self))
        self.language.currentIndexChanged.connect(self._language_changed)
        self.scheme.currentIndexChanged.connect(self._scheme_changed)
        self.threads.valueChanged.connect(self._engine_changed)
        self.device.currentIndexChanged.connect(self._engine_changed)
        self.aigc.toggled.connect(self._label_changed)
        self.visible.toggled.connect(self._label_changed)
        self.producer.textChanged.connect(self._label_changed)

    def show_field(self, name: str) -> None:
        """Focus the field of an object name."""
        field = self.findChild(QWidget, name)
        if field is not None:
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _choice(
        self, name: str, label: str, options: list[tuple[str, str]], value: str
    ) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(name)
        box.setAccessibleName(label)
        for text, data in options:
            box.addItem(text, data)
        if value not in [data for _, data in options]:
            box.addItem(one_line(value), value)
        box.setCurrentIndex(box.findData(value, Qt.ItemDataRole.UserRole))
        return box

    def _language_changed(self) -> None:
        self._state.settings.language = cast(
            Literal["", "en", "zh_CN"], self.language.currentData()
        )
        library = self._state.library
        if library is None or self._state.settings.is_unknown or self.needs_restart:
            self._apply_on_restart()
            return
        self._state.background.read(self, library.queue.counts, self._reopen_unless_busy)

    def _reopen_unless_busy(self, counts: Mapping[JobStatus, int]) -> None:
        if counts.get("running", 0) or self._state.worker.running_jobs:
            # No job is interrupted without a question.
            self._state.save_soon()
            self.note.setText(
                self.tr(
                    "The window opens in the new language as soon as no job runs or waits. A"
                    " restart interrupts the running job."
                )
            )
            self.restart.show()
            self.reopen_when_idle_requested.emit()
        else:
            self.reopen_requested.emit()

    def _scheme_changed(self) -> None:
        scheme = cast(Scheme, self.scheme.currentData())
        self._state.settings.colour_scheme = scheme
        apply_scheme(cast(QApplication, QApplication.instance()), scheme)
        self._state.save_soon()

    def _engine_changed(self) -> None:
        self._state.settings.threads = self.threads.value()
        self._state.settings.device = self.device.currentData()
        self._apply_on_restart()

    def _label_changed(self) -> None:
        """Start or stop labelling new results."""
        from studio.library.recipes.aigc_setting import label_from_settings

        settings = self._state.settings
        settings.aigc_label = self.aigc.isChecked()
        settings.aigc_visible = self.visible.isChecked()
        settings.aigc_producer = self.producer.text().strip()
        self.producer.setEnabled(settings.aigc_label)
        if self._state.library is not None:
            self._state.library.label = label_from_settings(settings)
        self._state.save_soon()

    def _choose_library(self) -> None:
        dialog = QFileDialog(self, self.tr("Library folder"), str(self._state.library_root))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.set_library)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def set_library(self, folder: str) -> None:
        """Use another library folder from the next start on; no files are moved."""
        chosen = Path(folder)
        with contextlib.suppress(OSError):
            # Not created at startup: a folder missing then may be on an unplugged disk.
            make_private_folder(chosen)
            ChosenFolders(self._state.paths.chosen_folders).choose_library(chosen)
        settings = self._state.settings
        settings.library = "" if chosen == self._state.paths.library else folder
        if settings.is_unknown:
            keep_unreadable(self._state.paths.settings)
            settings.is_unknown = False
            self._state.save()
        self.library.setText(folder)
        self.library.setToolTip(plain_tooltip(folder))
        self._apply_on_restart()

    def _apply_on_restart(self) -> None:
        if self._state.settings.is_unknown:
            return
        self._state.save_soon()
        self.needs_restart = True
        self.note.setText(self.tr("This takes effect after a restart."))
        self.restart.show()
