"""List the folders of results outside the library that were used before there was a list."""

from __future__ import annotations

from pathlib import Path

from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.folder.output_list import OutputList
from studio.library.index.database import Database
from studio.settings import default_paths, library_root, load_settings


def begin_output_list(database: Database, outputs: OutputList) -> None:
    """Make the library's own list, once. Raises `ProblemError` and `OSError`."""
    if not outputs.exists():
        outputs.begin(_folders_of_results(database))


def list_earlier_folders(database: Database, root: Path) -> None:
    """List them once, for the user's own library; another one may be a stranger's.

    Without this, results of earlier versions in such folders would count as missing. Raises
    `ProblemError` if the index cannot be read, and `OSError` if the list cannot be written.
    """
    paths = default_paths()
    chosen = ChosenFolders(paths.chosen_folders)
    if chosen.has_earlier():
        return
    settings, _ = load_settings(paths.settings)
    if library_root(settings, paths).absolute() != root:
        return
    with database.read() as db:
        outputs = db.execute("SELECT DISTINCT output FROM jobs WHERE output != ''").fetchall()
    folders = _folders_of_results(database) | {Path(path) for (path,) in outputs}
    chosen.add_earlier(folder for folder in folders if folder.is_absolute() and folder != root)


def _folders_of_results(database: Database) -> set[Path]:
    with database.read() as db:
        # Paths in the library are relative: these begin with a root or a drive.
        stored = db.execute(
            "SELECT path FROM assets WHERE path GLOB '/*' OR path GLOB '[A-Za-z]:*'"
        ).fetchall()
    return {Path(path).parent for (path,) in stored}
