"""Answers as documents. What is slow to lay out stays plain text; no file is opened.

A document is parsed and formatted before it has a layout: in a laid out one, every change of a
table lays the whole table out again, and Qt opens the files that images name while it does so.
"""

from __future__ import annotations

import re
from itertools import pairwise

from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextOption,
)

from studio.ui.widgets.long_words import has_long_word

MAX_MARKDOWN = 60_000
"""Characters above which an answer stays plain text."""

MAX_LIST_ITEMS = 1500
"""Parsing takes quadratic time in the items of a list: 2,000 take 60 ms, 14,000 take 4 s."""

MAX_TABLE_CELLS = 1500
"""Of all tables, counted by `|`. 2,000 take 65 ms."""

MAX_CELLS_OF_TABLE = 600
"""Columns are as wide as they need to be, so that one table takes several times as long as many
small ones: with 2,000 cells 180 ms."""

MAX_LINES = 3000
MAX_KEPT_LINES = 200
"""Lines up to which their ends are kept: each takes as long to lay out as a paragraph."""

MAX_SPAN_MARKS = 10_000
"""Marks of emphasis, code and links; in one paragraph 20,000 take 0.5 s."""

MAX_GROWING = 12_000
"""Characters above which plain text scrolls in a view of fixed height: a view that grows with its
text lays all of it out again for every word that is added."""

MAX_GROWING_LINES = 800

_LIST_ITEM = re.compile(r"^[ \t>]*(?:[-+*]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_TABLE = re.compile(r"(?:^[^\n]*\|[^\n]*(?:\n|\Z))+", re.MULTILINE)
_FENCE = re.compile(r"[ \t>]*(?:```|~~~)")
_IMAGE = "\ufffc"
_FEATURES = (
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub
    | QTextDocument.MarkdownFeature.MarkdownNoHTML
)


def is_quick_to_render(text: str) -> bool:
    """Return whether a text has no more of what is slow to render as Markdown than was measured."""
    return (
        len(text) <= MAX_MARKDOWN
        and text.count("\n") <= MAX_LINES
        and _has_small_tables(text)
        and sum(map(text.count, "*_~`[<&")) <= MAX_SPAN_MARKS
        and sum(1 for _ in _LIST_ITEM.finditer(text)) <= MAX_LIST_ITEMS
    )


def _has_small_tables(text: str) -> bool:
    cells = text.count("|")
    if cells <= MAX_CELLS_OF_TABLE:
        return True
    return cells <= MAX_TABLE_CELLS and all(
        table[0].count("|") <= MAX_CELLS_OF_TABLE for table in _TABLE.finditer(text)
    )


def fits_growing_view(text: str) -> bool:
    """Return whether plain text is short enough for a view that is as high as its text."""
    return len(text) <= MAX_GROWING and text.count("\n") <= MAX_GROWING_LINES


def markdown_document(text: str, font: QFont, code: QColor) -> QTextDocument:
    """Render a text; `code` is the background of code blocks."""
    document = _empty_document(text, font)
    document.setMarkdown(_with_line_breaks(text), _FEATURES)
    edit = QTextCursor(document)
    edit.beginEditBlock()
    _remove_tooltips(document)
    _replace_images(document)
    _format_blocks(document, code)
    edit.endEditBlock()
    return document


def _with_line_breaks(text: str) -> str:
    """Keep the ends of lines, which Markdown joins: models write verse and addresses that way."""
    if not 0 < text.count("\n") <= MAX_KEPT_LINES:
        return text
    lines = text.split("\n")
    is_code = False
    for number, (line, following) in enumerate(pairwise(lines)):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and line and following and not line.isspace():
            lines[number] = line + "  "
    return "\n".join(lines)


def plain_document(text: str, font: QFont) -> QTextDocument:
    """Return a document that shows the text as it is."""
    document = _empty_document(text, font)
    document.setPlainText(text)
    return document


def _empty_document(text: str, font: QFont) -> QTextDocument:
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setDefaultFont(font)
    document.setDocumentMargin(0)
    if has_long_word(text):
        option = document.defaultTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAnywhere)
        document.setDefaultTextOption(option)
    return document


def _remove_tooltips(document: QTextDocument) -> None:
    """Remove the titles of links, which Qt would show as HTML."""
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    none = QTextCharFormat()
    none.setToolTip("")
    cursor.mergeCharFormat(none)


def _replace_images(document: QTextDocument) -> None:
    """Show images as their source."""
    block = document.begin()
    while block.isValid():
        if _IMAGE in block.text():
            _replace_images_of(block)
        block = block.next()


def _replace_images_of(block: QTextBlock) -> None:
    found: list[tuple[int, int, QTextCharFormat]] = []
    parts = block.begin()
    while not parts.atEnd():
        fragment = parts.fragment()
        shape = fragment.charFormat()
        if shape.isImageFormat():
            found.append((fragment.position(), fragment.length(), shape))
        parts += 1
    cursor = QTextCursor(block)
    for position, length, shape in reversed(found):
        name = shape.toImageFormat().name()
        alternative = shape.property(QTextFormat.Property.ImageAltText) or ""
        plain = QTextCharFormat()
        if shape.isAnchor():
            plain.setAnchor(True)
            plain.setAnchorHref(shape.anchorHref())
        cursor.setPosition(position)
        cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(f"![{alternative}]({name})" * length, plain)


def _format_blocks(document: QTextDocument, background: QColor) -> None:
    """Reduce headings to one size, shade code and remove the margins in table cells."""
    code = QTextBlockFormat()
    code.setBackground(background)
    cell = QTextBlockFormat()
    cell.setTopMargin(0)
    cell.setBottomMargin(0)
    heading = QTextCharFormat()
    heading.setProperty(QTextFormat.Property.FontSizeAdjustment, 1)
    block = document.begin()
    while block.isValid():
        block_format = block.blockFormat()
        cursor = QTextCursor(block)
        if block_format.headingLevel():
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            cursor.mergeCharFormat(heading)
        elif block_format.hasProperty(
            QTextFormat.Property.BlockCodeFence
        ) or block_format.hasProperty(QTextFormat.Property.BlockCodeLanguage):
            cursor.mergeBlockFormat(code)
        elif cursor.currentTable() is not None:
            cursor.mergeBlockFormat(cell)
        block = block.next()
