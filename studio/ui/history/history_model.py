"""Recent results, newest first, with thumbnails that are read when they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
)
from PySide6.QtGui import QImage, QImageReader, QPixmap

from studio.library.records import Asset
from studio.ui.background import Background
from studio.ui.widgets.times import ago_text

Index = QModelIndex | QPersistentModelIndex
ASSET_ROLE = Qt.ItemDataRole.UserRole
SECOND_ROLE = Qt.ItemDataRole.UserRole + 1
PICTURE_ROLE = Qt.ItemDataRole.UserRole + 2

THUMBNAIL = 96
"""Pixels of a thumbnail's longer side: 48 on the screen, sharp at 200 %."""

KEPT_THUMBNAILS = 400

MERGED_RUNS = 50
"""With more places that changed, the list is made anew."""

_MARKS = str.maketrans("", "", "*`#")


def asset_title(asset: Asset) -> str:
    """Return the answer's or the prompt's first words."""
    source = asset.text if asset.task == "text" and asset.text else asset.prompt
    return " ".join(source[:300].translate(_MARKS).split()) or asset.path.name


def read_thumbnail(path: str, side: int) -> QImage:
    """Return a small picture, null where the file cannot be read. Safe on any thread."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if not image.isNull() and max(image.width(), image.height()) > side:
        image = image.scaled(
            side,
            side,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return image


class HistoryModel(QAbstractListModel):
    """One row an asset. `more_wanted` is called when the end of the list is reached."""

    def __init__(
        self,
        background: Background,
        more_wanted: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._more_wanted = more_wanted
        self._assets: list[Asset] = []
        self._has_more = False
        self._thumbnails: OrderedDict[str, QPixmap | None] = OrderedDict()

    def set_assets(self, assets: Sequence[Asset], has_more: bool) -> None:
        """Show these assets; what is new at either end leaves the rest in place."""
        self._has_more = has_more
        after = {asset.id: asset for asset in assets}
        kept = [asset.id for asset in self._assets if asset.id in after]
        known = set(kept)
        if kept != [name for name in after if name in known] or not self._merge(assets, after):
            self.beginResetModel()
            self._assets = list(assets)
            self.endResetModel()

    def _merge(self, assets: Sequence[Asset], after: Mapping[str, Asset]) -> bool:
        """Take out, put in and change single rows. False where there are too many of them."""
        known = {asset.id for asset in self._assets}
        gone = _runs([asset.id not in after for asset in self._assets])
        new = _runs([asset.id not in known for asset in assets])
        if len(gone) + len(new) > MERGED_RUNS:
            return False
        for first, last in reversed(gone):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._assets[first : last + 1]
            self.endRemoveRows()
        for first, last in new:
            self.beginInsertRows(QModelIndex(), first, last)
            self._assets[first:first] = assets[first : last + 1]
            self.endInsertRows()
        for row, asset in enumerate(assets):
            if asset != self._assets[row]:
                self._assets[row] = asset
                self.dataChanged.emit(self.index(row), self.index(row))
        return True

    def assets(self) -> list[Asset]:
        """Return the assets of all rows."""
        return list(self._assets)

    def asset(self, index: Index) -> Asset | None:
        """Return the asset of a row."""
        row = index.row()
        return self._assets[row] if 0 <= row < len(self._assets) else None

    # ---- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._assets)

    def canFetchMore(self, _parent: Index) -> bool:
        return self._has_more

    def fetchMore(self, _parent: Index) -> None:
        self._has_more = False
        self._more_wanted()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        asset = self.asset(index)
        if asset is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return asset_title(asset)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{_when(asset)}\n{asset.path}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{asset_title(asset)}, {self._second(asset)}"
        if role == ASSET_ROLE:
            return asset
        if role == SECOND_ROLE:
            return self._second(asset)
        if role == PICTURE_ROLE and asset.task != "text":
            return self._thumbnail(asset)
        return None

    def _second(self, asset: Asset) -> str:
        parts = ["★" if asset.starred else "", *(f"#{tag}" for tag in asset.tags), _ago(asset)]
        if asset.width and asset.height:
            parts.append(f"{asset.width} × {asset.height}")
        if asset.task == "text" and asset.text:
            parts.append(" ".join(asset.prompt[:120].split()))
        return " · ".join(part for part in parts if part)

    def _thumbnail(self, asset: Asset) -> QPixmap | None:
        if asset.id in self._thumbnails:
            self._thumbnails.move_to_end(asset.id)
            return self._thumbnails[asset.id]
        self._thumbnails[asset.id] = None
        while len(self._thumbnails) > KEPT_THUMBNAILS:
            self._thumbnails.popitem(last=False)
        path = str(asset.path)

        def keep(image: QImage) -> None:
            if image.isNull():
                return
            pixmap = QPixmap.fromImage(image)
            self._thumbnails[asset.id] = pixmap
            for row, shown in enumerate(self._assets):
                if shown.id == asset.id:
                    self.dataChanged.emit(self.index(row), self.index(row))
                    return

        self._background.read(self, lambda: read_thumbnail(path, THUMBNAIL), keep)
        return None


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the first and last places of each unbroken run of true flags."""
    runs: list[tuple[int, int]] = []
    for place, flag in enumerate(flags):
        if flag and runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        elif flag:
            runs.append((place, place))
    return runs


def _ago(asset: Asset) -> str:
    try:
        then = datetime.fromisoformat(asset.created)
    except ValueError:
        return ""
    return ago_text(then, datetime.now(then.tzinfo))


def _when(asset: Asset) -> str:
    try:
        return datetime.fromisoformat(asset.created).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return asset.created
