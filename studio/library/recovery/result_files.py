"""Find and read result files, any of which may be wrong in any way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats import suffixes
from studio.formats.recipes.recipe_files import read_content, read_embedded
from studio.formats.untrusted_files import is_file, is_folder, is_unicode, printable
from studio.kinds.coding import recipe_from_json
from studio.library.curation.changes import TRASH_FOLDER
from studio.library.folder.file_placing import hash_file
from studio.library.folder.marks_file import MARKS_FILE
from studio.library.folder.output_list import OutputList
from studio.library.folder.stored_paths import StoredPaths, leads_inside
from studio.library.index.asset_writer import FinishedFile
from studio.protocol import Sentence

EXTENSIONS = {*suffixes.TEXTS, *suffixes.PICTURES, *suffixes.AUDIO, *suffixes.VIDEO}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class UnreadFile(Struct, frozen=True):
    """A file or folder that could not be read, and why; `detail` is for a report."""

    path: Path
    reason: Sentence
    detail: str = ""


def has_results(root: Path) -> bool:
    """Return whether a folder contains the date folders, the trash or the marks of a library."""
    return any(True for _ in date_folders(root)) or any(
        os.path.lexists(root / name) for name in (TRASH_FOLDER, MARKS_FILE)
    )


def date_folders(root: Path) -> Iterator[Path]:
    """Yield the date folders of a library."""
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if _DATE.fullmatch(entry.name)]
    except (OSError, ValueError):  # no folder can have such a name
        return
    for folder in (root / name for name in sorted(names)):
        if is_folder(folder) and leads_inside(root, folder):
            yield folder


def result_files(root: Path, unread: list[UnreadFile]) -> Iterator[Path]:
    """Yield the files that may be results, originals first: the first of a recipe gets its id.

    Folders that cannot be listed are added to `unread`.
    """

    def note(error: OSError) -> None:
        unread.append(_unreadable(Path(error.filename or root), error))

    converted: list[Path] = []
    for parent, folders, names in os.walk(root, onerror=note):
        folders[:] = sorted(n for n in folders if not n.startswith(".") or n == TRASH_FOLDER)
        for path in (Path(parent, name) for name in sorted(names)):
            # Possibly an export, with the recipe of another file.
            if path.suffix.lower() in suffixes.CONVERTED_PICTURES:
                converted.append(path)
            elif path.suffix.lower() in EXTENSIONS:
                yield path
    yield from converted


def outside_results(
    root: Path, unread: list[UnreadFile], folders: Sequence[Path] | None = None
) -> Iterator[FinishedFile]:
    """Yield the results in the folders outside the library that are listed in it, or in `folders`.

    They may hold any other files of the user, which are not reported. Older files first, since
    copies are newer. Folders on a disk that is unplugged are added to `unread`, and those that
    cannot be listed; not those that were deleted.
    """
    paths = StoredPaths(root)
    for folder in OutputList(root).folders() if folders is None else folders:
        if paths.unplugged_disk(folder) is not None:
            unread.append(UnreadFile(folder, Sentence("Its disk is not connected.")))
            continue
        try:
            with os.scandir(folder) as entries:
                found = sorted(
                    (entry.stat(follow_symlinks=False).st_mtime, entry.name) for entry in entries
                )
        except (FileNotFoundError, NotADirectoryError, ValueError):
            continue
        except OSError as error:
            unread.append(_unreadable(folder, error))
            continue
        for path in (folder / name for _, name in found):
            if path.suffix.lower() in EXTENSIONS and leads_inside(folder, path):
                file = read_result(path, root)
                if isinstance(file, FinishedFile):
                    yield file


def read_result(path: Path, root: Path) -> FinishedFile | UnreadFile | None:
    """Read a file for indexing. None if it is a file without a recipe that the user put there."""
    if not is_unicode(path.relative_to(root) if path.is_relative_to(root) else path):
        return UnreadFile(path, Sentence("Its name is not valid UTF-8. Rename it."))
    try:
        path.stat()
        if path.is_symlink() and path.is_relative_to(root) and not leads_inside(root, path):
            return UnreadFile(path, Sentence("It is a link that leads out of the library."))
        if not is_file(path):
            return UnreadFile(path, Sentence("It is not a regular file."))
        text = read_embedded(path).recipe
        if not text:
            is_ours = path.parent.parent == root and bool(
                _DATE.fullmatch(path.parent.name) or path.parent.name == TRASH_FOLDER
            )
            return UnreadFile(path, Sentence("It contains no recipe.")) if is_ours else None
        recipe = recipe_from_json(text)
        content = read_content(path)
        return FinishedFile(
            path=path,
            recipe=recipe,
            size=path.stat().st_size,
            sha256=hash_file(path),
            text=content.text,
            width=content.width,
            height=content.height,
            duration=content.duration,
        )
    except OSError as error:
        return _unreadable(path, error)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return UnreadFile(path, Sentence("Its recipe is damaged."), printable(str(error)))
    except Exception as error:  # a stranger's file may break any parser
        return UnreadFile(
            path, Sentence("It is damaged."), printable(f"{type(error).__name__}: {error}")
        )


def _unreadable(path: Path, error: OSError) -> UnreadFile:
    return UnreadFile(
        path,
        Sentence("It cannot be read: {cause}", {"cause": error.strerror or str(error)}),
        printable(str(error)),
    )
