"""Keeps the window inside its screen, whatever size it had on another one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

TITLE_BAR = 40
"""Pixels kept free for the title bar, whose height is not known before the window is shown."""

_WITHOUT_SCREEN = ("offscreen", "minimal")
"""Platforms whose screen is invented; a window on them has the size that it asks for."""


def available_area(window: QWidget) -> QRect | None:
    """Return the part of the window's screen that is free for windows, None if there is none."""
    if QGuiApplication.platformName() in _WITHOUT_SCREEN:
        return None
    screen = window.screen()
    return screen.availableGeometry() if screen is not None else None


def fit_to_screen(window: QWidget, area: QRect | None, least: QSize) -> None:
    """Make the window as large as the area allows and move it inside; `least` is its minimum.

    A maximised window is left as it is.
    """
    if area is None or window.isMaximized() or window.isFullScreen():
        return
    room = QSize(area.width(), max(1, area.height() - TITLE_BAR))
    window.setMinimumSize(least.boundedTo(room))
    window.resize(window.size().boundedTo(room))
    # The title bar is above the geometry of the content.
    place = window.geometry().topLeft()
    left = min(max(place.x(), area.left()), area.right() + 1 - window.width())
    top = min(max(place.y(), area.top() + TITLE_BAR), area.bottom() + 1 - window.height())
    if QPoint(left, top) != place:
        window.setGeometry(QRect(QPoint(left, top), window.size()))
