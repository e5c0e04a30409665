"""Shows on the button of the models dialog that something is being downloaded."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QToolButton

from studio.ui.models.downloads import Downloads
from studio.ui.style.icons import icon
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import one_line, plain_tooltip


class DownloadIndicator(QObject):
    """Changes text, icon and tooltip of the button while there are unfinished downloads."""

    def __init__(self, button: QToolButton, downloads: Downloads) -> None:
        super().__init__(button)
        self._button = button
        self._text = button.text()
        self._icon = button.icon()
        self._downloads = downloads
        downloads.changed.connect(self._show)

    def _show(self) -> None:
        running = self._downloads.running
        if not running:
            self._button.setText(self._text)
            self._button.setIcon(self._icon)
            self._button.setToolTip("")
            return
        total = sum(status.total or 0 for status in running)
        done = sum(status.done for status in running if status.total)
        percent = tr("{percent} %").format(percent=round(100 * done / total) if total else 0)
        self._button.setText(f"{self._text} · {percent}")
        self._button.setIcon(icon("download"))
        names = "\n".join(one_line(status.title) for status in running)
        self._button.setToolTip(plain_tooltip(f"{tr('Downloading:')}\n{names}"))
