"""Draw a contact sheet: the pictures of a matrix or a batch as labelled thumbnails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont, ImageOps

from studio.formats.atomic_write import publish, sweep, temporary_file
from studio.formats.pictures.open_picture import PictureError, decoding
from studio.protocol import problem

MAX_PIXELS = 64_000_000
"""Pixels of the whole sheet. Thumbnails get smaller to stay below it."""

MAX_THUMBNAIL, MIN_THUMBNAIL = 256, 24
"""Sides of a thumbnail in pixels."""
MIN_CELL = 96
"""Side of a cell in pixels where the pictures are smaller, so that captions have room."""

_GAP = 8
_FONT_SIZE = 14
_MAX_CHARACTERS = 80
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
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Picture(Struct, frozen=True):
    """A finished picture and its position in the matrix: axis name → value.

    `note` stands below it, such as that no person has reviewed it.
    """

    path: Path
    labels: dict[str, str]
    note: str = ""


def make_sheet(pictures: Sequence[Picture], axes: Sequence[str], target: Path) -> Path:
    """Draw a contact sheet of `pictures` and save it as PNG at `target`, atomically.

    The first axis becomes the columns, the second the rows; values of further axes are written
    below each picture, and pictures with the same position get rows of their own. Without axes
    the grid is filled in the given order. The cell of an unreadable picture stays empty.

    Raises `ProblemError`: no pictures or too many (bad_input), sheet not writable (disk_full).
    """
    if not pictures:
        raise problem("bad_input", "There are no finished pictures for a contact sheet yet.")
    columns, rows, cells = _layout(pictures, axes)
    captions = [
        ", ".join(filter(None, (picture.note, _caption_of(picture.labels, axes[2:]))))
        for picture in pictures
    ]
    head = _FONT_SIZE + _GAP if any(columns) else 0
    foot = _FONT_SIZE + _GAP if any(captions) else 0
    side = _side(len(columns), len(rows), _longest_side(pictures))
    font = caption_font()
    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    margin = 0
    if any(rows):
        widest = max(probe.textlength(row[:_MAX_CHARACTERS], font=font) for row in rows)
        margin = min(MAX_THUMBNAIL, math.ceil(widest)) + _GAP
    size = (
        margin + _GAP + len(columns) * (side + _GAP),
        head + _GAP + len(rows) * (side + foot + _GAP),
    )
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, column in enumerate(columns):
        _draw_text(draw, (margin + _GAP + number * (side + _GAP), _GAP), column, side, font)
    for number, heading in enumerate(rows):
        top = head + _GAP + number * (side + foot + _GAP) + (side - _FONT_SIZE) // 2
        _draw_text(draw, (_GAP, top), heading, margin - _GAP, font)
    for picture, caption, (across, down) in zip(pictures, captions, cells, strict=True):
        left = margin + _GAP + across * (side + _GAP)
        top = head + _GAP + down * (side + foot + _GAP)
        small = flat_thumbnail(picture.path, side)
        if small is not None:
            corner = (left + (side - small.width) // 2, top + (side - small.height) // 2)
            sheet.paste(small, corner)
        _draw_text(draw, (left, top + side + _GAP // 2), caption, side, font)
    _save(sheet, target)
    return target


def varying_labels(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Return the labels that all pictures have, with more than one value, in their order."""
    names = pictures[0].labels if pictures else ()
    return tuple(
        name
        for name in names
        if all(name in picture.labels for picture in pictures)
        and len({picture.labels[name] for picture in pictures}) > 1
    )


def _layout(
    pictures: Sequence[Picture], axes: Sequence[str]
) -> tuple[list[str], list[str], list[tuple[int, int]]]:
    """Return the column headings, the row headings, and each picture's column and row."""
    if not axes:
        wide = math.ceil(math.sqrt(len(pictures)))
        high = math.ceil(len(pictures) / wide)
        return [""] * wide, [""] * high, [(n % wide, n // wide) for n in range(len(pictures))]
    across = [_caption_of(picture.labels, axes[:1]) for picture in pictures]
    down = [_caption_of(picture.labels, axes[1:2]) for picture in pictures]
    columns = list(dict.fromkeys(across))
    deepest: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    depths: list[int] = []
    for cell in zip(across, down, strict=True):
        depths.append(taken.get(cell, 0))
        taken[cell] = depths[-1] + 1
        deepest[cell[1]] = max(deepest.get(cell[1], 0), taken[cell])
    starts: dict[str, int] = {}
    rows: list[str] = []
    for row, depth in deepest.items():
        starts[row] = len(rows)
        rows += [row] * depth
    lines = [starts[row] + depth for row, depth in zip(down, depths, strict=True)]
    return columns, rows, list(zip((columns.index(c) for c in across), lines, strict=True))


def _longest_side(pictures: Sequence[Picture]) -> int:
    """Return the longest side of all readable pictures in pixels, by default `MAX_THUMBNAIL`."""
    longest = 0
    for picture in pictures:
        try:
            with decoding(), Image.open(picture.path) as opened:
                longest = max(longest, *opened.size)
        except (OSError, PictureError):
            continue
        if longest >= MAX_THUMBNAIL:
            break
    return longest or MAX_THUMBNAIL


def _side(columns: int, rows: int, wanted: int) -> int:
    """Return the thumbnail side in pixels that keeps the sheet within `MAX_PIXELS`."""
    fitting = int(math.sqrt(MAX_PIXELS / (columns * rows)))
    longest = 60_000 // max(columns, rows) - 2 * _GAP - 2 * _FONT_SIZE
    side = min(MAX_THUMBNAIL, max(wanted, MIN_CELL), fitting - 2 * _GAP - _FONT_SIZE, longest)
    if side < MIN_THUMBNAIL:
        raise problem("bad_input", "There are too many pictures for one contact sheet.")
    return side


def _caption_of(labels: Mapping[str, str], axes: Sequence[str]) -> str:
    """Return axis values with their names, such as "steps 20"; prompts without the name."""
    parts = [
        labels[name] if name == "prompt" else f"{name.replace('_', ' ')} {labels[name]}"
        for name in axes
        if name in labels
    ]
    return ", ".join(parts)


def caption_font(size: int = _FONT_SIZE) -> Font:
    """Return the first installed font of `_FONTS`, which lists those with Chinese first."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _draw_text(
    draw: ImageDraw.ImageDraw, position: tuple[int, int], text: str, width: int, font: Font
) -> None:
    shown = " ".join(text.split())[:_MAX_CHARACTERS]
    if draw.textlength(shown, font=font) > width:
        while shown and draw.textlength(f"{shown}…", font=font) > width:
            shown = shown[:-1]
        shown += "…"
    draw.text(position, shown, fill="black", font=font)


def flat_thumbnail(path: Path, side: int) -> Image.Image | None:
    """Return a picture, upright, on white and no larger than `side`; None if it cannot be read."""
    try:
        with decoding(), Image.open(path) as opened:
            opened.draft("RGB", (side, side))
            turned = ImageOps.exif_transpose(opened)
            turned.thumbnail((side, side))
            clear = turned.convert("RGBA")
    except (OSError, PictureError):
        return None
    flat = Image.new("RGB", clear.size, "white")
    flat.paste(clear, mask=clear.getchannel("A"))
    return flat


def _save(sheet: Image.Image, target: Path) -> None:
    try:
        sweep(target.parent)
        with temporary_file(target) as (file, temporary):
            sheet.save(file, "PNG")
            publish(file, temporary, target)
    except OSError as error:
        raise problem(
            "disk_full",
            "The contact sheet cannot be written to {path}: {reason}.",
            path=target,
            reason=error.strerror or type(error).__name__,
        ) from error
