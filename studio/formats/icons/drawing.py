"""Icons as SVG: written for files, and read back from those that were written here."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from studio.formats.icons.geometry import STEP, UNITS, Circle, Icon
from studio.formats.icons.path_data import icon_of

LONGEST_DOCUMENT = 1_000_000
"""Bytes of a document that is read back, with its recipe."""

_DOCUMENT = re.compile(
    r'<svg xmlns="http://www\.w3\.org/2000/svg" width="\d{1,5}" height="\d{1,5}" '
    r'viewBox="(?P<left>-?[0-9.]{1,6}) (?P=left) (?P<side>[0-9.]{1,6}) (?P=side)">'
    r'(?:<metadata id="prompt_studio">(?P<recipe>[^<>]*)</metadata>)?'
    r'<path d="(?P<data>[MLCAZ0-9. -]*)" fill="none" stroke="(?P<colour>currentColor|#[0-9a-f]+)" '
    r'stroke-width="(?P<width>[0-9.]{1,6})" stroke-linecap="(?P<cap>round|butt)" '
    r'stroke-linejoin="(?:round|miter)"/></svg>\s*'
)
_NOT_IN_XML = re.compile("[\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Look:
    """What the strokes of an icon have in common: width in units, round ends or not, colour.

    `padding` is the room around the grid, in units.
    """

    width: float
    rounded: bool
    colour: str = "#000"
    padding: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """An icon as its document has it: `data` is the attribute `d` of its path."""

    data: str
    look: Look

    @property
    def icon(self) -> Icon | None:
        """The strokes on the grid, None if the path is not one that was written here."""
        return icon_of(self.data, _dot_length(self.look))

    def restyled(self, look: Look) -> Drawing:
        """Return the same strokes in another look."""
        icon = self.icon
        return Drawing(self.data, look) if icon is None else drawing_of(icon, look)

    @property
    def view_box(self) -> str:
        """What of the plane is shown: the grid and the padding."""
        padding = round(self.look.padding, 3)
        start, side = _number(-padding + 0.0), _number(UNITS + 2 * padding)
        return f"{start} {start} {side} {side}"

    def document(self, size: int = 96, recipe: str = "") -> str:
        """Return a whole SVG document. `recipe` is JSON, and is kept in its metadata."""
        look = self.look
        cap, join = ("round", "round") if look.rounded else ("butt", "miter")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
            f'viewBox="{self.view_box}">{_metadata(recipe)}<path d="{self.data}" fill="none" '
            f'stroke="{look.colour}" stroke-width="{_number(round(look.width, 3))}" '
            f'stroke-linecap="{cap}" stroke-linejoin="{join}"/></svg>'
        )


def drawing_of(icon: Icon, look: Look) -> Drawing:
    """Return an icon in a look."""
    return Drawing(path_data(icon, _dot_length(look)), look)


def _dot_length(look: Look) -> float:
    """Return the length of the line that stands for a dot.

    Ends that are not round would leave nothing of a line without length. It is not quite as long
    as it is wide, so that it is not taken for a line of the drawing when it is read back.
    """
    return 0.0 if look.rounded else 0.999 * look.width


def document(icon: Icon, look: Look, size: int = 96) -> str:
    """Return the SVG document of an icon."""
    return drawing_of(icon, look).document(size)


def read_document(text: str) -> tuple[Drawing, str] | None:
    """Return the drawing and the recipe of a document that was written here, None of others.

    The whole text has to be as `Drawing.document` writes it, so nothing of other SVG files, such
    as scripts, entities and references, is ever interpreted.
    """
    found = _DOCUMENT.fullmatch(text) if len(text) <= LONGEST_DOCUMENT else None
    if found is None:
        return None
    try:
        width, padding = float(found["width"]), 0.0 - float(found["left"])
        side = float(found["side"])
    except ValueError:
        return None
    if not 0 <= padding <= UNITS or abs(side - UNITS - 2 * padding) > 1e-3:
        return None
    look = Look(width, found["cap"] == "round", found["colour"], padding)
    return Drawing(found["data"], look), html.unescape(found["recipe"] or "")


def _metadata(recipe: str) -> str:
    if not recipe:
        return ""
    plain = _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", recipe)
    return f'<metadata id="prompt_studio">{html.escape(plain, quote=False)}</metadata>'


def _number(value: float) -> str:
    return f"{value:g}"


def path_data(icon: Icon, dot: float = 0.0) -> str:
    """Return the `d` attribute of all strokes; a dot is a line as long as `dot`."""
    out: list[str] = []

    def put(command: str, *values: float) -> None:
        out.append(command + " ".join(_number(value / STEP) for value in values))

    for stroke in icon:
        if isinstance(stroke, Circle):
            (x, y), r = stroke.centre, stroke.radius
            put("M", x - r, y)
            for end in (x + r, x - r):
                arc = f"{_number(r / STEP)} {_number(r / STEP)} 0 1 1"
                out.append(f"A{arc} {_number(end / STEP)} {_number(y / STEP)}")
            out.append("Z")
            continue
        if not stroke.segments:
            (x, y), half = stroke.start, dot * STEP / 2
            put("M", x - half, y)
            put("L", x + half, y)
            continue
        put("M", *stroke.start)
        at = stroke.start
        for segment in stroke.segments:
            x, y = segment.end
            if segment.kind in "LC":
                put(segment.kind, *(number for point in segment.points for number in point))
            else:
                dx, dy = x - at[0], y - at[1]
                clockwise = ((dx > 0) == (dy > 0)) == (segment.kind == "J")
                radii = f"{_number(abs(dx) / STEP)} {_number(abs(dy) / STEP)} 0 0 {clockwise:d}"
                out.append(f"A{radii} {_number(x / STEP)} {_number(y / STEP)}")
            at = segment.end
        if stroke.closed:
            out.append("Z")
    return "".join(out)
