"""A contact sheet: the pictures of a matrix or a batch on one labelled page."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont, ImageOps

from studio.protocol import problem

MOST_PIXELS = 64_000_000
"""A sheet gets smaller thumbnails rather than more pixels than this."""

LARGEST, SMALLEST = 256, 24
SHORTEST = 96
"""Small pictures get places of this side, so that what is written has room."""

_GAP = 8
_LETTERS = 14
_LONGEST = 80
_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "simhei.ttf",
    "PingFang.ttc",
    "STHeiti Medium.ttc",
    "DejaVuSans.ttf",
)
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Picture(Struct, frozen=True):
    """A finished picture and where it stands: axis name → value."""

    path: Path
    labels: dict[str, str]


def make_sheet(pictures: Sequence[Picture], axes: Sequence[str], target: Path) -> Path:
    """Draw `pictures` and save the sheet as PNG at `target`, whole or not at all.

    The first axis gives the columns, the second the rows; values of further axes stand below
    each picture, and pictures that share a place get rows of their own. Without axes the
    pictures are filled in one after another. One that cannot be read leaves its place empty.
    Raises `ProblemError`: no pictures (bad_input), or the sheet cannot be written (disk_full).
    """
    if not pictures:
        raise problem("bad_input", "There are no finished pictures for a contact sheet yet.")
    columns, rows, places = _places(pictures, axes)
    captions = [_heading(picture.labels, axes[2:]) for picture in pictures]
    head = _LETTERS + _GAP if any(columns) else 0
    foot = _LETTERS + _GAP if any(captions) else 0
    side = _side(len(columns), len(rows), _longest_side(pictures))
    font = _font()
    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    margin = 0
    if any(rows):
        widest = max(probe.textlength(row[:_LONGEST], font=font) for row in rows)
        margin = min(LARGEST, math.ceil(widest)) + _GAP
    size = (
        margin + _GAP + len(columns) * (side + _GAP),
        head + _GAP + len(rows) * (side + foot + _GAP),
    )
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, column in enumerate(columns):
        _write(draw, (margin + _GAP + number * (side + _GAP), _GAP), column, side, font)
    for number, heading in enumerate(rows):
        top = head + _GAP + number * (side + foot + _GAP) + (side - _LETTERS) // 2
        _write(draw, (_GAP, top), heading, margin - _GAP, font)
    for picture, caption, (across, down) in zip(pictures, captions, places, strict=True):
        left = margin + _GAP + across * (side + _GAP)
        top = head + _GAP + down * (side + foot + _GAP)
        small = _thumbnail(picture.path, side)
        if small is not None:
            spot = (left + (side - small.width) // 2, top + (side - small.height) // 2)
            sheet.paste(small, spot)
        _write(draw, (left, top + side + _GAP // 2), caption, side, font)
    _save(sheet, target)
    return target


def varying(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Return the labels that all pictures have and that are not the same for all, in order."""
    names = pictures[0].labels if pictures else ()
    return tuple(
        name
        for name in names
        if all(name in picture.labels for picture in pictures)
        and len({picture.labels[name] for picture in pictures}) > 1
    )


def _places(
    pictures: Sequence[Picture], axes: Sequence[str]
) -> tuple[list[str], list[str], list[tuple[int, int]]]:
    """Return the column headings, the row headings, and each picture's column and row."""
    if not axes:
        wide = math.ceil(math.sqrt(len(pictures)))
        high = math.ceil(len(pictures) / wide)
        return [""] * wide, [""] * high, [(n % wide, n // wide) for n in range(len(pictures))]
    across = [_heading(picture.labels, axes[:1]) for picture in pictures]
    down = [_heading(picture.labels, axes[1:2]) for picture in pictures]
    columns = list(dict.fromkeys(across))
    deepest: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    depths: list[int] = []
    for place in zip(across, down, strict=True):
        depths.append(taken.get(place, 0))
        taken[place] = depths[-1] + 1
        deepest[place[1]] = max(deepest.get(place[1], 0), taken[place])
    starts: dict[str, int] = {}
    rows: list[str] = []
    for row, depth in deepest.items():
        starts[row] = len(rows)
        rows += [row] * depth
    lines = [starts[row] + depth for row, depth in zip(down, depths, strict=True)]
    return columns, rows, list(zip((columns.index(c) for c in across), lines, strict=True))


def _longest_side(pictures: Sequence[Picture]) -> int:
    """Return the longest side in pixels among pictures that can be read, `LARGEST` without any."""
    longest = 0
    for picture in pictures:
        try:
            with Image.open(picture.path) as opened:
                longest = max(longest, *opened.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        if longest >= LARGEST:
            break
    return longest or LARGEST


def _side(columns: int, rows: int, wanted: int) -> int:
    """Return the side of a thumbnail, in pixels, that keeps the sheet within its size."""
    fitting = int(math.sqrt(MOST_PIXELS / (columns * rows)))
    longest = 60_000 // max(columns, rows) - 2 * _GAP - 2 * _LETTERS
    side = min(LARGEST, max(wanted, SHORTEST), fitting - 2 * _GAP - _LETTERS, longest)
    if side < SMALLEST:
        raise problem("bad_input", "These are too many pictures for one contact sheet.")
    return side


def _heading(labels: Mapping[str, str], axes: Sequence[str]) -> str:
    """Return the values of some axes with their names; a prompt speaks for itself."""
    parts = [
        labels[name] if name == "prompt" else f"{name.replace('_', ' ')} {labels[name]}"
        for name in axes
        if name in labels
    ]
    return ", ".join(parts)


def _font() -> _Font:
    """Return the first font found, those with Chinese first."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, _LETTERS)
        except OSError:
            continue
    return ImageFont.load_default(_LETTERS)


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int, font: _Font
) -> None:
    shown = " ".join(text.split())[:_LONGEST]
    if draw.textlength(shown, font=font) > width:
        while shown and draw.textlength(f"{shown}…", font=font) > width:
            shown = shown[:-1]
        shown += "…"
    draw.text(place, shown, fill="black", font=font)


def _thumbnail(path: Path, side: int) -> Image.Image | None:
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (side, side))
            turned = ImageOps.exif_transpose(opened)
            turned.thumbnail((side, side))
            clear = turned.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    flat = Image.new("RGB", clear.size, "white")
    flat.paste(clear, mask=clear.getchannel("A"))
    return flat


def _save(sheet: Image.Image, target: Path) -> None:
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(".tmp", ".sheet-", target.parent)
        with os.fdopen(handle, "wb") as file:
            sheet.save(file, "PNG")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise problem(
            "disk_full",
            "The contact sheet cannot be written to {path}: {reason}.",
            path=target,
            reason=error.strerror or type(error).__name__,
        ) from error
