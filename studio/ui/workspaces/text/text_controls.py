"""The sampling controls of the Text tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from studio.kinds.text import FALLBACKS, KIND, TextRequest
from studio.ui.fields.model_defaults_button import ModelDefaultsButton
from studio.ui.fields.number_field import number_field, optional_int
from studio.ui.fields.seed_field import SeedField
from studio.ui.style.translations import tr
from studio.ui.widgets.collapsible_section import CollapsibleSection
from studio.ui.widgets.plain_text import plain_tooltip
from studio.ui.workspaces.text.values import TextValues


class TextControls(CollapsibleSection):
    """Sampling parameters and seed in the collapsed section "Advanced".

    `max_tokens` belongs to the controls, and may be placed anywhere.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Advanced"), "text.more", parent)
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
            *self._own.values(),
            ModelDefaultsButton(tuple(self._own.values()), (), "text.defaults"),
            self.seed,
            self.fast,
        ):
            self.add(widget)
        self._controls = {**self._own, "max_tokens": self.max_tokens}
        for control in self._controls.values():
            control.changed.connect(self.changed)
        self.seed.changed.connect(self.changed)
        self.fast.toggled.connect(self.changed)
        self.toggled.connect(self.changed)

    @property
    def folded(self) -> tuple[str, ...]:
        """The fields of the request whose controls are in this section."""
        return (*self._own, "seed", "fast_variations")

    def reset(self, name: str) -> None:
        """Give the control of one of these fields its default."""
        if name == "seed":
            self.seed.randomise()
        elif name == "fast_variations":
            self.fast.setChecked(False)
        else:
            self._controls[name].reset()

    def show_model_defaults(self, values: Mapping[str, Any]) -> None:
        """Show what "Auto" stands for with the chosen model."""
        for name, field in self._own.items():
            field.set_auto(values.get(name, FALLBACKS[name]))

    def show_values(self, values: TextValues | TextRequest) -> None:
        """Show the values; the seed stays unchanged."""
        self.temperature.set_value(values.temperature)
        self.top_p.set_value(values.top_p)
        self.top_k.set_value(values.top_k)
        self.min_p.set_value(values.min_p)
        self.penalty.set_value(values.repetition_penalty)
        self.max_tokens.set_value(values.max_tokens)
        self.fast.setChecked(values.fast_variations)

    def store_values(self, values: TextValues) -> None:
        """Store the values, the seed, and whether the section is open."""
        values.temperature = self.temperature.value()
        values.top_p = self.top_p.value()
        values.top_k = optional_int(self.top_k.value())
        values.min_p = self.min_p.value()
        values.repetition_penalty = self.penalty.value()
        values.max_tokens = self.max_tokens.int_value()
        values.fast_variations = self.fast.isChecked()
        values.seed = self.seed.value()
        values.more_open = self.is_open()
