"""Results dragged out of the window, as files."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QItemSelection, QMimeData, QSize, Qt, QUrl
from PySide6.QtGui import QDrag, QPixmap
from PySide6.QtWidgets import QAbstractItemView

from studio.library.records import Asset
from studio.ui.gallery.history_model import PICTURE_ROLE, HistoryModel

MAX_DRAGGED = 1000
"""Results of one drag; other programs open each as a file."""


def dragged_files(assets: Sequence[Asset]) -> QMimeData:
    """Return the files of results as what is dragged or copied."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(asset.path)) for asset in assets])
    return data


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
    drag = QDrag(view)
    drag.setMimeData(dragged_files(assets))
    pixmap = model.data(model.index(rows[0]), PICTURE_ROLE)
    if isinstance(pixmap, QPixmap):
        size = QSize(96, 96)
        drag.setPixmap(pixmap.scaled(size, Qt.AspectRatioMode.KeepAspectRatio))
    # A copy only: a move by a file manager would take the file out of the library.
    drag.exec(Qt.DropAction.CopyAction)
