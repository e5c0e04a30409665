"""Icons and titles of kinds in lists, including kinds that this build does not know."""

from __future__ import annotations

from studio.kinds.registry import kinds, known_kind
from studio.library.records import Asset
from studio.ui.style.translations import tr


def asset_icon(asset: Asset) -> str:
    """Return the icon name for a result: of its kind, else of its medium, else of a file."""
    kind = known_kind(asset.task)
    if kind is not None:
        return kind.icon
    return next((kind.icon for kind in kinds().values() if kind.medium is asset.medium), "file")


def task_title(task: str) -> str:
    """Return the title of a kind, or the task name if the kind is unknown."""
    kind = known_kind(task)
    return task if kind is None else tr(kind.title)
