"""Whether a library is where it was: its disk may be unplugged, and the empty mount point be there.

A library is known again by what lies in it. `ChosenFolders` says where one was before on this
computer.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from studio.formats.folders import make_below
from studio.library.disk_problems import file_problem
from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.folder.file_placing import check_library_folder, library_missing
from studio.protocol import problem
from studio.settings import default_paths

# The index may be lost, and the marks. Nothing of this is written where no library is.
_OWN = re.compile(
    r"(library|marks|queue)\..*|\.(queue|changes|rebuild)\.lock|\.trash|\d{4}-\d\d-\d\d"
)


def require_place(root: Path) -> None:
    """Raise `ProblemError` if there was a library at `root`, and its disk is unplugged now.

    The default library may have been deleted: it is made anew, but for an unplugged disk.
    """
    paths = default_paths()
    chosen = ChosenFolders(paths.chosen_folders)
    disk = chosen.unplugged_disk(root)
    if disk is not None:
        raise library_missing(root)
    if root != paths.library and chosen.had_library(root) and not _is_there(root):
        raise problem(
            "bad_input",
            "The library that was in {path} is not there at the moment. Connect its disk. To begin "
            "a new library in this folder, choose it again in the settings.",
            path=root,
        )


def _is_there(root: Path) -> bool:
    try:
        with os.scandir(root) as entries:
            return any(_OWN.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def note_place(root: Path) -> None:
    """Note that there is a library at `root`, for `require_place`."""
    paths = default_paths()
    if not root.is_relative_to(paths.cache):
        with contextlib.suppress(OSError):
            ChosenFolders(paths.chosen_folders).add_library(root)


def make_in_library(root: Path, folder: Path, *, private: bool = False) -> None:
    """Create a folder of the library at `root`, which is open. Raises `ProblemError`.

    The library is not made anew where it was moved or deleted meanwhile, also the default one.
    """
    require_place(root)
    check_library_folder(root)
    try:
        make_below(root, folder, private=private)
    except OSError as error:
        raise file_problem(error, folder) from error
