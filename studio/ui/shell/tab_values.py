"""The stored values of a tab."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from studio.kinds.fields import bring_into_range
from studio.kinds.registry import kinds
from studio.settings import Settings

Values = TypeVar("Values", bound=Struct)


def tab_values(settings: Settings, task: str, values: type[Values]) -> Values:
    """Return the values of the tab of a kind (`Settings.tab`), with all numbers in range."""
    stored = settings.tab(task, values)
    bring_into_range(stored, kinds()[task].request)
    return stored
