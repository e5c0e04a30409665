"""Paths that stand in files of a library: the index, `marks.jsonl`, jobs, work folders.

A library may come from anywhere, be damaged, or have been moved. What stands in it never leads
out of its folder, but for results in folders that this user chose (`ChosenFolders`).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from studio.library.disk_problems import file_problem, missing
from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.folder.file_names import LONGEST_NAME, is_reserved, portable_name
from studio.protocol import ProblemError, problem
from studio.settings import default_paths

_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Never matched on Windows, where more names have a meaning.
_USUAL = re.compile(
    r"(\.trash|\d{4}-\d\d-\d\d)/[^/\\:\x00-\x1f]{0,60}[^/\\:. \x00-\x1f]"
    if os.name != "nt"
    else r"(?!)"
)
_LONGEST_PATH = 2000
_OWN = (".", "library.", "marks.", "queue")
# Stands for a path that is refused. It cannot be guessed, so nobody can put a file there.
_NOWHERE = f".outside-{secrets.token_hex(8)}"


class StoredPaths:
    """The stored paths of the library in `root`. Methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._chosen = ChosenFolders(default_paths().chosen_folders)
        self._inside_by_folder: dict[Path, bool] = {}
        self._usual: dict[str, bool] = {}

    def resolve(self, stored: str) -> Path | None:
        """Return the file that a stored path names, None if it may not be accessed.

        Folders are checked for links once, while the library is open.
        """
        # Nearly all are of this form, and lists of results read many.
        if usual := _USUAL.fullmatch(stored):
            path = self._root / stored
            if self._usual.get(usual[1]) is None:
                self._usual[usual[1]] = leads_inside(self._root, path.parent)
            if self._usual[usual[1]] and not os.path.islink(path):  # noqa: PTH114
                return path
        found = self.entry(stored)
        # `Path.is_symlink` raises for names that a file system finds too long.
        if found is None or not found.is_relative_to(self._root) or not os.path.islink(found):  # noqa: PTH114
            return found
        return found if leads_inside(self._root, found) else None

    def entry(self, stored: str) -> Path | None:
        """Return where a stored path lies, None as in `resolve`. It may be a link out of there."""
        path = self._located(stored)
        return path if path is not None and self._is_folder_inside(path.parent) else None

    def shown(self, stored: str) -> Path:
        """Return the file that a stored path names, or a path without a file if it is refused."""
        path = self.resolve(stored)
        if path is not None:
            return path
        name = re.split(r"[/\\]", stored)[-1]
        return self._root / _NOWHERE / (portable_name(name) if name not in ("", ".", "..") else "?")

    def writable(self, stored: str) -> Path | None:
        """Return the path where a file may be put back, None if `stored` names no such path.

        An absolute path into an earlier place of the library is taken for the same date folder
        in this one.
        """
        path = self.resolve(stored)
        if path is None and _is_absolute(stored):
            path = self.resolve("/".join(_pure(stored).parts[-2:]))
            if path is not None and not _DATE.fullmatch(path.parent.name):
                path = None
        if path is None or not path.is_relative_to(self._root):
            return path
        first = path.relative_to(self._root).parts[0]
        if first.startswith(_OWN) or not leads_inside(self._root, path.parent):
            return None
        return path

    def choose(self, folder: Path) -> None:
        """Allow results in a folder that the user chose. Raises `ProblemError`."""
        try:
            self._chosen.add(folder)
        except OSError as error:
            raise file_problem(error, default_paths().chosen_folders.parent) from error

    def require_disk(self, folder: Path) -> None:
        """Raise `ProblemError` if the disk of a folder that was chosen before is unplugged.

        What would be written to its mount point is hidden as soon as the disk is back.
        """
        disk = self.unplugged_disk(folder)
        if disk is not None:
            raise ProblemError(missing(disk, "no disk is mounted there, but one was"))

    def require_visible(self, folder: Path) -> None:
        """Raise `ProblemError` if a folder is one of the library's own, e.g. its trash.

        Results in it would be taken for deleted or unfinished ones.
        """
        try:
            inside = Path(os.path.realpath(folder)).relative_to(os.path.realpath(self._root))
        except (OSError, ValueError):
            return
        if any(part.startswith(".") for part in inside.parts):
            raise problem(
                "bad_input",
                "{path} belongs to the library itself. Choose another output folder.",
                path=folder,
            )

    def unplugged_disk(self, folder: Path) -> Path | None:
        """Return where the disk of a folder outside the library was, None if nothing is missing."""
        inside = folder.is_relative_to(self._root)
        return None if inside else self._chosen.unplugged_disk(folder)

    def is_allowed(self, folder: Path) -> bool:
        """Return whether results may be in this folder outside the library."""
        return folder == self._root or self._chosen.contains(folder)

    def require_allowed(self, folder: Path) -> None:
        """Raise `ProblemError` if results may not be written to this folder."""
        if not self.is_allowed(folder):
            raise problem(
                "bad_input",
                "This job saves its results in {path}, which was not chosen on this computer. "
                "Start the job again, and choose that folder.",
                path=folder,
            )

    def require_inside(self, path: Path) -> None:
        """Raise `ProblemError` if a path below the library leads out of it through a link."""
        if path.is_relative_to(self._root) and not leads_inside(self._root, path):
            raise _leads_outside(self._root, path)

    def _is_folder_inside(self, folder: Path) -> bool:
        if not folder.is_relative_to(self._root):
            return True
        inside = self._inside_by_folder.get(folder)
        if inside is None:
            inside = self._inside_by_folder[folder] = leads_inside(self._root, folder)
        return inside

    def _located(self, stored: str) -> Path | None:
        if not _is_absolute(stored):
            return self._root / stored if is_plain(stored) else None
        path = Path(stored)
        if not _is_storable(path) or path.name in ("", ".."):
            return None
        if path.is_relative_to(self._root):
            return path if is_plain(path.relative_to(self._root).as_posix()) else None
        return path if self._chosen.contains(path.parent) else None


def is_plain(stored: str, *, windows: bool = os.name == "nt") -> bool:
    """Return whether a stored relative path stays below the folder that it is joined to.

    On Windows, names that mean something else there (`CON`, `C:`, `a.txt:stream`, `a.`) do not.
    """
    pure = PureWindowsPath(stored) if windows else PurePosixPath(stored)
    if not pure.parts or pure.anchor or ".." in pure.parts or not _is_storable(pure):
        return False
    return not windows or not any(
        ":" in part or part.endswith((".", " ")) or is_reserved(part) for part in pure.parts
    )


def _is_storable(path: PurePath) -> bool:
    """Return whether a file system may have a file of this name, which need not be the case."""
    try:
        data = os.fsencode(path)
    except UnicodeEncodeError:
        return False
    too_long = len(data) > _LONGEST_PATH or any(
        len(os.fsencode(part)) > LONGEST_NAME for part in path.parts
    )
    return b"\0" not in data and not too_long


def safe_name(name: str) -> str:
    """Return a stored id as part of a file name: unchanged, or a hash if it is not plain."""
    if _NAME.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]


def leads_inside(root: Path, path: Path) -> bool:
    """Return whether a path is still below `root` when all links are followed."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except (OSError, ValueError):
        return False


def check_own_files(root: Path) -> None:
    """Check that the files that the app writes in a library are no links out of it.

    Nor pipes or devices, which would be waited for. Raises `ProblemError`.
    """
    try:
        with os.scandir(root) as listed:
            own = [Path(entry.path) for entry in listed if entry.name.startswith(_OWN)]
        for path in own:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                if not leads_inside(root, path):
                    raise _leads_outside(root, path)
                mode = path.stat().st_mode if path.exists() else stat.S_IFREG
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise problem(
                    "bad_input",
                    "{name} in the library {path} is neither a file nor a folder. Remove it, or "
                    "choose another library folder.",
                    name=path.name,
                    path=root,
                )
    except OSError:
        return  # a folder that cannot be read is reported when it is used


def _leads_outside(root: Path, path: Path) -> ProblemError:
    return problem(
        "bad_input",
        "{name} in the library {path} is a link that leads out of the library. Remove it, or "
        "choose another library folder.",
        name=str(path.relative_to(root)),
        path=root,
    )


def _is_absolute(stored: str) -> bool:
    return bool(_pure(stored).anchor)


def _pure(stored: str) -> PurePath:
    return PureWindowsPath(stored) if os.name == "nt" else PurePosixPath(stored)
