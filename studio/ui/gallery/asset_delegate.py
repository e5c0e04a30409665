"""The delegate that paints a result as a row of a list."""

from __future__ import annotations

from PySide6.QtGui import QIcon, QPixmap

from studio.library.records import Asset
from studio.ui.gallery.history_model import ASSET_ROLE, PICTURE_ROLE, SECOND_LINE_ROLE
from studio.ui.gallery.thumbnails import SHOWN
from studio.ui.shell.kind_labels import asset_icon
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID
from studio.ui.widgets.two_line_delegate import Index, TwoLineDelegate

ROW_SIDE = 6 * GRID


class AssetDelegate(TwoLineDelegate):
    """Paints a thumbnail or an icon, the title, and a second line with date and size."""

    def picture(self, index: Index) -> QIcon | QPixmap | None:
        pixmap = index.data(PICTURE_ROLE)
        if isinstance(pixmap, QPixmap):
            return pixmap
        asset: Asset | None = index.data(ASSET_ROLE)
        return None if asset is None else icon(asset_icon(asset), "muted")

    def side(self, index: Index) -> int:
        asset: Asset | None = index.data(ASSET_ROLE)
        shows_picture = asset is not None and asset.medium in SHOWN
        return ROW_SIDE if shows_picture else 20

    def second_line(self, index: Index) -> str:
        return str(index.data(SECOND_LINE_ROLE) or "")
