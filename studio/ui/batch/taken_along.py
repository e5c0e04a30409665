"""What a batch takes along from the tab: shown, and each value can be left out."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.kinds.registry import AnyKind
from studio.kinds.requests import prompt_of
from studio.protocol import Request
from studio.ui.fields.value_chips import ValueChips, value_text, value_texts
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import one_line, plain_label

_SIZE = ("width", "height")
_ALWAYS = ("model", "prompt")
"""Fields that cannot be left out."""


class TakenAlong(QWidget):
    """`base` returns the request of the tab; `request` returns it without what was removed."""

    changed = Signal()

    def __init__(
        self, kind: AnyKind, base: Callable[[], Request], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("batch.taken")
        self._kind = kind
        self._base = base
        self._left_out: set[str] = set()
        self._title = plain_label(parent=self)
        self._title.setWordWrap(True)
        mute(self._title)
        self.again = QPushButton(self.tr("Take everything along again"), self)
        self.again.setFlat(True)
        self.again.clicked.connect(self._take_all)
        self.chips = ValueChips("batch.taken.values", self)
        self.chips.removed.connect(self._leave_out)
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self.again, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(top)
        layout.addWidget(self.chips)

    def request(self) -> Request:
        """Return the request that the batch varies."""
        request = self._base()
        fields = self._kind.fields
        gone = {
            name
            for name, field in fields.items()
            if name in self._left_out or field.requires in self._left_out
        }
        return request.with_values(**{name: fields[name].default for name in gone})

    def show_for(self, varied: Collection[str]) -> None:
        """Show what is taken along for a batch that sets the fields in `varied` itself."""
        set_there = {*varied, *(_SIZE if "size" in varied else ())}
        request = self.request()
        texts = value_texts(request)
        if self._kind.has_prompt and (prompt := prompt_of(request)):
            label = tr(self._kind.fields["prompt"].label)
            texts = {"prompt": value_text(label, one_line(prompt)), **texts}
        shown = {name: text for name, text in texts.items() if name not in set_there}
        tab = tr(self._kind.title)
        self._title.setText(
            (
                self.tr("Taken along from the {tab} tab:")
                if shown
                else self.tr("Nothing is taken along from the {tab} tab.")
            ).format(tab=tab)
        )
        self.again.setVisible(bool(self._left_out))
        self.chips.show_values(shown, _ALWAYS)

    def _leave_out(self, name: str) -> None:
        self._left_out.add(name)
        self.changed.emit()

    def _take_all(self) -> None:
        self._left_out.clear()
        self.changed.emit()
