"""What an added folder contains, and scans that are kept until the folder changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from studio.formats.untrusted_files import is_folder
from studio.models.folders.scan import FolderScan, FoundModel, scan_folder
from studio.protocol import ModelRef


class FolderReport(Struct, frozen=True):
    """A folder that the user added.

    `models` are usable. `others` counts files with weights that are not: parts of models, and
    models that cannot be used here. `is_missing` says that the folder is not there now.
    """

    path: str
    models: tuple[ModelRef, ...] = ()
    others: int = 0
    is_missing: bool = False


class FolderScans:
    """The scans of the added folders. A folder is read again when something in it has changed."""

    def __init__(self) -> None:
        self._scans: dict[str, FolderScan] = {}

    def scan(self, folder: str, check: Callable[[], None] = lambda: None) -> FolderScan:
        """Return what is in a folder. `check` may raise to cancel."""
        known = self._scans.get(folder)
        if known is not None and known.modified and known.is_current():
            return known
        found = scan_folder(Path(folder), check) if is_folder(Path(folder)) else FolderScan()
        self._scans[folder] = found
        return found

    def found(self, folders: list[str]) -> tuple[FoundModel, ...]:
        """Return what may be a model in all these folders."""
        return tuple(model for folder in folders for model in self.scan(folder).models)
