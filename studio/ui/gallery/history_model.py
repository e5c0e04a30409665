"""Results, newest first: their numbers are all known, the rest is read when it is looked at."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from studio.kinds.kind import Medium
from studio.library.records import Asset
from studio.ui.gallery.thumbnails import Thumbnails
from studio.ui.shell.background import Background
from studio.ui.widgets.times import time_ago_text

Index = QModelIndex | QPersistentModelIndex
Fetch = Callable[[Sequence[int]], list[Asset]]
"""Returns the assets of these numbers; it may block, and runs off the window's thread."""

ASSET_ROLE = Qt.ItemDataRole.UserRole
SECOND_ROLE = Qt.ItemDataRole.UserRole + 1
PICTURE_ROLE = Qt.ItemDataRole.UserRole + 2

BLOCK = 40
"""Rows that are read at a time."""

KEPT_ASSETS = 2000
WAITING_BLOCKS = 4

MERGED_RUNS = 50
MERGED_ROWS = 2000
"""With more places or rows that changed, the list is made anew."""

_MARKS = str.maketrans("", "", "*`#")


def asset_title(asset: Asset) -> str:
    """Return the answer's or the prompt's first words."""
    source = asset.text if asset.medium is Medium.TEXT and asset.text else asset.prompt
    return " ".join(source[:300].translate(_MARKS).split()) or asset.path.name


class HistoryModel(QAbstractListModel):
    """One row an asset. A row whose asset is not there yet is empty and fills a moment later."""

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._fetch: Fetch = lambda _numbers: []
        self._numbers: array[int] = array("q")
        self._kept: OrderedDict[int, Asset] = OrderedDict()
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._turn = 0
        self._read_turn = 0
        self._thumbnails = Thumbnails(background, self, self._picture_arrived)

    def show(self, numbers: array[int], fetch: Fetch, known: Iterable[Asset] = ()) -> None:
        """Show the assets of these numbers; rows that stay keep their place and selection.

        `known` are assets that were read just now. What else was kept is read again when it is
        looked at: it may have changed.
        """
        before = self._kept
        self._fetch = fetch
        self._turn += 1
        self._waiting.clear()
        self._kept = OrderedDict((asset.number, asset) for asset in known)
        if not self._merge(numbers):
            self.beginResetModel()
            self._numbers = numbers
            self.endResetModel()
            return
        for asset in self._kept.values():
            if asset != before.get(asset.number):
                self._tell(asset.number)

    def show_all(self, assets: Sequence[Asset]) -> None:
        """Show assets that are all at hand, in their order."""
        kept = {asset.number: asset for asset in assets}
        numbers = array("q", kept)
        self.show(numbers, lambda wanted: [kept[n] for n in wanted if n in kept], assets)

    def numbers(self, rows: Iterable[int]) -> list[int]:
        """Return the numbers of rows."""
        return [self._numbers[row] for row in rows if 0 <= row < len(self._numbers)]

    def known(self, numbers: Iterable[int]) -> list[Asset]:
        """Return those of the assets that are at hand."""
        return [self._kept[number] for number in numbers if number in self._kept]

    def assets(self) -> list[Asset]:
        """Return the assets at hand, in the order of the rows."""
        return self.known(self._numbers)

    def asset(self, index: Index) -> Asset | None:
        """Return the asset of a row, None for a moment where it has to be read first."""
        row = index.row()
        if not 0 <= row < len(self._numbers):
            return None
        number = self._numbers[row]
        asset = self._kept.get(number)
        if asset is None:
            self._want(row // BLOCK)
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
            return f"{_when(asset)}\n{asset.path}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{asset_title(asset)}, {_second(asset)}"
        if role == ASSET_ROLE:
            return asset
        if role == SECOND_ROLE:
            return _second(asset)
        if role == PICTURE_ROLE and asset.medium is Medium.PICTURE:
            return self._thumbnails.get(asset.number, str(asset.path))
        return None

    # ---- rows that come and go

    def _merge(self, after: array[int]) -> bool:
        """Take out and put in rows, between what is the same at both ends. False: too many."""
        before = self._numbers
        head = _same(before, after)
        tail = _same(before[head:][::-1], after[head:][::-1])
        left = before[head : len(before) - tail]
        right = after[head : len(after) - tail]
        if len(left) + len(right) > MERGED_ROWS:
            return False
        known, wanted = set(left), set(right)
        gone = _runs(left, wanted, head)
        new = _runs(right, known, head)
        kept = [number for number in left if number in wanted]
        if len(gone) + len(new) > MERGED_RUNS or kept != [n for n in right if n in known]:
            return False
        for first, last in reversed(gone):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._numbers[first : last + 1]
            self.endRemoveRows()
        for first, last in new:
            self.beginInsertRows(QModelIndex(), first, last)
            self._numbers[first:first] = after[first : last + 1]
            self.endInsertRows()
        return True

    # ---- what is read behind the window

    def _want(self, block: int) -> None:
        self._waiting[block] = None
        self._waiting.move_to_end(block)
        while len(self._waiting) > WAITING_BLOCKS:
            self._waiting.popitem(last=False)
        self._read()

    def _read(self) -> None:
        if self._read_turn == self._turn or not self._waiting:
            return
        block, _ = self._waiting.popitem()
        turn = self._read_turn = self._turn
        fetch = self._fetch
        numbers = self._numbers[block * BLOCK : (block + 1) * BLOCK].tolist()

        def keep(assets: list[Asset]) -> None:
            if turn != self._turn:
                return
            self._read_turn = 0
            for asset in assets:
                self._kept[asset.number] = asset
                self._kept.move_to_end(asset.number)
            while len(self._kept) > KEPT_ASSETS:
                self._kept.popitem(last=False)
            first, last = block * BLOCK, min((block + 1) * BLOCK, len(self._numbers)) - 1
            if assets and first <= last:
                self.dataChanged.emit(self.index(first), self.index(last))
            self._read()

        self._background.read(self, lambda: fetch(numbers), keep, lambda _problem: keep([]))

    def _picture_arrived(self, number: int) -> None:
        self._tell(number, [PICTURE_ROLE])

    def _tell(self, number: int, roles: list[int] | None = None) -> None:
        row = self._row_of(number)
        if row >= 0:
            index = self.index(row)
            self.dataChanged.emit(index, index, roles or [])

    def _row_of(self, number: int) -> int:
        numbers = self._numbers
        row = bisect_left(numbers, -number, key=lambda held: -held)
        if row < len(numbers) and numbers[row] == number:
            return row
        try:
            return numbers.index(number)  # in the trash the order is another one
        except ValueError:
            return -1


def _same(first: array[int], second: array[int]) -> int:
    """Return how many numbers two arrays have in common at their beginning."""
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
    """Return first and last place, from `start` on, of each unbroken run not in `others`."""
    runs: list[tuple[int, int]] = []
    for place, number in enumerate(numbers, start):
        if number in others:
            continue
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _second(asset: Asset) -> str:
    parts = ["★" if asset.starred else "", *(f"#{tag}" for tag in asset.tags), _ago(asset)]
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


def _when(asset: Asset) -> str:
    try:
        return datetime.fromisoformat(asset.created).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return asset.created
