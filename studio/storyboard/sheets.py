"""A storyboard on paper: all shots in one picture, or as the pages of a PDF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw, ImageOps

from studio.formats.atomic_write import publish, sweep, temporary_file
from studio.jobs.contact_sheet import Font, caption_font, flat_thumbnail
from studio.library.disk_problems import file_problem

_WIDTH, _HEIGHT = 420, 236
"""Of a shot's picture, in pixels."""
_GAP, _LINE, _LINES = 24, 24, 4
_CELL = _HEIGHT + 8 + _LINE * (_LINES + 1)
_TEXT_SIZE, _TITLE_SIZE = 18, 34
_HEAD = 72
_PAGE_COLUMNS, _PAGE_ROWS = 3, 2
_DPI = 150
_MAX_CELLS = 60
"""Shots of a contact sheet. More make it unreadable, and its picture too large."""
_GROUND, _FRAME, _INK, _FAINT = "white", "#d0d0d0", "#202020", "#707070"


class Cell(Struct, frozen=True):
    """A shot as it is drawn; `note` stands after its number."""

    picture: Path | None
    note: str
    text: str


def write_contact_sheet(title: str, cells: Sequence[Cell], target: Path) -> None:
    """Write all shots as one PNG, atomically. Raises `ProblemError`."""
    shown = cells[:_MAX_CELLS]
    columns = min(4, max(1, len(shown)))
    rows = -(-len(shown) // columns)
    page = _page(title, shown, 0, columns, rows)
    _save(target, [page], "PNG")


def write_pdf(title: str, cells: Sequence[Cell], target: Path) -> None:
    """Write the shots as pages, six on each, atomically. Raises `ProblemError`."""
    each = _PAGE_COLUMNS * _PAGE_ROWS
    pages = (
        _page(title, cells[start : start + each], start, _PAGE_COLUMNS, _PAGE_ROWS)
        for start in range(0, max(1, len(cells)), each)
    )
    _save(target, pages, "PDF")


def _page(title: str, cells: Sequence[Cell], start: int, columns: int, rows: int) -> Image.Image:
    size = (
        _GAP + columns * (_WIDTH + _GAP),
        _HEAD + rows * (_CELL + _GAP),
    )
    page = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(page)
    large, small = caption_font(_TITLE_SIZE), caption_font(_TEXT_SIZE)
    head = wrapped(draw, title, large, size[0] - 2 * _GAP, 1)
    draw.text((_GAP, _GAP - 4), "".join(head), fill=_INK, font=large)
    for place, cell in enumerate(cells):
        left = _GAP + place % columns * (_WIDTH + _GAP)
        top = _HEAD + place // columns * (_CELL + _GAP)
        _draw_cell(page, draw, cell, start + place + 1, (left, top), small)
    return page


def _draw_cell(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Cell,
    number: int,
    at: tuple[int, int],
    font: Font,
) -> None:
    left, top = at
    small = flat_thumbnail(cell.picture, _WIDTH) if cell.picture is not None else None
    if small is not None:
        small = ImageOps.contain(small, (_WIDTH - 2, _HEIGHT - 2))
        page.paste(small, (left + (_WIDTH - small.width) // 2, top + (_HEIGHT - small.height) // 2))
    draw.rectangle((left, top, left + _WIDTH - 1, top + _HEIGHT - 1), outline=_FRAME)
    below = top + _HEIGHT + 8
    draw.text((left, below), f"{number}  {cell.note}", fill=_FAINT, font=font)
    for line in wrapped(draw, cell.text, font, _WIDTH, _LINES):
        below += _LINE
        draw.text((left, below), line, fill=_INK, font=font)


def wrapped(draw: ImageDraw.ImageDraw, text: str, font: Font, width: int, most: int) -> list[str]:
    """Return a text in lines, cut off after `most`."""
    lines: list[str] = []
    line = ""
    for word in _words(text[:2000]):
        if draw.textlength(line + word, font=font) <= width:
            line += word
            continue
        if len(lines) == most - 1:
            while line and draw.textlength(f"{line}…", font=font) > width:
                line = line[:-1]
            return [*lines, f"{line.rstrip()}…"]
        lines.append(line.rstrip())
        line = word.lstrip()
        while draw.textlength(line, font=font) > width:
            line = line[: len(line) // 2]
    return [*lines, line] if line else lines


def _words(text: str) -> Iterator[str]:
    """Yield words with the space before them; each Chinese character is one."""
    word = ""
    for character in " ".join(text.split()):
        if word and (character == " " or character >= "\u2e80" or word[-1] >= "\u2e80"):
            yield word
            word = ""
        word += character
    if word:
        yield word


def _save(target: Path, pages: Iterator[Image.Image] | Sequence[Image.Image], form: str) -> None:
    rest = iter(pages)
    first = next(rest)
    try:
        sweep(target.parent)
        with temporary_file(target) as (file, temporary):
            if form == "PDF":
                first.save(file, form, save_all=True, append_images=rest, resolution=_DPI)
            else:
                first.save(file, form)
            publish(file, temporary, target)
    except OSError as error:
        raise file_problem(error, target) from error
