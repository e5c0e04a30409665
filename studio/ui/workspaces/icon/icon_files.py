"""Files made of icons: SVG with the recipe, PNG in several sizes, ICO, ICNS, sprites, fonts."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.formats.icons import exports
from studio.formats.icons.drawing import Drawing
from studio.formats.pictures import png
from studio.formats.pictures.embedded import SVG, Embedded
from studio.library.review import marked_name, worst_state

Form = Literal["svg", "png", "ico", "icns", "sprite", "font"]

_MOST_NUMBERS = 10_000


class IconFile(Struct, frozen=True):
    """An icon as it is saved: name without suffix, drawing in its look, recipe as JSON.

    `review` is its state of review.
    """

    name: str
    drawing: Drawing
    recipe: str = ""
    review: str = ""


def write_files(icons: Sequence[IconFile], folder: Path, form: Form, size: int) -> list[Path]:
    """Write files of one form; existing ones are kept. Raises `OSError`."""
    if form == "sprite" and icons:
        names = exports.identifiers([icon.name for icon in icons])
        drawings = {name: icon.drawing for name, icon in zip(names, icons, strict=True)}
        name = marked_name("icons-sprite.svg", worst_state(icon.review for icon in icons))
        return [_write(folder, name, exports.sprite(drawings).encode())]
    if form == "font" and icons:
        return _write_font(icons, folder)
    written = []
    for icon in icons:
        for name, content in _contents(icon, form, size):
            written.append(_write(folder, marked_name(name, icon.review), content()))
    return written


def _write_font(icons: Sequence[IconFile], folder: Path) -> list[Path]:
    """Write a font and its style sheet, whose names go together, into a folder of their own."""
    from studio.formats.icons import icon_font

    names = exports.identifiers([icon.name for icon in icons])
    drawings = {name: icon.drawing for name, icon in zip(names, icons, strict=True)}
    family = marked_name("icons", worst_state(icon.review for icon in icons))
    font = icon_font.icon_font(drawings, family)
    target = _new_folder(folder, f"{family}-font")
    return [
        _write(target, f"{family}.ttf", icon_font.font_bytes(font)),
        _write(target, f"{family}.woff", icon_font.font_bytes(font, "woff")),
        _write(target, f"{family}.css", icon_font.style_sheet(drawings, family).encode()),
    ]


def _contents(icon: IconFile, form: Form, size: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    drawing = icon.drawing
    if form == "svg":
        yield f"{icon.name}.svg", lambda: drawing.document(size, icon.recipe).encode()
    elif form == "png":
        for side in sorted({*exports.PNG_SIDES, size}):
            yield f"{icon.name}-{side}.png", partial(_png, icon, side)
    elif form == "ico":
        yield f"{icon.name}.ico", lambda: exports.icon_file(drawing, "ICO")
    else:
        yield f"{icon.name}.icns", lambda: exports.icon_file(drawing, "ICNS")


def _png(icon: IconFile, side: int) -> bytes:
    plain = io.BytesIO(exports.picture(icon.drawing, side))
    target = io.BytesIO()
    svg = icon.drawing.document(side)
    png.write(plain, target, Embedded(recipe=icon.recipe, texts={SVG: svg}))
    return target.getvalue()


def _new_folder(folder: Path, name: str) -> Path:
    """Make a folder, with a number in its name where there is one already."""
    for number in range(1, _MOST_NUMBERS):
        path = folder / (name if number == 1 else f"{name} ({number})")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise FileExistsError(str(folder / name))


def _write(folder: Path, name: str, content: bytes) -> Path:
    """Write a new file, with a number in its name where there is one already."""
    stem, dot, suffix = name.rpartition(".")
    for number in range(1, _MOST_NUMBERS):
        path = folder / (name if number == 1 else f"{stem} ({number}){dot}{suffix}")
        try:
            with path.open("xb") as file:
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.close()
                    path.unlink(missing_ok=True)
                    raise
        except FileExistsError:
            continue
        return path
    raise FileExistsError(str(folder / name))
