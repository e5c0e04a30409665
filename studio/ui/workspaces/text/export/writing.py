"""A text with its title and what must be said of it, as Markdown, HTML, docx or PDF.

Pictures that a text names are not opened, and HTML in it is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from msgspec import Struct
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)

from studio.ui.style.translations import tr
from studio.ui.workspaces.text.answer_document import (
    is_quick_to_render,
    markdown_document,
    plain_document,
)
from studio.ui.workspaces.text.export.marks import Marks

_BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL | re.IGNORECASE)
_CODE = QColor("#eef0f4")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"[\\`*_<>\[\]#|~&$!]")
"""Signs that mean something in Markdown."""
_SAFE_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
"""Links that a browser opens. Others may run scripts in the exported page, or open files."""

_STYLE = (
    "body { max-width: 45em; margin: 2em auto; padding: 0 1em; font-family: sans-serif;"
    " line-height: 1.5; }"
    " table { border-collapse: collapse; } td, th { padding: 0.2em 0.6em; }"
    " .note { color: #626974; }"
)
_HEADS = " h2 { font-size: 1em; color: #626974; margin-top: 2em; }"
"""Those of the parts are quiet."""


class Part(Struct, frozen=True):
    """A section, with a heading where it has one; the words of a person are no Markdown."""

    head: str
    text: str
    is_markdown: bool
    sources: tuple[str, ...] = ()
    """Lines at its end that name the documents it is from; no Markdown either."""


class Writing(Struct, frozen=True):
    """What is written into a file."""

    title: str
    parts: tuple[Part, ...]
    marks: Marks = Marks()
    shows_title: bool = True
    """Whether the title stands above the text, which may have one of its own."""


def clean(text: str) -> str:
    """Leave out what neither XML nor UTF-8 can hold."""
    return _NOT_XML.sub("", text)


def as_markdown(writing: Writing) -> str:
    sections = [f"# {writing.title}"] if writing.shows_title else []
    sections += [f"> {note}" for note in writing.marks.notes]
    for part in writing.parts:
        text = "\n\n".join((part.text.strip(), *_markdown_sources(part)))
        sections.append(f"## {part.head}\n\n{text}" if part.head else text)
    if writing.marks.label:
        # A comment must not end before its end.
        label = writing.marks.label.replace("--", "-\\u002d")
        sections.append(f"<!-- AIGC: {label} -->")
    return "\n\n".join(sections) + "\n"


def _markdown_sources(part: Part) -> list[str]:
    if not part.sources:
        return []
    escaped = (_MARKDOWN.sub(r"\\\g<0>", line) for line in part.sources)
    return [f"**{tr('Sources')}**", *escaped]


def as_html(writing: Writing) -> str:
    """Return a text as a page."""
    sections = []
    for part in writing.parts:
        body = _BODY.search(document_of(part).toHtml())
        text = body[1].strip() if body else escape(part.text)
        sections.append(f"<h2>{escape(part.head)}</h2>\n{text}" if part.head else text)
    title = escape(writing.title)
    style = _STYLE + _HEADS if any(part.head for part in writing.parts) else _STYLE
    heading = f"<h1>{title}</h1>\n" if writing.shows_title else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in writing.marks.notes)
    meta = "".join(
        f'<meta name="{name}" content="{escape(value)}">\n'
        for name, value in (("AIGC", writing.marks.label), ("review", writing.marks.review))
        if value
    )
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n{meta}'
        f"<style>{style}</style>\n</head>\n<body>\n{heading}{notes}"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def document_of(part: Part) -> QTextDocument:
    """Return a text as it is shown."""
    font = QFont("sans-serif", 11)
    if part.is_markdown and is_quick_to_render(part.text):
        document = markdown_document(part.text, font, _CODE)
        _write_out_other_links(document)
    else:
        document = plain_document(part.text, font)
    _add_sources(document, part.sources)
    return document


def _add_sources(document: QTextDocument, sources: Sequence[str]) -> None:
    """Write the sources below a text."""
    if not sources:
        return
    bold = QTextCharFormat()
    bold.setFontWeight(QFont.Weight.Bold)
    cursor = QTextCursor(document)
    cursor.movePosition(QTextCursor.MoveOperation.End)
    for number, line in enumerate((tr("Sources"), *sources)):
        shape = QTextCharFormat() if number else bold
        cursor.insertBlock(QTextBlockFormat(), shape)
        cursor.insertText(line, shape)


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
