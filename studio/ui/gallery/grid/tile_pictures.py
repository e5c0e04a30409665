"""What the tiles of the grid show, made on other threads: thumbnails, and cards for texts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QObject, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPixmap, QTextOption

from studio.formats.chat.thoughts import without_thoughts
from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.thumbnails import read_thumbnail
from studio.ui.shell.typed_signal import TypedSignal

THREADS = 2

CACHED_BYTES = 64_000_000
"""Enough for every tile on a 4K screen at 200 %."""

SMALL = 48
"""Pixels of the longer side of a picture that is not enlarged to fill its tile."""

MAX_CARD_TEXT = 1200
"""Characters of a text that are laid out on its card at most."""

_MARKDOWN = str.maketrans("", "", "*`#")

# PySide makes the classes of enums when they are first used. Two threads that do so at the same
# time crash the process, so it is done here, once.
_KEEP_RATIO = Qt.AspectRatioMode.KeepAspectRatio
_SMOOTH = Qt.TransformationMode.SmoothTransformation
_ARGB32, _RGB32 = QImage.Format.Format_ARGB32_Premultiplied, QImage.Format.Format_RGB32
_WRAP = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
_TRANSPARENT = Qt.GlobalColor.transparent


@dataclass(frozen=True)
class CardLook:
    """The colours and the font of the cards for texts."""

    text: QColor
    muted: QColor
    font: QFont


@dataclass(frozen=True)
class TileRequest:
    """A tile to be made: `side` is in pixels of the screen, `ratio` how many make a point."""

    number: int
    path: str
    side: int
    ratio: float
    prompt: str = ""
    text: str = ""
    look: CardLook | None = None
    """None for a picture."""


def tile_request(asset: Asset, side: int, ratio: float, look: CardLook) -> TileRequest:
    """Return what must be made for a result."""
    if asset.medium in (Medium.PICTURE, Medium.VIDEO):
        return TileRequest(asset.number, str(asset.path), side, ratio)
    text = without_thoughts(asset.text or "")[:MAX_CARD_TEXT].translate(_MARKDOWN).strip()
    prompt = " ".join(asset.prompt[:MAX_CARD_TEXT].split())
    return TileRequest(
        asset.number, str(asset.path), side, ratio, prompt, text or asset.path.name, look
    )


def make_tile(request: TileRequest) -> QImage:
    """Return the picture of a tile, null if the file is unreadable. Thread-safe."""
    if request.look is not None:
        return _card(request, request.look)
    image = read_thumbnail(request.path, request.side)
    if image.isNull():
        return image
    if SMALL <= max(image.width(), image.height()) < request.side:
        # Here, so that the GUI thread need not scale it smoothly whenever it is drawn.
        image = image.scaled(request.side, request.side, _KEEP_RATIO, _SMOOTH)
    # The format of the screen, so that the GUI thread need not convert it.
    return image.convertToFormat(_ARGB32 if image.hasAlphaChannel() else _RGB32)


def _card(request: TileRequest, look: CardLook) -> QImage:
    image = QImage(request.side, request.side, _ARGB32)
    image.setDevicePixelRatio(request.ratio)
    image.fill(_TRANSPARENT)
    side = request.side / request.ratio
    margin = 8.0 if side < 160 else 12.0
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.setFont(look.font)
    line = painter.fontMetrics().lineSpacing()
    room = QRectF(margin, margin, side - 2 * margin, side - 2 * margin)
    if request.prompt:
        painter.setPen(look.muted)
        elided = painter.fontMetrics().elidedText(
            request.prompt, Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(room, elided, _one_line())
        room.setTop(room.top() + line + 4)
    # Whole lines only.
    room.setHeight(max(line, room.height() // line * line))
    option = QTextOption()
    option.setWrapMode(_WRAP)
    painter.setPen(look.text)
    painter.setClipRect(room)
    painter.drawText(room, request.text, option)
    painter.end()
    return image


def _one_line() -> QTextOption:
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.NoWrap)
    return option


class _Make(QRunnable):
    def __init__(self, pictures: TilePictures, request: TileRequest) -> None:
        super().__init__()
        self._pictures = pictures
        self._request = request

    def run(self) -> None:
        image = make_tile(self._request) if self._pictures.is_wanted(self._request) else None
        self._pictures.made.emit((self._request, image))


class TilePictures(QObject):
    """A cache of tiles by the numbers of their results, limited in bytes.

    Only what was wanted last is made: tiles that have been scrolled past are dropped from the
    queue. The file of a number never changes.
    """

    ready = cast("TypedSignal[int]", Signal(object))
    """The number of a result whose tile has been made; it does not fit into a C integer."""
    made = cast("TypedSignal[tuple[TileRequest, QImage | None]]", Signal(object))

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._cache: OrderedDict[int, tuple[int, QPixmap | None]] = OrderedDict()
        self._bytes = 0
        self._wanted: dict[int, TileRequest] = {}
        self._making: dict[int, TileRequest] = {}
        self._stopped = False
        self.made.connect(self._deliver)

    def get(self, number: int) -> tuple[int, QPixmap | None] | None:
        """Return the side in pixels and the tile, which is None if it could not be made.

        None while nothing has been made, at any size.
        """
        found = self._cache.get(number)
        if found is not None:
            self._cache.move_to_end(number)
        return found

    def want(self, requests: Sequence[TileRequest]) -> None:
        """Make these tiles, in this order, instead of all that were wanted before."""
        self._wanted = {request.number: request for request in requests}
        self._start()

    def is_wanted(self, request: TileRequest) -> bool:
        """Return whether a tile is still to be made; callable from any thread."""
        return self._making.get(request.number) is request and not self._stopped

    def forget_cards(self) -> None:
        """Make the cards again: their colours or font have changed."""
        self._cache.clear()
        self._bytes = 0

    def stop(self) -> None:
        """Make nothing more and wait for what is being made."""
        self._stopped = True
        self._wanted.clear()
        self._pool.clear()
        self._pool.waitForDone()

    # ---- private

    def _start(self) -> None:
        while self._wanted and len(self._making) < THREADS and not self._stopped:
            number = next(iter(self._wanted))
            request = self._wanted.pop(number)
            if number not in self._making:
                self._making[number] = request
                self._pool.start(_Make(self, request))

    def _deliver(self, outcome: tuple[TileRequest, QImage | None]) -> None:
        request, image = outcome
        self._making.pop(request.number, None)
        if self._stopped:
            return
        if image is not None:
            pixmap = None if image.isNull() else QPixmap.fromImage(image)
            self._keep(request.number, request.side, pixmap)
            self.ready.emit(request.number)
        self._start()

    def _keep(self, number: int, side: int, pixmap: QPixmap | None) -> None:
        before = self._cache.pop(number, None)
        self._bytes += _size(pixmap) - (_size(before[1]) if before is not None else 0)
        self._cache[number] = (side, pixmap)
        while self._bytes > CACHED_BYTES and len(self._cache) > 1:
            _, (_, dropped) = self._cache.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(pixmap: QPixmap | None) -> int:
    size = QSize() if pixmap is None else pixmap.size()
    return 0 if pixmap is None else 4 * size.width() * size.height()
