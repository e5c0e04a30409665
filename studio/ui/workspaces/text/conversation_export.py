"""A conversation as a file for other programs: Markdown, HTML or a Word document.

Only the chosen answers of the turns that are shown are written, without their thoughts. Pictures
that an answer names are not opened, and HTML in it is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextListFormat,
)

from studio.formats.atomic_write import write_atomic
from studio.library.review import needs_review
from studio.ui.style.translations import tr
from studio.ui.workspaces.text.answer_document import (
    is_quick_to_render,
    markdown_document,
    plain_document,
)
from studio.ui.workspaces.text.conversation import Conversation

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph
    from PySide6.QtGui import QTextList, QTextTable

_BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL | re.IGNORECASE)
_BULLETS = (
    QTextListFormat.Style.ListDisc,
    QTextListFormat.Style.ListCircle,
    QTextListFormat.Style.ListSquare,
)
_CODE = QColor("#eef0f4")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SAFE_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
"""Links that a browser opens. Others may run scripts in the exported page, or open files."""

_STYLE = (
    "body { max-width: 45em; margin: 2em auto; padding: 0 1em; font-family: sans-serif;"
    " line-height: 1.5; } h2 { font-size: 1em; color: #626974; margin-top: 2em; }"
    " table { border-collapse: collapse; } td, th { padding: 0.2em 0.6em; }"
)


class _Part(Struct, frozen=True):
    """What one side said; the person's words are no Markdown."""

    head: str
    text: str
    is_markdown: bool


def export(conversation: Conversation, path: Path) -> None:
    """Write a conversation in the format of the file name. Raises `OSError`. On any thread."""
    title = _clean(conversation.shown_title())
    parts = list(_parts(conversation))
    suffix = path.suffix.lower()
    if suffix == ".docx":
        data = _as_docx(title, parts)
    elif suffix in (".html", ".htm"):
        data = _as_html(title, parts).encode()
    else:
        data = _as_markdown(title, parts).encode()
    write_atomic(path, data)


def _clean(text: str) -> str:
    """Leave out what neither XML nor UTF-8 can hold."""
    return _NOT_XML.sub("", text)


def _parts(conversation: Conversation) -> Iterator[_Part]:
    for turn in conversation.turns:
        yield _Part(tr("You"), _clean(turn.prompt), is_markdown=False)
        answer = turn.shown_text(turn.chosen) if turn.chosen < len(turn.answers) else ""
        if answer:
            # It may have been approved since, which only the library knows.
            head = tr("Answer, to be reviewed") if needs_review(turn.form) else tr("Answer")
            yield _Part(head, _clean(answer), is_markdown=True)


def _as_markdown(title: str, parts: list[_Part]) -> str:
    sections = [f"# {title}", *(f"## {part.head}\n\n{part.text.strip()}" for part in parts)]
    return "\n\n".join(sections) + "\n"


def _as_html(title: str, parts: list[_Part]) -> str:
    sections = []
    for part in parts:
        body = _BODY.search(_document(part).toHtml())
        text = body[1].strip() if body else escape(part.text)
        sections.append(f"<h2>{escape(part.head)}</h2>\n{text}")
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _document(part: _Part) -> QTextDocument:
    """Return a text as it is shown."""
    font = QFont("sans-serif", 11)
    if part.is_markdown and is_quick_to_render(part.text):
        document = markdown_document(part.text, font, _CODE)
        _write_out_other_links(document)
        return document
    return plain_document(part.text, font)


def _write_out_other_links(document: QTextDocument) -> None:
    """Replace links that are not safe by their words with the address behind them."""
    found: list[tuple[int, int, str]] = []
    block = document.begin()
    while block.isValid():
        parts = block.begin()
        while not parts.atEnd():
            fragment = parts.fragment()
            address = fragment.charFormat().anchorHref()
            if fragment.charFormat().isAnchor() and not _SAFE_LINK.match(address):
                found.append((fragment.position(), fragment.length(), address))
            parts += 1
        block = block.next()
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    for position, length, address in reversed(found):
        cursor.setPosition(position)
        cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
        words = cursor.selectedText()
        cursor.insertText(words if address == words else f"{words} ({address})", QTextCharFormat())
    cursor.endEditBlock()


def _as_docx(title: str, parts: list[_Part]) -> bytes:
    from io import BytesIO

    from docx import Document as new_document

    document = new_document()
    document.core_properties.title = title[:255]
    document.core_properties.author = ""
    document.add_heading(title, 0)
    for part in parts:
        document.add_heading(part.head, 1)
        _add_blocks(document, _document(part))
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def _add_blocks(document: Document, source: QTextDocument) -> None:
    block = source.begin()
    tables: set[int] = set()
    while block.isValid():
        table = cast("QTextTable | None", QTextCursor(block).currentTable())
        if table is None:
            _add_paragraph(document, block)
        elif table.firstPosition() not in tables:
            tables.add(table.firstPosition())
            grid = document.add_table(table.rows(), table.columns(), style="Table Grid")
            for row, cells in enumerate(grid.rows):
                for column, cell in enumerate(cells.cells):
                    cell.text = ""
                    first = table.cellAt(row, column).firstCursorPosition().block()
                    _add_runs(cell.paragraphs[0], first)
        block = block.next()


def _add_paragraph(document: Document, block: QTextBlock) -> None:
    shape = block.blockFormat()
    found = cast("QTextList | None", block.textList())
    if shape.headingLevel():
        paragraph = document.add_heading("", min(9, shape.headingLevel() + 1))
    elif found is not None:
        numbered = found.format().style() not in _BULLETS
        paragraph = document.add_paragraph("", "List Number" if numbered else "List Bullet")
    else:
        quoted = shape.hasProperty(QTextFormat.Property.BlockQuoteLevel)
        paragraph = document.add_paragraph("", "Quote" if quoted else None)
    _add_runs(paragraph, block)


def _add_runs(paragraph: Paragraph, block: QTextBlock) -> None:
    parts = block.begin()
    while not parts.atEnd():
        fragment = parts.fragment()
        shape = fragment.charFormat()
        run = paragraph.add_run(fragment.text().replace("\u2028", "\n"))
        run.bold = shape.fontWeight() >= QFont.Weight.Bold or None
        run.italic = shape.fontItalic() or None
        run.font.strike = shape.fontStrikeOut() or None
        if shape.fontFixedPitch():
            run.font.name = "Courier New"
        if shape.isAnchor() and shape.anchorHref() != fragment.text():
            paragraph.add_run(f" ({shape.anchorHref()})")
        parts += 1
