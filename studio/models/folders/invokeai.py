"""The names that InvokeAI gave its models, whose files are in folders named by a key."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from pathlib import Path

from studio.formats.untrusted_files import is_file

_DATABASE = Path("databases") / "invokeai.db"
_MAX_MODELS = 10_000
_STEP, _MAX_STEPS = 100_000, 100
"""A view without end is given up after as many instructions of SQLite, about a second."""


def model_names(root: Path) -> dict[str, str]:
    """Return name by real path of the models in an InvokeAI root folder or its `models` folder.

    The database is opened read-only. Empty if there is none, or it cannot be read.
    """
    for home in (root, root.parent):
        if is_file(home / _DATABASE):
            return _read(home)
    return {}


def _read(home: Path) -> dict[str, str]:
    uri = (home / _DATABASE).absolute().as_uri() + "?mode=ro"
    names: dict[str, str] = {}
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as database:
            steps = itertools.count()
            database.set_progress_handler(lambda: next(steps) >= _MAX_STEPS, _STEP)
            for path, name in database.execute(
                "SELECT path, name FROM models LIMIT ?", (_MAX_MODELS,)
            ):
                if isinstance(path, str) and isinstance(name, str):
                    names[os.path.realpath(home / "models" / path)] = name
    except (sqlite3.Error, OSError, ValueError):
        return {}
    return names
