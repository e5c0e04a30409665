"""The button "Model's defaults", which sets fields back to what suits the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from studio.ui.fields.number_field import NumberField


class ModelDefaultsButton(QPushButton):
    """Sets optional fields to "Auto"; enabled while one of them is not.

    `fields` are number fields, and boxes whose first entry is "Auto".
    """

    def __init__(
        self,
        fields: Sequence[NumberField],
        boxes: Sequence[QComboBox],
        name: str,
        on_box_reset: Callable[[], None] = lambda: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._fields = fields
        self._boxes = boxes
        self._on_box_reset = on_box_reset
        self.setText(self.tr("Model's defaults"))
        self.setToolTip(
            self.tr("Use the values that suit the model. Bold labels mark what differs from them.")
        )
        self.setObjectName(name)
        self.setAccessibleName(self.text())
        self.clicked.connect(self._reset)
        for field in fields:
            field.changed.connect(self.update_enabled)
        for box in boxes:
            box.currentIndexChanged.connect(self.update_enabled)
        self.update_enabled()

    def update_enabled(self, *_: object) -> None:
        """Enable the button if there is something to set back."""
        changed = any(field.value() is not None for field in self._fields if field.isEnabled())
        self.setEnabled(changed or any(box.currentIndex() > 0 for box in self._boxes))

    def _reset(self) -> None:
        for field in self._fields:
            field.set_value(None)
        for box in self._boxes:
            if box.currentIndex() > 0:
                box.setCurrentIndex(0)
                self._on_box_reset()
