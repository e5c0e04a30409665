"""Shows what the next job uses although its control is folded away or scrolled out of sight."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from studio.kinds.image import ImageRequest
from studio.ui.fields.value_chips import ValueChips, value_texts
from studio.ui.workspaces.image.image_controls import ImageControls


class ValuesOutOfSight(QObject):
    """Keeps the chips, and the badge of "Advanced". `column` holds the controls and scrolls."""

    def __init__(
        self,
        chips: ValueChips,
        controls: ImageControls,
        column: QWidget,
        request: Callable[[], ImageRequest],
    ) -> None:
        super().__init__(chips)
        self._chips = chips
        self._controls = controls
        self._column = column
        self._request = request
        # What is in sight is known after the layout.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        column.installEventFilter(self)
        chips.removed.connect(controls.reset)

    def refresh_soon(self, *_: object) -> None:
        """Refresh after pending layouts."""
        self._timer.start()

    def refresh(self) -> None:
        """Show the values whose controls are not in sight."""
        controls = self._controls
        texts = value_texts(self._request())
        controls.more.set_badge(sum(controls.is_advanced(name) for name in texts))
        places = {name: controls.place_of(name) for name in texts}
        self._chips.show_values(
            {
                name: text
                for name, text in texts.items()
                if (place := places[name]) is not None and _is_out_of_sight(place, self._column)
            }
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show):
            self.refresh_soon()
        return super().eventFilter(watched, event)


def _is_out_of_sight(place: QWidget, column: QWidget) -> bool:
    """Return whether a control is folded away, or less than half of it can be seen."""
    if not place.isVisibleTo(column):
        return True
    seen = place.visibleRegion().boundingRect()
    return column.isVisible() and seen.height() < place.height() / 2
