"""The controls of the Video tab: scale, smoothing, quality, and more."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.kinds.video import KIND, VideoRequest
from studio.protocol import InputFile
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.side_by_side import SideBySide
from studio.ui.workspaces.video.values import VideoValues

_FIELDS = KIND.fields
_BOXES = ("scale", "smooth", "encoder", "format")
_NUMBERS = ("fps", "quality")
_USUAL_QUALITY = (40, 95)
_ENCODERS = {"av1": "AV1", "vp9": "VP9", "x264": "x264", "x265": "x265"}
_FORMATS = {"mp4": "MP4", "mkv": "Matroska", "webm": "WebM"}


class VideoControls(QWidget):
    """Object names: `video.scale`, `.smooth`, `.quality`, `.fps`, `.encoder`, `.format`, …"""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        upscaler, interpolator = KIND.models_of(
            VideoRequest(input=InputFile(""), scale=2, smooth=2)
        )
        self.upscaler_task = upscaler.task
        self.model = ModelPicker(state, upscaler.task, self)
        self.interpolator = ModelPicker(state, interpolator.task, self)
        for picker, name in ((self.model, "model"), (self.interpolator, "interpolator")):
            picker.combo.setObjectName(f"{KIND.task}.{name}")
            picker.combo.setAccessibleName(tr(_FIELDS[name].label))
            picker.label.setText(tr(_FIELDS[name].label))
        self.boxes = {name: self._box(name) for name in _BOXES}
        self.numbers = {
            "fps": number_field(KIND, "fps"),
            "quality": number_field(KIND, "quality", slider=_USUAL_QUALITY),
        }
        self.more = CollapsibleSection(self.tr("More"), "video.more", self)
        for widget in (
            self.numbers["fps"],
            self.interpolator,
            _row("encoder", self.boxes["encoder"]),
            _row("format", self.boxes["format"]),
        ):
            self.more.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(
            SideBySide(
                _row("scale", self.boxes["scale"]), _row("smooth", self.boxes["smooth"]), self
            )
        )
        layout.addWidget(self.model)
        layout.addWidget(self.numbers["quality"])
        layout.addWidget(self.more)
        for box in self.boxes.values():
            box.activated.connect(self._changed)
        for field in self.numbers.values():
            field.changed.connect(self._changed)
        self.model.changed.connect(self._model_chosen)
        self.interpolator.changed.connect(self._changed)
        self.more.toggled.connect(lambda _: self.changed.emit())
        state.models_changed.connect(self._changed)

    def request(self, video: Path) -> VideoRequest:
        """Return the request for a video."""
        values = VideoValues()
        self.read_values(values)
        enlarges = values.scale > 1
        smooths = values.smooth > 1 or values.fps > 0
        return VideoRequest(
            input=InputFile(str(video)),
            scale=values.scale,  # type: ignore[arg-type]  # one of the choices
            smooth=values.smooth,  # type: ignore[arg-type]
            fps=values.fps,
            quality=values.quality,
            encoder=values.encoder,  # type: ignore[arg-type]
            format=values.format,  # type: ignore[arg-type]
            # The times of a model that is not used are not those of the job.
            model=values.model if enlarges else "",
            interpolator=values.interpolator if smooths else "",
        )

    def set_values(self, values: VideoValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        self.interpolator.set_model_id(values.interpolator)
        for name, box in self.boxes.items():
            box.setCurrentIndex(max(0, box.findData(getattr(values, name))))
        for name, field in self.numbers.items():
            field.set_value(getattr(values, name))
        self.more.set_open(values.more_open)
        self._match_model()
        self._show_state()

    def read_values(self, values: VideoValues) -> None:
        """Store the values of the controls."""
        for name, box in self.boxes.items():
            setattr(values, name, box.currentData())
        values.fps = self.numbers["fps"].float_value()
        values.quality = self.numbers["quality"].int_value()
        values.model = self.model.model_id()
        values.interpolator = self.interpolator.model_id()
        values.more_open = self.more.is_open()

    def show_request(self, request: VideoRequest) -> None:
        """Show the values of a request."""
        values = VideoValues(more_open=self.more.is_open())
        for name in (*_BOXES, *_NUMBERS, "model", "interpolator"):
            setattr(values, name, getattr(request, name))
        self.set_values(values)

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        field = _FIELDS[name]
        box.setObjectName(f"{KIND.task}.{name}")
        box.setAccessibleName(tr(field.label))
        box.setToolTip(plain_tooltip(tr(field.help)))
        for choice in field.choices:
            box.addItem(self._title(name, choice), choice)
        return box

    def _title(self, name: str, choice: object) -> str:
        if choice == 1:
            return self.tr("Off")
        if choice == "auto":
            return self.tr("Automatic")
        titles = {
            "h264": self.tr("H.264 of this machine"),
            "hevc": self.tr("HEVC of this machine"),
            **(_ENCODERS if name == "encoder" else _FORMATS),
        }
        return titles.get(str(choice)) or f"{_FIELDS[name].unit}{choice}"

    def _changed(self, *_: object) -> None:
        self._match_model()
        self._show_state()
        self.changed.emit()

    def _model_chosen(self) -> None:
        """Choose a scale that the model supports, unless the current one is."""
        ref, box = self.model.ref(), self.boxes["scale"]
        if ref is not None and ref.scales and box.currentData() not in (1, *ref.scales):
            index = box.findData(ref.scales[0])
            if index >= 0:
                box.setCurrentIndex(index)
        self._changed()

    def _match_model(self) -> None:
        """Choose a model that supports the scale, unless the current one does."""
        ref, scale = self.model.ref(), self.boxes["scale"].currentData()
        if scale == 1 or ref is None or not ref.scales or scale in ref.scales:
            return
        models = self._state.models(self.upscaler_task)
        matching = [model for model in models if scale in model.scales]
        if matching:
            blocked = self.model.blockSignals(True)
            self.model.set_model_id(matching[0].id)
            self.model.blockSignals(blocked)

    def _show_state(self) -> None:
        """Enable what has an effect, and count what differs in the folded part."""
        fps = self.numbers["fps"].float_value()
        self.boxes["smooth"].setEnabled(not fps)
        self.model.setEnabled(self.boxes["scale"].currentData() > 1)
        smooths = bool(fps) or self.boxes["smooth"].currentData() > 1
        self.interpolator.setEnabled(smooths)
        self.more.set_badge(
            sum((fps > 0, *(self.boxes[name].currentIndex() > 0 for name in ("encoder", "format"))))
        )


def _row(name: str, control: QWidget) -> QWidget:
    """Return a control with its label before it."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    label = plain_label(tr(_FIELDS[name].label), whole)
    label.setBuddy(control)
    row.addWidget(label)
    row.addWidget(control, 1)
    return whole
