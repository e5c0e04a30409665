"""Where the index of passages is: beside the other caches."""

from __future__ import annotations

from studio.library.documents.passage_index import PassageIndex
from studio.settings import Paths

NAME = "documents.sqlite"


def open_index(paths: Paths) -> PassageIndex:
    """Open the index, and make it where there is none."""
    return PassageIndex(paths.cache / NAME)
