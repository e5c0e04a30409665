"""What must be true of a library after any failure, checked as at the next start."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from studio.library.recipes.metadata import read_recipe, read_text
from studio.library.records import Asset
from studio.library.store import Library

RESULTS = (".md", ".png")


def checked_results(root: Path, out: Path | None = None) -> list[Asset]:
    """Return the assets of the library in `root`, whose files lie in `out` or in itself.

    Assert that every file is complete and listed, every listed result has its file, no row
    exists twice, and no partial file is left.
    """
    library = Library.open(root)
    assets = library.assets.recent(limit=1_000_000)
    library.close()
    place = out or root
    found = [file for file in place.rglob("*") if file.is_file() and file.suffix in RESULTS]
    assert sorted(found) == sorted(asset.path for asset in assets)
    for asset in assets:
        assert read_recipe(asset.path) == asset.recipe
        if asset.task == "text":
            assert asset.text
            assert read_text(asset.path) == asset.text
        else:
            with Image.open(asset.path) as picture:
                picture.load()
    assert len({(asset.job, asset.row) for asset in assets}) == len(assets)
    half = [file for folder in {root, place} for file in folder.rglob(".tmp/**/*")]
    assert half == []
    return assets
