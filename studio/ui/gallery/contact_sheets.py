"""Contact sheets shown in the window, and found again among the files of the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QWidget

from studio.formats.untrusted_files import is_file
from studio.ui.shell.state import AppState
from studio.ui.style.translations import tr
from studio.ui.widgets.dialog_frame import show_dialog

PATTERN = "*/contact-sheet-*.png"

MAX_SHEETS = 500


def find_sheets(library: Path) -> list[Path]:
    """Return the newest contact sheets below a library folder, newest first. Reads the disk."""
    found = [path for path in library.glob(PATTERN) if is_file(path)]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:MAX_SHEETS]


def show_sheets(files: Sequence[Path], state: AppState, window: QWidget, *, start: int = 0) -> None:
    """Show contact sheets in a window of their own."""
    from studio.ui.media.picture.picture_dialog import PictureDialog

    if files:
        tell = state.show_message
        show_dialog(PictureDialog(tr("Contact sheet"), files, tell, window, start=start))
    else:
        state.show_message(tr("There are no contact sheets in the library yet."), "info")
