"""Below an answer: what of each document was read, and the passages that it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from studio.kinds.citations import cite
from studio.kinds.sources import Source, meter, numbered, place_of, short_name
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.style.translations import translated
from studio.ui.widgets.plain_text import menu_text, plain_label, plain_tooltip
from studio.ui.widgets.wrapped_buttons import WrappedButtons

_MOST = 24
_LONGEST = 60
_TOOLTIP = 600


class SourcesBox(QWidget):
    """Object names: `text.sources`, and `text.source.N` for the buttons."""

    passage_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text.sources")
        self.meter = plain_label(parent=self)
        self.meter.setObjectName("text.sources.meter")
        self.meter.setWordWrap(True)
        mute(self.meter)
        self._buttons = WrappedButtons(self)
        self._shown: tuple[object, ...] = ()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, GRID // 2, 0, 0)
        rows.setSpacing(GRID // 2)
        rows.addWidget(self._buttons)
        rows.addWidget(self.meter)

    def show_sources(self, sources: Sequence[Source], answer: str) -> None:
        """Show the sources of an answer: those that it cites, or all if it cites none."""
        if self._shown == (sources, answer):
            return
        self._shown = (sources, answer)
        lines = [
            self.tr("Read of {name}: {parts}").format(
                name=source.name, parts=translated(meter(source))
            )
            for source in sources
        ]
        self.meter.setText("\n".join(lines[:_MOST]))
        cited = {number for each in cite(answer, sources) for number in each.numbers}
        shown = [each for each in numbered(sources) if each[0] in cited or not cited][:_MOST]
        buttons = []
        for number, source, passage in shown:
            place = translated(place_of(source, passage))
            text = f"[{number}] {source.name}, {place}"
            button = QToolButton(self._buttons)
            button.setObjectName(f"text.source.{number}")
            short = f"[{number}] {short_name(source.name)}, {place}"
            button.setText(menu_text(short, _LONGEST))
            button.setAccessibleName(text)
            button.setToolTip(plain_tooltip(f"{text}\n{passage.text[:_TOOLTIP]}"))
            button.setIcon(icon("file", "muted"))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAutoRaise(True)
            button.clicked.connect(lambda _=False, n=number: self.passage_clicked.emit(n))
            buttons.append(button)
        self._buttons.set_buttons(buttons)
