"""The controls of the Clip tab: model, first and last frame, length, size, and more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from studio.formats.suffixes import VIDEO
from studio.kinds.clip import KIND, ClipRequest
from studio.protocol import Capabilities, InputFile
from studio.ui.fields.model_picker import ModelPicker
from studio.ui.fields.number_field import number_field, optional_int
from studio.ui.fields.prompt_edit import PromptEdit
from studio.ui.fields.seed_field import SeedField
from studio.ui.media.picture.choose_picture import choose_picture
from studio.ui.shell.state import AppState
from studio.ui.style.theme import GRID
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.side_by_side import SideBySide
from studio.ui.workspaces.clip.file_row import FileRow
from studio.ui.workspaces.clip.values import ClipValues

_FIELDS = KIND.fields
_INTEGERS = ("frames", "width", "height", "steps")
_DECIMALS = ("fps", "guidance_scale")
_FILES = ("image", "last_image", "input")


class ClipControls(QWidget):
    """Object names: `clip.frames`, `.fps`, `.width`, `.height`, `.steps`, `.guidance_scale`, …"""

    changed = Signal()

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelPicker(state, KIND.task, self)
        self.files = {
            name: FileRow(state, name, tr(_FIELDS[name].label), self._asks(name), self)
            for name in _FILES
        }
        self.numbers = {name: number_field(KIND, name) for name in (*_INTEGERS, *_DECIMALS)}
        self.quality = number_field(KIND, "quality", slider=(40, 95))
        self.seed = SeedField("clip.seed", self)
        self.negative = PromptEdit(tr(_FIELDS["negative_prompt"].help), "clip.negative", self)
        self.negative.setAccessibleName(tr(_FIELDS["negative_prompt"].label))
        self.negative.set_minimum_lines(2)
        self.negative.setMaximumHeight(self.negative.fontMetrics().lineSpacing() * 4)
        self.encoder = QComboBox(self)
        self.encoder.setObjectName("clip.encoder")
        self.encoder.setAccessibleName(tr(_FIELDS["encoder"].label))
        self.encoder.setToolTip(plain_tooltip(tr(_FIELDS["encoder"].help)))
        for choice in _FIELDS["encoder"].choices:
            title = self.tr("Automatic") if choice == "auto" else str(choice).upper()
            self.encoder.addItem(title, choice)
        self.more = CollapsibleSection(self.tr("Advanced"), "clip.more", self)
        label = plain_label(tr(_FIELDS["encoder"].label), self)
        label.setBuddy(self.encoder)
        encoder = QWidget(self)
        row = QHBoxLayout(encoder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label)
        row.addWidget(self.encoder, 1)
        for widget in (
            self.negative,
            self.seed,
            self.numbers["steps"],
            self.numbers["guidance_scale"],
            self.quality,
            encoder,
        ):
            self.more.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.model)
        for name in _FILES:
            layout.addWidget(self.files[name])
        layout.addWidget(SideBySide(self.numbers["width"], self.numbers["height"], self))
        layout.addWidget(SideBySide(self.numbers["frames"], self.numbers["fps"], self))
        layout.addWidget(self.more)
        for field in (*self.numbers.values(), self.quality):
            field.changed.connect(self.changed)
        self.seed.changed.connect(self.changed)
        self.model.changed.connect(self.changed)
        for file in self.files.values():
            file.changed.connect(self.changed)
        self.negative.textChanged.connect(self.changed)
        self.encoder.activated.connect(lambda _: self.changed.emit())
        self.more.toggled.connect(lambda _: self.changed.emit())

    def request(self, prompt: str, count: int) -> ClipRequest:
        """Return the request that the controls describe."""
        values = ClipValues()
        self.read_values(values)
        return ClipRequest(
            prompt=prompt,
            negative_prompt=values.negative_prompt,
            model=values.model,
            seed=values.seed,
            count=count,
            image=_file(values.image),
            last_image=_file(values.last_image),
            input=_file(values.input),
            frames=values.frames,
            fps=values.fps,
            width=values.width,
            height=values.height,
            steps=values.steps,
            guidance_scale=values.guidance_scale,
            quality=values.quality,
            encoder=values.encoder,  # type: ignore[arg-type]  # one of the choices
        )

    def set_values(self, values: ClipValues) -> None:
        """Show stored values."""
        self.model.set_model_id(values.model)
        for name, file in self.files.items():
            file.set_path(getattr(values, name))
        for name, field in self.numbers.items():
            field.set_value(getattr(values, name))
        self.negative.set_text(values.negative_prompt)
        self.seed.set_value(values.seed)
        self.quality.set_value(values.quality)
        self.encoder.setCurrentIndex(max(0, self.encoder.findData(values.encoder)))
        self.more.set_open(values.more_open)

    def read_values(self, values: ClipValues) -> None:
        """Store the values of the controls."""
        values.model = self.model.model_id()
        for name, file in self.files.items():
            setattr(values, name, file.path())
        for name in _INTEGERS:
            setattr(values, name, optional_int(self.numbers[name].value()))
        for name in _DECIMALS:
            setattr(values, name, self.numbers[name].value())
        values.negative_prompt = self.negative.text()
        values.seed = self.seed.value()
        values.quality = self.quality.int_value()
        values.encoder = str(self.encoder.currentData())
        values.more_open = self.more.is_open()

    def apply_capabilities(self, capabilities: Capabilities | None) -> None:
        """Show what "Auto" stands for, and which files the model uses; None if not known."""
        for name, field in self.numbers.items():
            value = getattr(capabilities, name, None) if capabilities is not None else None
            field.set_auto(value or None)
        for name, file in self.files.items():
            file.set_used(capabilities is None or name in capabilities.controls)

    def _asks(self, name: str) -> Callable[[], str]:
        title = tr(_FIELDS[name].label)
        if name != "input":
            return lambda: choose_picture(self, title)
        kinds = " ".join(f"*{suffix}" for suffix in VIDEO)
        return lambda: QFileDialog.getOpenFileName(
            self, title, "", f"{self.tr('Videos')} ({kinds})"
        )[0]


def _file(path: str) -> InputFile | None:
    return InputFile(str(Path(path))) if path else None
