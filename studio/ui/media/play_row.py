"""The row below a moving picture: play or pause, the place to go to, and the time."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from studio.ui.media.sound.sound_panel import clock
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, mute
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip


class PlayRow(QHBoxLayout):
    """Object names: `<name>.play`, `.place`, `.time`. `place_name` is what the slider is called."""

    def __init__(self, name: str, place_name: str, parent: QWidget) -> None:
        super().__init__()
        self.play = tool_button("play", self.tr("Play"), f"{name}.play", parent)
        self.play.setIconSize(QSize(3 * GRID, 3 * GRID))
        self.place = QSlider(Qt.Orientation.Horizontal, parent)
        self.place.setObjectName(f"{name}.place")
        self.place.setAccessibleName(place_name)
        self.time = plain_label(parent=parent)
        self.time.setObjectName(f"{name}.time")
        mute(self.time)
        self.setSpacing(GRID)
        self.addWidget(self.play)
        self.addWidget(self.place, 1)
        self.addWidget(self.time)

    def set_playing(self, playing: bool) -> None:
        """Show what the button does now."""
        self.play.setIcon(icon("pause" if playing else "play"))
        text = self.tr("Pause playing") if playing else self.tr("Play")
        self.play.setToolTip(plain_tooltip(text))
        self.play.setAccessibleName(text)

    def set_place(self, value: int) -> None:
        """Move the slider without going there."""
        blocked = self.place.blockSignals(True)
        self.place.setValue(value)
        self.place.blockSignals(blocked)

    def set_time(self, seconds: float, duration: float) -> None:
        """Show the time and how long it takes."""
        self.time.setText(f"{clock(seconds)} / {clock(duration)}")
