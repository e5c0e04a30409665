"""What each model weighs on disk, and when it was last used: models and library together."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from studio.library.store import Library
from studio.models.storage.model_files import files_of, own_files, size_on_disk
from studio.protocol import ModelRef
from studio.settings import Paths


class ModelUsage(Struct, frozen=True):
    """A model with its size on disk in bytes and its results in the library.

    `last_used` is when the last of them was made (ISO 8601), empty if there is none. `is_own` says
    whether its files lie in our models folder, so that they can be moved and deleted.
    """

    model: ModelRef
    size: int
    results: int = 0
    last_used: str = ""
    is_own: bool = False


def model_usage(
    models: Iterable[ModelRef], library: Library | None, paths: Paths
) -> list[ModelUsage]:
    """Return the usage of each model, the largest first. Reads only sizes, no contents."""
    used = library.assets.model_use() if library is not None else {}
    found = [
        ModelUsage(
            model,
            size_on_disk(files_of(model)),
            *used.get(model.id, (0, "")),
            is_own=own_files(paths, model) is not None,
        )
        for model in models
    ]
    return sorted(found, key=lambda each: -each.size)
