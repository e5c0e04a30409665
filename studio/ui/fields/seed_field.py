"""The seed: a number or "Random"."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from studio.protocol import MAX_SEED
from studio.ui.fields.number_field import ResetLabel
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button


class SeedField(QWidget):
    """A spin box with buttons for a random seed and for the last seed used.

    Object names: `<name>` is the spin box, `<name>.random` and `<name>.last` the buttons.
    """

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last: int | None = None
        label = ResetLabel(self.tr("Seed"), self)
        label.reset.connect(self.randomise)
        # QSpinBox is limited to 2³¹−1; seeds go up to 2³²−1.
        self.spin = QDoubleSpinBox(self)
        self.spin.setDecimals(0)
        self.spin.setRange(-1, MAX_SEED)
        self.spin.setSpecialValueText(self.tr("Random"))
        self.spin.setValue(-1)
        self.spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.spin.setObjectName(name)
        self.spin.setAccessibleName(self.tr("Seed"))
        self.spin.setMinimumWidth(16 * GRID)
        self.spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        label.setBuddy(self.spin)
        self._random_button = tool_button(
            "dice-5", self.tr("A random seed each time"), f"{name}.random", self
        )
        self._random_button.clicked.connect(self.randomise)
        self._reuse_button = tool_button(
            "rotate-ccw", self.tr("Use the last seed again"), f"{name}.last", self
        )
        self._reuse_button.setEnabled(False)
        self._reuse_button.clicked.connect(self.reuse_last)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(label, 1)
        layout.addWidget(self._random_button)
        layout.addWidget(self._reuse_button)
        layout.addWidget(self.spin)
        self.setFocusProxy(self.spin)
        self.spin.valueChanged.connect(self.changed)

    def value(self) -> int | None:
        """Return the seed, or None for "Random"."""
        value = int(self.spin.value())
        return None if value < 0 else value

    def set_value(self, seed: int | None) -> None:
        """Set the seed, None for "Random"."""
        self.spin.setValue(-1 if seed is None else seed)

    def set_last(self, seed: int) -> None:
        """Set the seed that the button "Use the last seed again" restores."""
        self._last = seed
        self._reuse_button.setEnabled(True)
        self._reuse_button.setToolTip(self.tr("Use the last seed again ({seed})").format(seed=seed))

    def randomise(self) -> None:
        """Set the seed to "Random"."""
        self.set_value(None)

    def reuse_last(self) -> None:
        """Set the seed that the last job used."""
        if self._last is not None:
            self.set_value(self._last)
