"""A text as a Word document."""

from __future__ import annotations

from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, cast

from PySide6.QtGui import (
    QFont,
    QTextBlock,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextListFormat,
)

from studio.ui.workspaces.text.export.writing import Writing, document_of

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph
    from PySide6.QtGui import QTextList, QTextTable

_BULLETS = (
    QTextListFormat.Style.ListDisc,
    QTextListFormat.Style.ListCircle,
    QTextListFormat.Style.ListSquare,
)
_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
_CONTENT = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_FORMAT_ID = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
"""Of properties that a user defined."""


def as_docx(writing: Writing) -> bytes:
    """Return a text as a Word document."""
    from docx import Document as new_document

    document = new_document()
    document.core_properties.title = writing.title[:255]
    document.core_properties.author = ""
    _add_properties(document, {"AIGC": writing.marks.label, "Review": writing.marks.review})
    if writing.shows_title:
        document.add_heading(writing.title, 0)
    for note in writing.marks.notes:
        document.add_paragraph(note, "Intense Quote")
    for part in writing.parts:
        if part.head:
            document.add_heading(part.head, 1)
        _add_blocks(document, document_of(part))
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def _add_properties(document: Document, values: dict[str, str]) -> None:
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    given = [(name, value) for name, value in values.items() if value]
    if not given:
        return
    listed = "".join(
        f'<property fmtid="{_FORMAT_ID}" pid="{number}" name="{name}">'
        f"<vt:lpwstr>{escape(value)}</vt:lpwstr></property>"
        for number, (name, value) in enumerate(given, 2)
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<Properties xmlns="{_PROPERTIES}" xmlns:vt="{_TYPES}">{listed}</Properties>'
    )
    package = document.part.package
    assert package is not None
    part = Part(PackURI("/docProps/custom.xml"), _CONTENT, xml.encode(), package)
    package.relate_to(part, _RELATION)


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
