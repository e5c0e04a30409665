"""The library folder and the output folder of a command."""

from __future__ import annotations

import tempfile
from pathlib import Path

from studio.formats.untrusted_files import is_unicode, printable, user_path
from studio.library.disk_problems import missing
from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.folder.file_placing import check_library_folder
from studio.protocol import ProblemError, problem
from studio.settings import Paths, default_paths, library_root, load_settings


def library_folder(paths: Paths) -> Path:
    """Return the library folder of the settings, or the default one.

    Raises `ProblemError` if the folder of the settings does not exist.
    """
    settings, _ = load_settings(paths.settings)
    folder = library_root(settings, paths)
    if folder != paths.library:
        check_library_folder(folder)
    return folder


def output_folder(text: str) -> str:
    """Return the absolute path of an output folder, created if missing; "" means the library."""
    if not text:
        return ""
    folder = user_path(text)
    if text.startswith("~") and text.split("/")[0] in folder.parts:
        raise problem(
            "bad_input",
            "{path} cannot be used: there is no user {name} on this computer. Write ./{path} if "
            "the name of the folder begins with ~.",
            path=text,
            name=text.split("/")[0][1:],
        )
    if not is_unicode(folder):
        raise problem(
            "bad_input",
            "The name of the folder {path} is not valid UTF-8. Choose another with -o, or rename "
            "it.",
            path=printable(str(folder)),
        )
    chosen = ChosenFolders(default_paths().chosen_folders)
    disk = chosen.unplugged_disk(folder)
    if disk is not None:
        raise ProblemError(missing(disk, "no disk is mounted there, but one was"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise problem(
            "bad_input",
            "The folder {path} cannot be written to: {reason}. Choose another with -o.",
            path=folder,
            reason=getattr(error, "strerror", "") or type(error).__name__,
        ) from error
    try:
        chosen.add(folder)
    except OSError as error:
        raise problem(
            "bad_input",
            "The list of output folders in {path} cannot be written: {reason}.",
            path=default_paths().chosen_folders,
            reason=error.strerror or type(error).__name__,
        ) from error
    return str(folder)
