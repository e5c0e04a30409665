"""The rarely used controls of the Text tab."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from studio.kinds.text import TextRequest
from studio.ui.fields.number_field import NumberField
from studio.ui.fields.seed_field import SeedField
from studio.ui.widgets.more_section import MoreSection
from studio.ui.workspaces.text.values import TextValues


class TextControls(MoreSection):
    """Sampling, length and seed, folded away under "More"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "text.more", parent)
        self.button.setText(self.tr("More"))
        self.button.setAccessibleName(self.tr("More"))
        usual = TextValues()
        self.temperature = NumberField(
            self.tr("Temperature"),
            0,
            5,
            usual.temperature,
            0.05,
            2,
            name="text.temperature",
            tooltip=self.tr("Higher is more varied; 0 always takes the likeliest word."),
        )
        self.top_p = NumberField(
            self.tr("Top-p"),
            0.01,
            1,
            usual.top_p,
            0.05,
            2,
            name="text.top_p",
            tooltip=self.tr("Choose among the likeliest words that make up this share; 1 is all."),
        )
        self.top_k = NumberField(
            self.tr("Top-k"),
            0,
            1000,
            usual.top_k,
            name="text.top_k",
            tooltip=self.tr("Choose among this many likeliest words; 0 is all."),
        )
        self.penalty = NumberField(
            self.tr("Repetition penalty"),
            0.5,
            2,
            usual.repetition_penalty,
            0.05,
            2,
            name="text.repetition_penalty",
            tooltip=self.tr("Above 1 avoids words that were already used."),
        )
        self.max_tokens = NumberField(
            self.tr("Longest answer"),
            1,
            32_768,
            usual.max_tokens,
            64,
            name="text.max_tokens",
            suffix=self.tr(" tokens"),
            tooltip=self.tr("A token is about three quarters of an English word."),
        )
        self.seed = SeedField("text.seed")
        for widget in (
            self.temperature,
            self.top_p,
            self.top_k,
            self.penalty,
            self.max_tokens,
            self.seed,
        ):
            self.add(widget)

    def show_values(self, values: TextValues | TextRequest) -> None:
        """Show these values; the seed is left as it is."""
        self.temperature.set_value(values.temperature)
        self.top_p.set_value(values.top_p)
        self.top_k.set_value(values.top_k)
        self.penalty.set_value(values.repetition_penalty)
        self.max_tokens.set_value(values.max_tokens)

    def to_settings(self, values: TextValues) -> None:
        """Keep the values, the seed, and whether the section is open."""
        values.temperature = self.temperature.number()
        values.top_p = self.top_p.number()
        values.top_k = self.top_k.whole()
        values.repetition_penalty = self.penalty.number()
        values.max_tokens = self.max_tokens.whole()
        values.seed = self.seed.value()
        values.more_open = self.is_open()
