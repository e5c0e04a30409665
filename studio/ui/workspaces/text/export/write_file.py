"""Write a text as a file, in the format that its name says."""

from __future__ import annotations

from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.ui.workspaces.text.export.marks import Marks
from studio.ui.workspaces.text.export.pdf_file import as_pdf
from studio.ui.workspaces.text.export.writing import (
    Part,
    Writing,
    as_html,
    as_markdown,
    clean,
)


def write(writing: Writing, path: Path) -> None:
    """Write a text in the format of the file name. Raises `OSError`. On any thread."""
    marks = Marks(
        tuple(map(clean, writing.marks.notes)), clean(writing.marks.label), writing.marks.review
    )
    parts = tuple(
        Part(
            clean(each.head),
            clean(each.text),
            each.is_markdown,
            tuple(map(clean, each.sources)),
        )
        for each in writing.parts
    )
    cleaned = Writing(clean(writing.title), parts, marks, writing.shows_title)
    suffix = path.suffix.lower()
    if suffix == ".docx":
        # Not at the top: python-docx takes a while to import.
        from studio.ui.workspaces.text.export.docx_file import as_docx

        data = as_docx(cleaned)
    elif suffix == ".pdf":
        data = as_pdf(cleaned)
    elif suffix in (".html", ".htm"):
        data = as_html(cleaned).encode()
    else:
        data = as_markdown(cleaned).encode()
    write_atomic(path, data)
