"""A text as a PDF, laid out by Qt on A4."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF
from PySide6.QtGui import QPageLayout, QPageSize, QPdfWriter, QTextDocument

from studio.formats.pictures.xmp import AIGC, AIGC_NAMESPACE, SOURCE, SOURCE_NAMESPACE, with_value
from studio.ui.workspaces.text.export.writing import Writing, as_html

_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_CREATOR = "Prompt Studio"
_RESOLUTION = 300
_MARGIN = 15.0
"""Millimetres; Qt adds 2 cm when it prints a text."""


def as_pdf(writing: Writing) -> bytes:
    """Return a text as a PDF with its marks in the metadata."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pages = QPdfWriter(buffer)
    pages.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4),
            QPageLayout.Orientation.Portrait,
            QMarginsF(0, 0, 0, 0),
            QPageLayout.Unit.Millimeter,
        )
    )
    pages.setResolution(_RESOLUTION)
    pages.setTitle(writing.title)
    pages.setCreator(_CREATOR)
    if writing.marks.label:
        packet = with_value("", AIGC, AIGC_NAMESPACE, writing.marks.label)
        packet = with_value(packet, SOURCE, SOURCE_NAMESPACE, _GENERATED)
        pages.setDocumentXmpMetadata(packet.encode())
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setHtml(as_html(writing))
    document.print_(pages)
    del pages
    data = bytes(buffer.data().data())
    buffer.close()
    return data
