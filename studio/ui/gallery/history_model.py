"""The list model of results, newest first. All asset numbers are known; assets load on demand."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from studio.formats.chat.thoughts import without_thoughts
from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.review_states import state_title
from studio.ui.gallery.thumbnails import SHOWN, Thumbnails
from studio.ui.shell.background import Background
from studio.ui.widgets.plain_text import one_line, plain_tooltip
from studio.ui.widgets.times import time_ago_text
from studio.writing.forms.readable import readable

Index = QModelIndex | QPersistentModelIndex
Fetch = Callable[[Sequence[int]], list[Asset]]
"""Returns the assets of these numbers. Runs on a background thread; may block."""

ASSET_ROLE = Qt.ItemDataRole.UserRole
SECOND_LINE_ROLE = Qt.ItemDataRole.UserRole + 1
PICTURE_ROLE = Qt.ItemDataRole.UserRole + 2

BLOCK = 40
"""Rows read at a time."""

CACHED_ASSETS = 2000
WAITING_BLOCKS = 16

MERGED_RUNS = 50
MERGED_ROWS = 2000
"""With more changed runs or rows than this, the model is reset."""

_MARKDOWN = str.maketrans("", "", "*`#")


def shown_text(asset: Asset) -> str:
    """Return an answer without thoughts, that of a form's schema readable."""
    text = without_thoughts(asset.text)
    return readable(text) if asset.recipe.labels.get("form") else text


def asset_title(asset: Asset) -> str:
    """Return the first words of the answer or the prompt, else the file name."""
    is_text = asset.medium is Medium.TEXT and asset.text
    source = shown_text(asset) if is_text else asset.prompt
    return one_line(source[:300].translate(_MARKDOWN), 300) or one_line(asset.path.name)


class HistoryModel(QAbstractListModel):
    """One row per asset. The row of an asset that is not loaded is empty until it has been read."""

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self.outgoing: Callable[[Sequence[Asset]], QMimeData] = lambda _: QMimeData()
        """Returns the files of results as they are dragged to other programs."""
        self._fetch: Fetch = lambda _numbers: []
        self._numbers: array[int] = array("q")
        self._cache: OrderedDict[int, Asset] = OrderedDict()
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._generation = 1
        self._reading_generation = 0
        self._thumbnails = Thumbnails(background, self, self._thumbnail_loaded)

    def show(self, numbers: array[int], fetch: Fetch, known: Iterable[Asset] = ()) -> None:
        """Show the assets of these numbers; remaining rows keep their place and selection.

        `known` are assets that have just been read. All other cached assets are dropped and read
        again when needed, since they may have changed.
        """
        before = self._cache
        was_reading = bool(self._waiting) or self._reading_generation == self._generation
        self._fetch = fetch
        self._generation += 1
        self._waiting.clear()
        self._cache = OrderedDict((asset.number, asset) for asset in known)
        if not self._merge(numbers):
            self.beginResetModel()
            self._numbers = numbers
            self.endResetModel()
            return
        for asset in self._cache.values():
            if asset != before.get(asset.number):
                self._emit_changed(asset.number)
        if was_reading and numbers:
            # What was being read is dropped: the views ask again when they paint.
            self.dataChanged.emit(self.index(0), self.index(len(numbers) - 1), [PICTURE_ROLE])

    def show_all(self, assets: Sequence[Asset]) -> None:
        """Show assets that are all in memory, in this order."""
        by_number = {asset.number: asset for asset in assets}
        numbers = array("q", by_number)
        self.show(numbers, lambda wanted: [by_number[n] for n in wanted if n in by_number], assets)

    def numbers(self, rows: Iterable[int]) -> list[int]:
        """Return the asset numbers of rows."""
        return [self._numbers[row] for row in rows if 0 <= row < len(self._numbers)]

    def known(self, numbers: Iterable[int]) -> list[Asset]:
        """Return the loaded assets among these numbers."""
        return [self._cache[number] for number in numbers if number in self._cache]

    def assets(self) -> list[Asset]:
        """Return the loaded assets in the order of the rows."""
        return self.known(self._numbers)

    def asset(self, index: Index) -> Asset | None:
        """Return the asset of a row. If it is not loaded, return None and start reading it."""
        row = index.row()
        if not 0 <= row < len(self._numbers):
            return None
        number = self._numbers[row]
        asset = self._cache.get(number)
        if asset is None:
            self._request_block(row // BLOCK)
        return asset

    # ---- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._numbers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        asset = self.asset(index)
        if asset is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return asset_title(asset)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{_created_text(asset)}\n{asset.path}")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{asset_title(asset)}, {_second_line(asset)}"
        if role == ASSET_ROLE:
            return asset
        if role == SECOND_LINE_ROLE:
            return _second_line(asset)
        if role == PICTURE_ROLE and asset.medium in SHOWN:
            return self._thumbnails.get(asset.number, str(asset.path))
        return None

    # ---- inserting and removing rows

    def _merge(self, after: array[int]) -> bool:
        """Remove and insert rows between the common head and tail of the old and new numbers.

        Returns False, with nothing changed, if there are too many changes or rows were reordered.
        """
        before = self._numbers
        head = _common_prefix(before, after)
        tail = _common_prefix(before[head:][::-1], after[head:][::-1])
        old = before[head : len(before) - tail]
        new = after[head : len(after) - tail]
        if len(old) + len(new) > MERGED_ROWS:
            return False
        in_old, in_new = set(old), set(new)
        removed = _runs(old, in_new, head)
        inserted = _runs(new, in_old, head)
        stay = [number for number in old if number in in_new]
        if len(removed) + len(inserted) > MERGED_RUNS or stay != [n for n in new if n in in_old]:
            return False
        for first, last in reversed(removed):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._numbers[first : last + 1]
            self.endRemoveRows()
        for first, last in inserted:
            self.beginInsertRows(QModelIndex(), first, last)
            self._numbers[first:first] = after[first : last + 1]
            self.endInsertRows()
        return True

    # ---- reading in the background

    def _request_block(self, block: int) -> None:
        self._waiting[block] = None
        self._waiting.move_to_end(block)
        while len(self._waiting) > WAITING_BLOCKS:
            self._waiting.popitem(last=False)
        self._read()

    def _read(self) -> None:
        if self._reading_generation == self._generation or not self._waiting:
            return
        block, _ = self._waiting.popitem()
        generation = self._reading_generation = self._generation
        fetch = self._fetch
        numbers = self._numbers[block * BLOCK : (block + 1) * BLOCK].tolist()

        def loaded(assets: list[Asset]) -> None:
            if generation != self._generation:
                return
            self._reading_generation = 0
            for asset in assets:
                self._cache[asset.number] = asset
                self._cache.move_to_end(asset.number)
            while len(self._cache) > CACHED_ASSETS:
                self._cache.popitem(last=False)
            first, last = block * BLOCK, min((block + 1) * BLOCK, len(self._numbers)) - 1
            if assets and first <= last:
                self.dataChanged.emit(self.index(first), self.index(last))
            self._read()

        self._background.read(self, lambda: fetch(numbers), loaded, lambda _problem: loaded([]))

    def _thumbnail_loaded(self, number: int) -> None:
        self._emit_changed(number, [PICTURE_ROLE])

    def _emit_changed(self, number: int, roles: list[int] | None = None) -> None:
        row = self.row_of(number)
        if row >= 0:
            index = self.index(row)
            self.dataChanged.emit(index, index, roles or [])

    def row_of(self, number: int) -> int:
        """Return the row of an asset, -1 if it is not listed."""
        numbers = self._numbers
        row = bisect_left(numbers, -number, key=lambda other: -other)
        if row < len(numbers) and numbers[row] == number:
            return row
        try:
            return numbers.index(number)  # the trash is not sorted by number
        except ValueError:
            return -1


def _common_prefix(first: array[int], second: array[int]) -> int:
    """Return the length of the common prefix of two arrays."""
    low, high = 0, min(len(first), len(second))
    if first[:high] == second[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _runs(numbers: array[int], others: set[int], start: int) -> list[tuple[int, int]]:
    """Return (first, last) of each run of numbers not in `others`; positions count from `start`."""
    runs: list[tuple[int, int]] = []
    for position, number in enumerate(numbers, start):
        if number in others:
            continue
        if runs and runs[-1][1] == position - 1:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return runs


def _second_line(asset: Asset) -> str:
    review = state_title(asset.review_state) if asset.review_state else ""
    parts = ["★" if asset.starred else "", review, *(f"#{tag}" for tag in asset.tags), _ago(asset)]
    if asset.width and asset.height:
        parts.append(f"{asset.width} × {asset.height}")
    if asset.medium is Medium.TEXT and asset.text:
        parts.append(" ".join(asset.prompt[:120].split()))
    return " · ".join(part for part in parts if part)


def _ago(asset: Asset) -> str:
    try:
        then = datetime.fromisoformat(asset.created)
    except ValueError:
        return ""
    return time_ago_text(then, datetime.now(then.tzinfo))


def _created_text(asset: Asset) -> str:
    try:
        return datetime.fromisoformat(asset.created).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return asset.created
