"""Results dragged out of the window, as files."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QSize, Qt
from PySide6.QtGui import QDrag, QPixmap
from PySide6.QtWidgets import QAbstractItemView

from studio.ui.gallery.history_model import PICTURE_ROLE, HistoryModel

MAX_DRAGGED = 1000
"""Results of one drag; other programs open each as a file."""


def drag_results(view: QAbstractItemView, model: HistoryModel, selection: QItemSelection) -> None:
    """Drag the selected results that are loaded."""
    rows = [
        row
        for number in range(selection.size())
        for row in range(
            selection.at(number).top(),
            min(selection.at(number).bottom() + 1, selection.at(number).top() + MAX_DRAGGED),
        )
    ]
    assets = model.known(model.numbers(sorted(rows)[:MAX_DRAGGED]))
    if not assets:
        return
    files = model.outgoing(assets)
    if not files.urls():
        return
    drag = QDrag(view)
    drag.setMimeData(files)
    pixmap = model.data(model.index(rows[0]), PICTURE_ROLE)
    if isinstance(pixmap, QPixmap):
        size = QSize(96, 96)
        drag.setPixmap(pixmap.scaled(size, Qt.AspectRatioMode.KeepAspectRatio))
    # A copy only: a move by a file manager would take the file out of the library.
    drag.exec(Qt.DropAction.CopyAction)
