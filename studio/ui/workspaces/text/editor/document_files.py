"""The files of documents: one each, in a folder of the library."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from studio.formats.atomic_write import sweep, write_atomic
from studio.formats.json_file import set_aside
from studio.formats.untrusted_files import is_folder, read_start
from studio.library.folder.stored_paths import leads_inside
from studio.library.library_place import make_in_library
from studio.library.recipes.edited_versions import DOCUMENT
from studio.protocol import Problem, Sentence, problem
from studio.ui.workspaces.text.editor.document import MAX_TEXT, Document

FOLDER = "documents"
MAX_BYTES = 16 * 2**20
_LOOKED_AT = 20
"""Files that are read to find a text that was not saved: the last changed ones."""


class DocumentFiles:
    """The documents in the library at `root`. Methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / FOLDER

    def path(self, id: str) -> Path:
        """Return the file of a document."""
        assert DOCUMENT.fullmatch(id), id
        return self.folder / f"{id}.json"

    def lock_path(self, id: str) -> Path:
        """Return the lock held by the window that shows a document."""
        return self.folder / f".{id}.lock"

    def load(self, id: str) -> tuple[Document | None, Problem | None]:
        """Read a document, None if there is none; a damaged file is renamed and reported."""
        if not self._is_inside():
            return None, None
        file = self.path(id)
        try:
            data = read_start(file, MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise OSError("the file is too large")
            found = msgspec.json.decode(data, type=Document)
        except FileNotFoundError:
            return None, None
        except OSError as error:
            message = Sentence("The text in {path} cannot be read.", {"path": str(file)})
            return None, Problem("bad_input", message, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = Sentence(
                "The file of a text that was edited was damaged. It was renamed to {path}; the "
                "versions that were saved are in the library.",
                {"path": str(set_aside(file))},
            )
            return None, Problem("bad_input", message, str(error))
        found.id, found.text = id, found.text[:MAX_TEXT]
        return found, None

    def unsaved(self) -> list[str]:
        """Return the documents of which no version has the last text, the last changed first."""
        if not self._is_inside():
            return []
        sweep(self.folder)
        changed: list[tuple[float, str]] = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    id, dot, suffix = entry.name.partition(".")
                    if dot + suffix == ".json" and DOCUMENT.fullmatch(id):
                        with contextlib.suppress(OSError):
                            changed.append((entry.stat().st_mtime, id))
        except OSError:
            return []
        found = []
        for _, id in sorted(changed, reverse=True)[:_LOOKED_AT]:
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
                data = read_start(self.path(id), MAX_BYTES)
                if not msgspec.json.decode(data, type=Document).is_saved:
                    found.append(id)
        return found

    def save(self, id: str, encoded: bytes) -> None:
        """Write an encoded document atomically. Raises `OSError` or `ProblemError`."""
        make_in_library(self._root, self.folder, private=True)
        if not leads_inside(self._root, self.folder):
            raise problem(
                "bad_input",
                "The folder {path} is a link that leads out of the library. Remove it, or replace "
                "it by a folder.",
                path=str(self.folder),
            )
        write_atomic(self.path(id), encoded, private=True)

    def _is_inside(self) -> bool:
        return is_folder(self.folder) and leads_inside(self._root, self.folder)
