"""Word and PowerPoint documents and e-books. Macros, links and embedded files are not looked at."""

from __future__ import annotations

import posixpath
import urllib.parse
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

from studio.formats.archive_limits import open_archive
from studio.formats.documents.document import MAX_TITLE, RawPart
from studio.formats.documents.markup import html_sections, html_text
from studio.formats.documents.plain import titled
from studio.formats.untrusted_files import open_regular

_MAX_UNPACKED = 400 * 2**20
_MAX_CHAPTER = 20 * 2**20
_MAX_GROUPS = 20
_PICTURES = ("media/", "embeddings/", "vbaproject", ".bin", ".jpg", ".jpeg", ".png", ".mp4", ".emf")


class EncryptedError(ValueError):
    """The document is protected: a password, or rights that a shop set."""


def docx_parts(path: Path) -> list[RawPart]:
    """Return the sections of a Word document; headings are their titles, tables are lines."""
    from docx import Document
    from docx.table import Table

    document = Document(_checked(path))
    parts: list[RawPart] = []
    title, lines = "", list[str]()
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines += _table_lines(block)
            continue
        style = block.style.name if block.style is not None else ""
        if (style or "").startswith(("Heading", "Title", "标题")) and block.text.strip():
            parts += titled("\n".join(lines), title)
            title, lines = block.text.strip()[:MAX_TITLE], []
        lines.append(block.text)
    return parts + titled("\n".join(lines), title)


def pptx_parts(path: Path) -> list[RawPart]:
    """Return the slides of a presentation with their notes."""
    from pptx import Presentation

    parts: list[RawPart] = []
    for slide in Presentation(_checked(path)).slides:
        lines = list(_shape_lines(slide.shapes, 0))
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            lines += ["", notes.text]
        title = slide.shapes.title.text_frame.text if slide.shapes.title is not None else ""
        parts.append(RawPart("\n".join(lines).strip(), " ".join(title.split())[:MAX_TITLE]))
    return parts


def epub_parts(path: Path) -> list[RawPart]:
    """Return the chapters of an e-book in reading order. Raises `EncryptedError`."""
    parts: list[RawPart] = []
    with open_regular(path) as file, open_archive(file, _MAX_UNPACKED) as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names or _is_encrypted(archive, names):
            raise EncryptedError
        for name in _reading_order(archive):
            if name not in names:
                continue
            with archive.open(name) as chapter:
                data = chapter.read(_MAX_CHAPTER)
            for title, text in html_sections(html_text(data)):
                parts += titled(text, title)
    return parts


def _is_encrypted(archive: ZipFile, names: set[str]) -> bool:
    """Return whether more than the fonts are encrypted."""
    if "META-INF/encryption.xml" not in names:
        return False
    with archive.open("META-INF/encryption.xml") as file:
        return b".xhtml" in file.read(_MAX_CHAPTER).lower()


def _reading_order(archive: ZipFile) -> list[str]:
    container = _xml(archive, "META-INF/container.xml")
    root = next(e.get("full-path", "") for e in container.iter() if _name(e) == "rootfile")
    package = _xml(archive, root)
    files = {e.get("id"): e.get("href", "") for e in package.iter() if _name(e) == "item"}
    order = [files.get(e.get("idref"), "") for e in package.iter() if _name(e) == "itemref"]
    folder = posixpath.dirname(root)
    return [
        posixpath.normpath(posixpath.join(folder, urllib.parse.unquote(href)))
        for href in order
        if href
    ]


def _xml(archive: ZipFile, name: str) -> ElementTree.Element:
    with archive.open(name) as file:
        data = file.read(_MAX_CHAPTER)
    if b"<!ENTITY" in data:
        raise ValueError("entities")
    return ElementTree.fromstring(data)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _checked(path: Path) -> BytesIO:
    """Return a document without its pictures, after looking at what it would unpack to."""
    kept = BytesIO()
    with (
        open_regular(path) as file,
        open_archive(file, _MAX_UNPACKED) as archive,
        ZipFile(kept, "w") as copy,
    ):
        for name in dict.fromkeys(archive.namelist()):
            is_left_out = any(part in name.lower() for part in _PICTURES)
            copy.writestr(name, b"" if is_left_out else archive.read(name))
    kept.seek(0)
    return kept


def _table_lines(table: Any) -> Iterator[str]:
    for row in table.rows:
        cells: list[str] = []
        previous = None
        for cell in row.cells:
            # Cells that were merged are listed once for each column.
            if cell._tc is not previous:
                cells.append(" ".join(cell.text.split()))
            previous = cell._tc
        yield "\t".join(cells)


def _shape_lines(shapes: Any, depth: int) -> Iterator[str]:
    for shape in shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False) and shape.has_table:
            for row in shape.table.rows:
                yield "\t".join(" ".join(cell.text.split()) for cell in row.cells)
        elif hasattr(shape, "shapes") and depth < _MAX_GROUPS:
            yield from _shape_lines(shape.shapes, depth + 1)
