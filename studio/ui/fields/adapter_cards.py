"""LoRAs and embeddings of a request: a card for each, with weight, switch and trigger words."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.formats.weights.base_families import TITLES
from studio.protocol import Adapter, ModelRef
from studio.ui.fields.number_field import NumberField
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.elided_label import StatusLine
from studio.ui.widgets.plain_text import menu_text, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel

_LIMIT = 2.0
"""Weights beyond it rarely give a usable picture; the field accepts more than the slider."""

_MOST = 10.0
_SLIDER_STEPS = 20
"""Steps of the slider for a weight of 1."""

_CHOSEN_ROLES = ("lora", "embedding")


class AdapterValue(Struct, frozen=True):
    """A card: the id of a LoRA or embedding, its weight, and whether it is used."""

    model: str
    weight: float = 1.0
    is_on: bool = True


class AdapterCards(QWidget):
    """The cards, and a menu to add more. Those of another base family cannot be added."""

    changed = Signal()
    word_chosen = Signal(str)
    """A trigger word to insert into the prompt."""
    models_requested = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._models: dict[str, ModelRef] = {}
        self._base = ""
        self._cards: list[AdapterCard] = []
        self.add = QToolButton(self)
        self.add.setText(self.tr("Add a LoRA"))
        self.add.setIcon(icon("plus"))
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add.setObjectName(f"{name}.add")
        self.add.setAccessibleName(self.add.text())
        self.add.setAutoRaise(True)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.add.setMenu(self._menu)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID // 2)
        self._layout.addWidget(self.add)

    def adapters(self) -> tuple[Adapter, ...]:
        """Return the adapters that are switched on."""
        return tuple(Adapter(value.model, value.weight) for value in self.values() if value.is_on)

    def values(self) -> tuple[AdapterValue, ...]:
        """Return what the cards show, also those that are switched off."""
        return tuple(card.value() for card in self._cards)

    def set_values(self, values: Sequence[AdapterValue]) -> None:
        """Show these cards instead of the present ones."""
        if tuple(values) == self.values():
            return
        for card in list(self._cards):
            self._take_out(card)
        for value in values:
            self._append(value)

    def set_models(self, models: Sequence[ModelRef], base: str) -> None:
        """Set what can be chosen, and the base family of the chosen model, empty if unknown."""
        self._models = {model.id: model for model in models if model.role in _CHOSEN_ROLES}
        self._base = base
        for card in self._cards:
            card.set_model(self._models.get(card.value().model), base)

    # ---- private

    def _fill_menu(self) -> None:
        self._menu.clear()
        shown = {value.model for value in self.values()}
        left = [model for model in self._models.values() if model.id not in shown]
        fitting = [model for model in left if fits(model, self._base)]
        for model in fitting:
            action = self._menu.addAction(menu_text(model.name))
            action.triggered.connect(lambda _=False, id=model.id: self._add(id))
        others = [model for model in left if not fits(model, self._base)]
        if others:
            self._menu.addSection(self.tr("For other base models"))
        for model in others:
            family = TITLES.get(model.base, model.base)
            self._menu.addAction(menu_text(f"{model.name} ({family})")).setEnabled(False)
        if not left:
            none = self._menu.addAction(self.tr("No other LoRA is installed"))
            none.setEnabled(False)
        self._menu.addSeparator()
        more = self._menu.addAction(icon("folder-plus"), self.tr("Add models…"))
        more.triggered.connect(self.models_requested)

    def _add(self, id: str) -> None:
        self._append(AdapterValue(id))
        self.changed.emit()

    def _append(self, value: AdapterValue) -> None:
        card = AdapterCard(value, self)
        card.set_model(self._models.get(value.model), self._base)
        card.changed.connect(self.changed)
        card.word_chosen.connect(self.word_chosen)
        card.removed.connect(lambda: self._remove(card))
        self._layout.insertWidget(self._layout.count() - 1, card)
        self._cards.append(card)

    def _remove(self, card: AdapterCard) -> None:
        self._take_out(card)
        self.add.setFocus()
        self.changed.emit()

    def _take_out(self, card: AdapterCard) -> None:
        self._cards.remove(card)
        self._layout.removeWidget(card)
        card.hide()
        card.deleteLater()


class AdapterCard(QFrame):
    """One LoRA or embedding."""

    changed = Signal()
    removed = Signal()
    word_chosen = Signal(str)

    def __init__(self, value: AdapterValue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._model_id = value.model
        self.switch = QCheckBox(self)
        self.switch.setChecked(value.is_on)
        self.switch.setToolTip(plain_tooltip(self.tr("Use it for the next pictures")))
        self.name = StatusLine(self)
        self.remove = tool_button("x", self.tr("Remove"), parent=self)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(int(-_LIMIT * _SLIDER_STEPS), int(_LIMIT * _SLIDER_STEPS))
        self.slider.setPageStep(_SLIDER_STEPS // 4)
        self.slider.setAccessibleName(self.tr("Weight"))
        self.weight = NumberField(
            self.tr("Weight"), -_MOST, _MOST, 1.0, 1 / _SLIDER_STEPS, 2, parent=self
        )
        self.note = TintedLabel(self)
        self.note.setWordWrap(True)
        self.note.hide()
        self._words = QHBoxLayout()
        self._words.setSpacing(GRID // 2)
        top = QHBoxLayout()
        top.setSpacing(GRID // 2)
        top.addWidget(self.switch)
        top.addWidget(self.name, 1)
        top.addWidget(self.remove)
        strength = QHBoxLayout()
        strength.setSpacing(GRID)
        strength.addWidget(self.slider, 1)
        strength.addWidget(self.weight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID // 2, GRID // 2, GRID // 2)
        layout.setSpacing(GRID // 2)
        layout.addLayout(top)
        layout.addLayout(strength)
        layout.addLayout(self._words)
        layout.addWidget(self.note)
        self._set_weight(value.weight)
        self.switch.toggled.connect(self._toggled)
        self.slider.valueChanged.connect(self._slid)
        self.weight.changed.connect(self._typed)
        self.remove.clicked.connect(self.removed)
        self._toggled_enabled()

    def value(self) -> AdapterValue:
        """Return what the card shows."""
        return AdapterValue(
            self._model_id, float(self.weight.value() or 0.0), self.switch.isChecked()
        )

    def set_model(self, model: ModelRef | None, base: str) -> None:
        """Show the model; None if it is not installed. `base` is that of the base model."""
        name = model.name if model is not None else self._model_id
        self.name.set_text(name)
        self.switch.setAccessibleName(name)
        is_embedding = model is not None and model.role == "embedding"
        self.slider.setVisible(not is_embedding)
        self.weight.setVisible(not is_embedding)
        if model is None:
            self.note.show_text(self.tr("It is not installed."), "warning")
        elif not fits(model, base):
            self.note.show_text(
                self.tr("It is made for {family}.").format(
                    family=TITLES.get(model.base, model.base)
                ),
                "warning",
            )
        self.note.setVisible(model is None or not fits(model, base))
        self._show_words(model.trigger_words if model is not None else ())

    def _show_words(self, words: Sequence[str]) -> None:
        while (item := self._words.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for word in words[:3]:
            button = QToolButton(self)
            button.setText(menu_text(word, 24))
            button.setToolTip(
                plain_tooltip(self.tr("Insert “{word}” into the prompt").format(word=word))
            )
            button.clicked.connect(lambda _=False, chosen=word: self.word_chosen.emit(chosen))
            self._words.addWidget(button)
        if words:
            self._words.addStretch(1)

    def _set_weight(self, weight: float) -> None:
        self.weight.set_value(weight)
        weight = float(self.weight.value() or 0.0)
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(weight * _SLIDER_STEPS))
        self.slider.blockSignals(blocked)

    def _slid(self, steps: int) -> None:
        self.weight.set_value(steps / _SLIDER_STEPS)

    def _typed(self) -> None:
        self._set_weight(float(self.weight.value() or 0.0))
        self.changed.emit()

    def _toggled(self) -> None:
        self._toggled_enabled()
        self.changed.emit()

    def _toggled_enabled(self) -> None:
        for widget in (self.slider, self.weight, self.name):
            widget.setEnabled(self.switch.isChecked())


def fits(model: ModelRef, base: str) -> bool:
    """Return whether a LoRA can work with a base family; True if either is unknown."""
    return not model.base or not base or model.base == base
