"""The seed: a number, or "Random"; a dice for random and a button for the last one used."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from studio.protocol import MAX_SEED
from studio.ui.fields.number_field import ResetLabel
from studio.ui.style.theme import GRID
from studio.ui.widgets.buttons import tool_button


class SeedField(QWidget):
    """`name` becomes the object name of the spin box; its buttons are `<name>.random`, `.last`."""

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last: int | None = None
        label = ResetLabel(self.tr("Seed"), self)
        label.reset.connect(self.randomise)
        # A QSpinBox ends at 2³¹−1; seeds reach 2³²−1.
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
        self._dice = tool_button(
            "dice-5", self.tr("A random seed each time"), f"{name}.random", self
        )
        self._dice.clicked.connect(self.randomise)
        self._again = tool_button(
            "rotate-ccw", self.tr("Use the last seed again"), f"{name}.last", self
        )
        self._again.setEnabled(False)
        self._again.clicked.connect(self.reuse_last)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(label, 1)
        layout.addWidget(self._dice)
        layout.addWidget(self._again)
        layout.addWidget(self.spin)
        self.setFocusProxy(self.spin)
        self.spin.valueChanged.connect(self.changed)

    def value(self) -> int | None:
        """Return the seed, or None for a random one."""
        value = int(self.spin.value())
        return None if value < 0 else value

    def set_value(self, seed: int | None) -> None:
        """Show a seed, or "Random" for None."""
        self.spin.setValue(-1 if seed is None else seed)

    def set_last(self, seed: int) -> None:
        """Remember the seed that the last job used, for the "again" button."""
        self._last = seed
        self._again.setEnabled(True)
        self._again.setToolTip(self.tr("Use the last seed again ({seed})").format(seed=seed))

    def randomise(self) -> None:
        """Ask for a random seed each time."""
        self.set_value(None)

    def reuse_last(self) -> None:
        """Fix the seed that the last job used."""
        if self._last is not None:
            self.set_value(self._last)
