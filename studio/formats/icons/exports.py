"""Icons as what web pages and programs take: JSX, CSS, sprites, pictures in files of icons."""

from __future__ import annotations

import io
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Literal

from studio.formats.icons.drawing import Drawing
from studio.formats.icons.geometry import UNITS

PNG_SIDES = (16, 24, 32, 48, 64, 128, 256, 512)
_ICO_SIDES = (16, 24, 32, 48, 64, 128, 256)
_ICNS_SIDES = (16, 32, 64, 128, 256, 512, 1024)

_ATTRIBUTES = {
    "stroke-width": "strokeWidth",
    "stroke-linecap": "strokeLinecap",
    "stroke-linejoin": "strokeLinejoin",
}


def jsx(drawing: Drawing, size: int = UNITS) -> str:
    """Return an element for React: attributes in its spelling."""
    text = drawing.document(size)
    for name, other in _ATTRIBUTES.items():
        text = text.replace(f"{name}=", f"{other}=")
    return text


def css_url(drawing: Drawing, size: int = UNITS) -> str:
    """Return a value for `background` or `mask` in CSS."""
    text = drawing.document(size).replace('"', "'")
    return f'url("data:image/svg+xml,{urllib.parse.quote(text, safe=SAFE)}")'


SAFE = " '=:/,.-"
"""What needs no escape in a data URL inside quotes: escaping it would only make it longer."""


def sprite(drawings: Mapping[str, Drawing]) -> str:
    """Return one document with a symbol for each icon, to be used by its id."""
    symbols = []
    for name, drawing in drawings.items():
        path = drawing.document().partition("<path ")[2].removesuffix("</svg>")
        symbols.append(f'<symbol id="{name}" viewBox="{drawing.view_box}"><path {path}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def identifiers(names: Sequence[str]) -> list[str]:
    """Return an id for each name: letters, digits and hyphens, each id once."""
    found: dict[str, None] = {}
    for name in names:
        plain = "-".join(re.findall(r"[^\W_]+", name.lower()))[:80] or "drawing"
        if plain[0].isdigit():
            plain = f"drawing-{plain}"
        number, unique = 1, plain
        while unique in found:
            number += 1
            unique = f"{plain}-{number}"
        found[unique] = None
    return list(found)


def picture(drawing: Drawing, side: int) -> bytes:
    """Return a PNG file with a transparent background."""
    import resvg_py

    svg = drawing.document(side)
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, skip_system_fonts=True))


def icon_file(drawing: Drawing, form: Literal["ICO", "ICNS"]) -> bytes:
    """Return a file of icons in all usual sizes, for Windows or macOS."""
    from PIL import Image

    sides = _ICO_SIDES if form == "ICO" else _ICNS_SIDES
    pictures = []
    for side in sides:
        with Image.open(io.BytesIO(picture(drawing, side))) as opened:
            pictures.append(opened.convert("RGBA"))
    target = io.BytesIO()
    *others, largest = pictures
    if form == "ICO":
        sizes = [(side, side) for side in sides]
        largest.save(target, form, sizes=sizes, append_images=others)
    else:
        largest.save(target, form, append_images=others)
    return target.getvalue()
