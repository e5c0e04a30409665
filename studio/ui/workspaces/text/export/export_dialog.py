"""Asks where a text is to be exported, and as what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.formats.untrusted_files import user_path
from studio.library.folder.file_names import portable_name
from studio.ui.style.translations import tr
from studio.ui.widgets.plain_text import one_line


def ask_for_file(
    title: str,
    name: str,
    parent: QWidget,
    chosen: Callable[[Path], object],
    *,
    with_subtitles: bool = False,
) -> None:
    """Open the dialog; `chosen` is called with the file."""
    dialog = QFileDialog(parent.window(), title)
    dialog.setObjectName("text.export")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    filters = {
        tr("Markdown (*.md)"): "md",
        tr("Web page (*.html)"): "html",
        tr("Word document (*.docx)"): "docx",
        tr("PDF (*.pdf)"): "pdf",
    }
    if with_subtitles:
        filters[tr("Subtitles (*.srt)")] = "srt"
    dialog.setNameFilters(list(filters))
    dialog.setDefaultSuffix("md")
    dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(filters[chosen]))
    # "." would be the start of a suffix.
    dialog.selectFile(portable_name(one_line(name, 60).replace(".", " ").strip()))
    dialog.fileSelected.connect(lambda file: chosen(user_path(file)))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
