"""The type of a Qt signal that carries one value of a Python type, which C++ knows as `object`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtCore import Qt

T = TypeVar("T")


class Carries(Protocol[T]):
    """Use as `saved = cast("Carries[Asset]", Signal(object))`; nothing has to be imported for it.

    A type of its own in place of `object` would have to be imported before the first paint.
    """

    def connect(
        self,
        hear: Callable[[T], object],
        type: Qt.ConnectionType = Qt.ConnectionType.AutoConnection,
    ) -> object: ...

    def disconnect(self, hear: Callable[[T], object]) -> object: ...

    def emit(self, value: T) -> None: ...
