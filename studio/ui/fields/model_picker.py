"""The choice of a task's model, with a warning if it does not fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.protocol import ModelRef, readable_size
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.plain_text import one_line, plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

if TYPE_CHECKING:
    from studio.ui.shell.state import AppState

_ADD = "\0add"

_NAME_WIDTH = 20 * GRID
"""Of a name on a button, whose end tells versions apart: the panel is narrow."""


class ModelPicker(QWidget):
    """Lists the installed models and "Add a model…".

    `<task>.model` is the object name of the combo box (`picker.combo`). `notices` says whether
    the model fits; it may be moved to another layout.
    """

    changed = Signal()

    def __init__(self, state: AppState, task: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._task = task
        self._model_id = ""
        self.label = plain_label(self.tr("Model"), self)
        self.combo = QComboBox(self)
        self.combo.setObjectName(f"{task}.model")
        self.combo.setAccessibleName(self.tr("Model"))
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.combo.setPlaceholderText(self.tr("Looking for models…"))
        self.label.setBuddy(self.combo)
        self.notices = QWidget(self)
        self.notices.hide()
        self._fit = TintedLabel(self.notices)
        self._fit.setObjectName(f"{task}.fit")
        self._fit.setWordWrap(True)
        offer = self.tr("Get a smaller version")
        self.smaller = dialog_button(
            offer, f"{task}.smaller", self._use_smaller, self.notices, "download"
        )
        self.smaller.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.label)
        row.addWidget(self.combo, 1)
        notices = QVBoxLayout(self.notices)
        notices.setContentsMargins(0, 0, 0, 0)
        notices.setSpacing(GRID // 2)
        notices.addWidget(self._fit)
        notices.addWidget(self.smaller, 0, Qt.AlignmentFlag.AlignLeft)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        layout.addWidget(self.notices)
        self.setFocusProxy(self.combo)
        self.combo.activated.connect(self._picked)
        self.combo.currentIndexChanged.connect(self._show_fit)
        state.models_changed.connect(self.refresh)
        if state.models_known:
            self.refresh()

    def model_id(self) -> str:
        """Return the id of the chosen model; an empty string is the default model."""
        return self._model_id

    def set_model_id(self, model: str) -> None:
        """Choose a model by its id; the default is shown if it is not installed."""
        self._model_id = model
        if self._state.models_known:
            self._select()

    def ref(self) -> ModelRef | None:
        """Return the model that will be used, or None if there is none."""
        model = self.combo.currentData()
        return model if isinstance(model, ModelRef) else None

    def refresh(self) -> None:
        """Reload the list, keeping the choice if it is still installed."""
        before = self.ref()
        blocked = self.combo.blockSignals(True)
        self.combo.clear()
        models = self._state.models(self._task)
        for model in models:
            self.combo.addItem(one_line(model.name), model)
            self.combo.setItemData(
                self.combo.count() - 1, plain_tooltip(model.path), Qt.ItemDataRole.ToolTipRole
            )
        if models:
            self.combo.insertSeparator(self.combo.count())
        self.combo.addItem(icon("plus"), self.tr("Add a model…"), _ADD)
        self.combo.setPlaceholderText(self.tr("No model yet"))
        self._select()
        self.combo.blockSignals(blocked)
        self._show_fit()
        if self.ref() != before:
            self.changed.emit()

    def _select(self) -> None:
        models = self._state.models(self._task)
        ids = [model.id for model in models]
        if self._model_id in ids:
            index = ids.index(self._model_id)
        else:
            starters = [row for row, model in enumerate(models) if model.is_starter]
            index = starters[0] if starters else (0 if models else -1)
        self.combo.setCurrentIndex(index)

    def _picked(self, index: int) -> None:
        data = self.combo.itemData(index)
        if data == _ADD:
            self._select()
            self._state.destinations.open_models(self._task)
        elif isinstance(data, ModelRef) and data.id != self._model_id:
            self._model_id = data.id
            self.changed.emit()

    def _show_fit(self) -> None:
        model = self.ref()
        # The box cuts off a long name.
        self.combo.setToolTip("" if model is None else plain_tooltip(f"{model.name}\n{model.path}"))
        fit = self._state.fit(model) if model is not None else None
        if model is None or fit is None or fit.verdict == "fits":
            self.notices.hide()
            self.smaller.hide()
            return
        self._show_smaller(model)
        self._fit.show_text(
            translated(fit.sentence), "warning" if fit.verdict == "tight" else "error"
        )
        self.notices.show()

    def _show_smaller(self, model: ModelRef) -> None:
        """Offer a version that fits: one that is there, of the catalogue, or else of its hub."""
        known = self._state.smaller_version(model)
        if known is None:
            self.smaller.setText(self.tr("Get a smaller version"))
            self.smaller.setToolTip("")
            self.smaller.setAccessibleName(self.smaller.text())
            self.smaller.setVisible(model.source.kind == "hub")
            return
        template = self.tr("Use {name}") if known.installed else self.tr("Get {name} ({size})")
        name, size = one_line(known.name), readable_size(known.size)
        short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH)
        self.smaller.setText(template.format(name=short.replace("&", "&&"), size=size))
        full = template.format(name=name, size=size)
        self.smaller.setToolTip(plain_tooltip(full))
        self.smaller.setAccessibleName(full)
        self.smaller.show()

    def _use_smaller(self) -> None:
        model = self.ref()
        if model is None:
            return
        known = self._state.smaller_version(model)
        if known is None:
            self._state.destinations.get_smaller(model)
        elif known.installed:
            self._model_id = known.installed
            self._select()
            self.changed.emit()
        else:
            self._state.destinations.get_model(known.entry)
