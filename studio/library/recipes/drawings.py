"""The drawing that a picture was made from, written as an SVG file with the recipe in it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from studio.formats.icons.drawing import Drawing, read_document
from studio.formats.pictures.embedded import SVG
from studio.formats.recipes.recipe_files import read_embedded
from studio.library.disk_problems import file_problem
from studio.library.folder.file_placing import place_file

SIDE = 24
"""Width and height of the files in pixels: what icons in pages and programs have."""


def drawing_in(picture: Path) -> tuple[Drawing, str] | None:
    """Return the drawing in a picture and its recipe as JSON, None if it was not drawn.

    Raises `OSError`.
    """
    embedded = read_embedded(picture)
    found = read_document(embedded.texts.get(SVG, ""))
    return None if found is None else (found[0], embedded.recipe)


def write_drawing(picture: Path, target: Path) -> bool:
    """Write the drawing in a picture to a new file, and sync it. Return whether there is one.

    Raises `OSError`.
    """
    found = drawing_in(picture)
    if found is None:
        return False
    drawing, recipe = found
    with target.open("x", encoding="utf-8", newline="\n") as file:
        file.write(drawing.document(SIDE, recipe))
        file.flush()
        os.fsync(file.fileno())
    return True


def write_drawing_beside(picture: Path, work_dir: Path) -> None:
    """Write the drawing in a picture beside it, for other programs; nothing for other pictures.

    Unfinished files are in `work_dir`, on the same file system. Raises `ProblemError`.
    """
    part = work_dir / f"drawing-{time.monotonic_ns()}.svg"
    try:
        if write_drawing(picture, part):
            place_file(part, picture.with_suffix(".svg"))
    except OSError as error:
        raise file_problem(error, picture.parent) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
