"""The drawing that a picture was made from, written as an SVG file with the recipe in it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from studio.formats.icons.drawing import LONGEST_DOCUMENT, Drawing, read_document
from studio.formats.pictures.embedded import SVG
from studio.formats.recipes.recipe_files import read_embedded
from studio.formats.untrusted_files import is_file
from studio.library.disk_problems import file_problem
from studio.library.folder.file_placing import place_file
from studio.library.recipes.metadata import read_recipe
from studio.protocol import Request, problem

SIDE = 24
"""Width and height of the files in pixels: what icons in pages and programs have."""


def drawing_in(picture: Path) -> tuple[Drawing, str] | None:
    """Return the drawing in a picture and its recipe as JSON, None if it was not drawn.

    Raises `OSError`.
    """
    embedded = read_embedded(picture)
    found = read_document(embedded.texts.get(SVG, ""))
    return None if found is None else (found[0], embedded.recipe)


def request_in(path: Path) -> Request:
    """Return the request in the SVG or PNG file of an icon.

    SVG files can hold scripts, links to the net and entities that grow without end, so nothing but
    the exact form that is written here is read of them. Raises `ProblemError` and `OSError`.
    """
    if not is_file(path):
        raise problem("bad_input", "{name} is not a file.", name=path.name)
    if path.suffix.lower() == ".svg":
        if path.stat().st_size > LONGEST_DOCUMENT:
            raise problem(
                "bad_input",
                "{name} is too large for the SVG file of an icon, and was not opened.",
                name=path.name,
            )
        if read_document(path.read_text("utf-8", "replace")) is None:
            raise problem(
                "bad_input",
                "{name} was not written by Prompt Studio, and was not opened: SVG files from "
                "elsewhere can hold scripts and links.",
                name=path.name,
            )
    recipe = read_recipe(path)
    if recipe is None or drawing_in(path) is None:
        raise problem("bad_input", "There is no icon with its recipe in {name}.", name=path.name)
    return recipe.request.with_values(seed=recipe.seed)


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
