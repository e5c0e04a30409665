"""Lists of texts as people write them in the cell of a table."""

from __future__ import annotations

import msgspec


def string_list(value: object) -> object:
    """Return the texts that a cell lists: as JSON, or one in each line. Empty ones are left out.

    Other values are returned as they are.
    """
    if isinstance(value, str):
        value = _json_list(value) or value.splitlines()
    return [part for part in value if part != ""] if isinstance(value, list | tuple) else value


def _json_list(text: str) -> list[str] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        return None
