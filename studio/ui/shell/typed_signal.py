"""The static type of a Qt signal with one argument that is declared as `Signal(object)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtCore import Qt

T = TypeVar("T")


class TypedSignal(Protocol[T]):
    """Use as `saved = cast("TypedSignal[Asset]", Signal(object))`.

    `Signal(Asset)` would require importing `Asset` before the first paint.
    """

    def connect(
        self,
        slot: Callable[[T], object],
        type: Qt.ConnectionType = Qt.ConnectionType.AutoConnection,
    ) -> object: ...

    def emit(self, value: T) -> None: ...
