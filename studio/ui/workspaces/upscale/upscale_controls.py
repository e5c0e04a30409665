"""The controls of the Upscale tab below its list of pictures."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from studio.kinds.upscale import KIND, UpscaleRequest
from studio.protocol import InputFile
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.side_by_side import SideBySide
from studio.ui.workspaces.upscale.values import UpscaleValues

_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WebP"}


class UpscaleControls(QWidget):
    """Model, scale, file format, drawing and output folder."""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.model = ModelPicker(state, KIND.task, self)
        scale = KIND.fields["scale"]
        self.scale = self._box("scale")
        for choice in scale.choices:
            self.scale.addItem(f"{scale.unit}{choice}", choice)
        file_format = KIND.fields["format"]
        self.format = self._box("format")
        for choice in file_format.choices:
            self.format.addItem(_FORMATS.get(choice) or self.tr("As the picture"), choice)
        self.format.setToolTip(
            self.tr(
                "JPEG and WebP keep their format at a high quality; from everything else, a PNG is "
                "made. Colour profile and EXIF are kept."
            )
        )
        drawing = KIND.fields["drawing"]
        self.drawing = QCheckBox(tr(drawing.label), self)
        self.drawing.setObjectName("upscale.drawing")
        self.drawing.setToolTip(plain_tooltip(tr(drawing.help)))
        self.output = QLineEdit(self)
        self.output.setObjectName("upscale.output")
        self.output.setAccessibleName(self.tr("Output folder"))
        self.output.setPlaceholderText(self.tr("In the library"))
        self.output.setClearButtonEnabled(True)
        choose = tool_button(
            "folder-open", self.tr("Choose an output folder"), "upscale.output.choose"
        )
        choose.clicked.connect(self.choose_output)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.model)
        layout.addWidget(
            SideBySide(
                _row(tr(scale.label), self.scale), _row(tr(file_format.label), self.format), self
            )
        )
        layout.addWidget(self.drawing)
        layout.addWidget(_row(self.tr("Output folder"), self.output, choose))
        # No model is used then.
        self.drawing.toggled.connect(self.model.setDisabled)
        self.drawing.toggled.connect(self.changed)
        self.scale.activated.connect(self._match_model)
        self.format.activated.connect(self.changed)
        self.model.changed.connect(self._match_scale)
        self.output.textChanged.connect(self.changed)
        state.models_changed.connect(self._match_model)

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(f"{KIND.task}.{name}")
        box.setAccessibleName(tr(KIND.fields[name].label))
        return box

    def request(self, picture: Path) -> UpscaleRequest:
        """Return the request for a picture."""
        return UpscaleRequest(
            input=InputFile(str(picture)),
            scale=self.scale.currentData(),
            # The times of drawings are not those of a model.
            model="" if self.drawing.isChecked() else self.model.model_id(),
            drawing=self.drawing.isChecked(),
            format=self.format.currentData(),
        )

    def show_request(self, request: UpscaleRequest) -> None:
        """Show the values of a request."""
        self.scale.setCurrentIndex(self.scale.findData(request.scale))
        self.format.setCurrentIndex(max(0, self.format.findData(request.format)))
        self.drawing.setChecked(request.drawing)
        if not request.drawing:
            self.model.set_model_id(request.model)
        self._match_model()

    def show_values(self, values: UpscaleValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        self.scale.setCurrentIndex(max(0, self.scale.findData(values.scale)))
        self.format.setCurrentIndex(max(0, self.format.findData(values.format)))
        self.drawing.setChecked(values.drawing)
        self.output.setText(values.output)

    def store_values(self, values: UpscaleValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        values.scale = self.scale.currentData()
        values.format = self.format.currentData()
        values.drawing = self.drawing.isChecked()
        values.output = self.output.text().strip()

    @property
    def has_what_it_needs(self) -> bool:
        """Whether there is a model, or none is needed."""
        return self.drawing.isChecked() or bool(self._state.models(KIND.task))

    def choose_output(self) -> None:
        """Ask for the output folder."""
        path = QFileDialog.getExistingDirectory(
            self, self.tr("Choose an output folder"), self.output.text()
        )
        if path:
            self.output.setText(path)

    def _match_model(self, *_: object) -> None:
        """Choose a model that supports the scale, unless the current one does."""
        ref = self.model.ref()
        scale = self.scale.currentData()
        if ref is not None and ref.scales and scale not in ref.scales:
            models = self._state.models(KIND.task)
            matching = [model for model in models if scale in model.scales]
            if matching:
                blocked = self.model.blockSignals(True)
                self.model.set_model_id(matching[0].id)
                self.model.blockSignals(blocked)
        self.changed.emit()

    def _match_scale(self) -> None:
        """Choose a scale that the model supports, unless the current one is."""
        ref = self.model.ref()
        if ref is not None and ref.scales and self.scale.currentData() not in ref.scales:
            index = self.scale.findData(ref.scales[0])
            if index >= 0:
                self.scale.setCurrentIndex(index)
        self.changed.emit()


def _row(text: str, control: QWidget, *others: QWidget) -> QWidget:
    """Return a control with its label before it."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    label = plain_label(text, whole)
    label.setBuddy(control)
    row.addWidget(label)
    row.addWidget(control, 1)
    for other in others:
        row.addWidget(other)
    return whole
