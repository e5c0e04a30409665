"""List the folders of results outside the library that were chosen before there was a list."""

from __future__ import annotations

from pathlib import Path

from studio.library.folder.chosen_folders import ChosenFolders
from studio.library.index.database import Database
from studio.settings import default_paths, library_root, load_settings


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
        # Paths in the library are relative: these begin with a root or a drive.
        stored = db.execute(
            "SELECT path FROM assets WHERE path GLOB '/*' OR path GLOB '[A-Za-z]:*'"
        ).fetchall()
        outputs = db.execute("SELECT DISTINCT output FROM jobs WHERE output != ''").fetchall()
    folders = {Path(path).parent for (path,) in stored} | {Path(path) for (path,) in outputs}
    chosen.add_earlier(folder for folder in folders if folder.is_absolute() and folder != root)
