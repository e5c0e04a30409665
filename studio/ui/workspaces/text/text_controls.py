"""The sampling controls of the Text tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from studio.kinds.text import FALLBACKS, KIND, Preset, TextRequest, preset_values
from studio.ui.fields.model_defaults_button import ModelDefaultsButton
from studio.ui.fields.number_field import number_field, optional_int
from studio.ui.fields.seed_field import SeedField
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.workspaces.text.values import TextValues


class TextControls(CollapsibleSection):
    """Sampling parameters and seed in the collapsed section "Advanced".

    `max_tokens` belongs to the controls, and may be placed anywhere.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Advanced"), "text.more", parent)
        self._preset_row = self._make_preset()
        self._defaults: Mapping[str, Any] = {}
        self.temperature = number_field(KIND, "temperature", slider=(0, 2))
        self.top_p = number_field(KIND, "top_p", slider=(0.05, 1))
        self.top_k = number_field(KIND, "top_k", slider=(0, 100))
        self.penalty = number_field(KIND, "repetition_penalty", slider=(0.8, 1.6))
        self.min_p = number_field(KIND, "min_p", slider=(0, 0.5))
        self._own = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "repetition_penalty": self.penalty,
        }
        self.max_tokens = number_field(KIND, "max_tokens", slider=(64, 4096))
        self.fast = QCheckBox(tr(KIND.fields["fast_variations"].label), self)
        self.fast.setObjectName("text.fast_variations")
        self.fast.setToolTip(plain_tooltip(tr(KIND.fields["fast_variations"].help)))
        self.seed = SeedField("text.seed")
        for widget in (
            self._preset_row,
            *self._own.values(),
            ModelDefaultsButton(tuple(self._own.values()), (), "text.defaults"),
            self.seed,
            self.fast,
        ):
            self.add(widget)
        self._controls = {**self._own, "max_tokens": self.max_tokens}
        for control in self._controls.values():
            control.changed.connect(self.changed)
        self.preset.currentIndexChanged.connect(self._show_auto)
        self.preset.currentIndexChanged.connect(self.changed)
        self.seed.changed.connect(self.changed)
        self.fast.toggled.connect(self.changed)
        self.toggled.connect(self.changed)

    def _make_preset(self) -> QWidget:
        field = KIND.fields["preset"]
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        label = plain_label(tr(field.label), row)
        self.preset = QComboBox(row)
        self.preset.setObjectName("text.preset")
        self.preset.setAccessibleName(tr(field.label))
        self.preset.setToolTip(plain_tooltip(tr(field.help)))
        names = {
            "precise": self.tr("Precise"),
            "balanced": self.tr("Balanced"),
            "creative": self.tr("Creative"),
        }
        for choice in field.choices:
            self.preset.addItem(names[choice], choice)
        self._set_preset(field.default)
        label.setBuddy(self.preset)
        layout.addWidget(label)
        layout.addWidget(self.preset, 1)
        return row

    def chosen_preset(self) -> Preset:
        """Return the chosen preset."""
        chosen: Preset = self.preset.currentData()
        return chosen

    def _set_preset(self, preset: str) -> None:
        self.preset.setCurrentIndex(max(0, self.preset.findData(preset)))

    @property
    def folded(self) -> tuple[str, ...]:
        """The fields of the request whose controls are in this section."""
        return ("preset", *self._own, "seed", "fast_variations")

    def reset(self, name: str) -> None:
        """Give the control of one of these fields its default."""
        if name == "seed":
            self.seed.randomise()
        elif name == "fast_variations":
            self.fast.setChecked(False)
        elif name == "preset":
            self._set_preset(KIND.fields[name].default)
        else:
            self._controls[name].reset()

    def show_model_defaults(self, values: Mapping[str, Any]) -> None:
        """Show what "Auto" stands for with the chosen model."""
        self._defaults = values
        self._show_auto()

    def _show_auto(self) -> None:
        values = preset_values(self.chosen_preset(), {**FALLBACKS, **self._defaults})
        for name, field in self._own.items():
            field.set_auto(values[name])

    def show_values(self, values: TextValues | TextRequest) -> None:
        """Show the values; the seed stays unchanged."""
        self._set_preset(values.preset)
        self.temperature.set_value(values.temperature)
        self.top_p.set_value(values.top_p)
        self.top_k.set_value(values.top_k)
        self.min_p.set_value(values.min_p)
        self.penalty.set_value(values.repetition_penalty)
        self.max_tokens.set_value(values.max_tokens)
        self.fast.setChecked(values.fast_variations)

    def values(self) -> dict[str, Any]:
        """Return the fields of a request."""
        return {
            "preset": self.chosen_preset(),
            "temperature": self.temperature.value(),
            "top_p": self.top_p.value(),
            "top_k": optional_int(self.top_k.value()),
            "min_p": self.min_p.value(),
            "repetition_penalty": self.penalty.value(),
            "max_tokens": self.max_tokens.int_value(),
            "seed": self.seed.value(),
            "fast_variations": self.fast.isChecked(),
        }

    def store_values(self, values: TextValues) -> None:
        """Store the values, the seed, and whether the section is open."""
        for name, value in self.values().items():
            setattr(values, name, value)
        values.more_open = self.is_open()
