"""`studio film`: pictures and folders in, one film out, with the recipe inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.kinds.film import FilmRequest
from studio.library.recipes.metadata import read_recipe
from tests.e2e.conftest import CommandResult

Studio = Callable[..., CommandResult]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 30), (80 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_a_folder_becomes_one_film_that_can_be_reproduced(studio: Studio, pictures: Path) -> None:
    (pictures / "3.jpg").write_bytes(b"damaged")
    made = studio("film", pictures, "--seconds", "0.2", "--size", "64x48", "--fps", "10", "--json")
    assert made.status == 0, made.err
    (asset,) = made.named("asset")
    assert "3.jpg" in made.named("warning")[0]["message"]
    recipe = read_recipe(Path(asset["path"]))
    assert recipe is not None and isinstance(recipe.request, FilmRequest)
    assert len(recipe.request.pictures) == 4
    assert studio("library", "rebuild").status == 0
    found = studio("library", "search", "--task", "film", "--json").out
    again = studio("library", "reproduce", json.loads(found.splitlines()[0])["id"])
    assert again.status == 0, again.out + again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "There are no pictures in"),
        (["gone.png"], "does not exist"),
        (["pictures", "--size", "63x48"], "even"),
        (["pictures", "--seconds", "0"], "--seconds"),
        (["pictures", "--sound", "gone.wav"], "gone.wav"),
        ([], "FILE"),
    ],
)
def test_a_wrong_call_is_refused(
    studio: Studio, pictures: Path, arguments: list[str], said: str
) -> None:
    (pictures.parent / "empty").mkdir()
    given = [str(pictures.parent / a) if a in ("empty", "pictures") else a for a in arguments]
    refused = studio("film", *given)
    assert refused.status == 2
    assert said in refused.err + refused.out
