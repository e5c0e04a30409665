"""The shots of a script as a table of requests for pictures, as the batch dialog reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio.formats.atomic_write import write_atomic
from studio.formats.folders import make_below
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, kinds
from studio.writing.editing.script_times import script_pictures

_FILE = "shots.jsonl"


def picture_kind() -> AnyKind:
    """Return the first kind that makes a picture of a prompt."""
    return next(
        kind
        for kind in kinds().values()
        if kind.medium is Medium.PICTURE and kind.has_prompt and kind.workspace
    )


def write_shot_table(text: str, folder: Path) -> Path:
    """Write a row for each shot, and return the file. Raises `OSError`."""
    task = picture_kind().task
    make_below(folder.parent, folder)
    rows = [
        msgspec.json.encode({"task": task, "prompt": shot, "shot": str(number)})
        for number, shot in enumerate(script_pictures(text), 1)
    ]
    path = folder / _FILE
    write_atomic(path, b"\n".join(rows) + b"\n", private=True)
    return path
