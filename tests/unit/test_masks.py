"""A mask for the start picture: stored, read from a table, found again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PIL import Image

from studio.jobs.reproduce import reproduce_request
from studio.jobs.table import input_errors, read_table
from studio.kinds.image import ImageRequest
from studio.library.folder.file_placing import hash_file
from studio.library.queue.resolve_request import resolve_request
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Capabilities, InputFile, ProblemError
from studio.settings import Paths
from tests.unit.conftest import enqueue, png_bytes, record
from tests.unit.model_files import write_pipeline


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "start.png"
    Image.new("RGB", (8, 8), "red").save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "mask 蒙版.png"
    Image.new("L", (8, 8), "white").save(path)
    return path


def test_a_mask_is_stored_by_its_full_path_and_hash(
    image: Path, mask: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mask.parent)
    asked = ImageRequest(prompt="x", image=InputFile(image.name), mask=InputFile(mask.name))

    stored = resolve_request(asked)

    assert isinstance(stored, ImageRequest)
    assert stored.image == InputFile(str(image), hash_file(image))
    assert stored.mask == InputFile(str(mask), hash_file(mask))


def test_a_mask_without_a_picture_or_without_its_file_is_refused(image: Path, mask: Path) -> None:
    with pytest.raises(ProblemError, match="needs a start picture"):
        resolve_request(ImageRequest(prompt="x", mask=InputFile(str(mask))))
    mask.unlink()
    with pytest.raises(ProblemError, match=mask.name):
        resolve_request(
            ImageRequest(prompt="x", image=InputFile(str(image)), mask=InputFile(str(mask)))
        )


def test_a_table_finds_masks_beside_it(image: Path, mask: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    path = tmp_path / "t.csv"
    path.write_text(
        "task,prompt,image,mask\n"
        f"image,a,{image.name},{mask.name}\n"
        f"image,b,{image.name},notes.txt\n"
        f"image,c,{image.name},gone.png\n"
        f"image,d,,{mask.name}\n",
        "utf-8",
    )

    table = read_table(path)

    assert isinstance(table.rows[0].request, ImageRequest)
    assert table.rows[0].request.mask == InputFile(str(mask))
    assert [(error.line, error.column) for error in table.errors] == [(5, "mask")]
    wrong = input_errors(table)
    assert [(error.line, error.column) for error in wrong] == [(3, "mask"), (4, "mask")]


def test_a_moved_mask_is_found_by_its_hash(library: Library, paths: Paths) -> None:
    write_pipeline(paths.models / "painter")
    image = record(library, enqueue(library, "an apple"))
    mask = record(library, enqueue(library, "a mask"), content=png_bytes((7, 7)))
    outside = library.root.parent / "outside.png"
    mask.path.rename(outside)
    job = enqueue(
        library,
        "a pear",
        model="painter",
        image=InputFile(str(image.path)),
        mask=InputFile(str(outside)),
    )
    made = record(library, job, content=png_bytes((5, 5)))
    outside.rename(mask.path)

    recipe = msgspec.structs.replace(made.recipe, model_id="painter")
    again = reproduce_request(
        msgspec.structs.replace(made, recipe=recipe), library, Registry(paths)
    )

    assert [parent.asset for parent in made.recipe.parents] == [image.id, mask.id]
    assert isinstance(again, ImageRequest) and again.image is not None and again.mask is not None
    assert (again.image.path, again.mask.path) == (str(image.path), str(mask.path))


def test_capabilities_cached_before_masks_existed_are_read_again(paths: Paths) -> None:
    write_pipeline(paths.models / "painter")
    registry = Registry(paths)
    (model,) = registry.list("image")
    registry.remember_capabilities(model, Capabilities(controls=("image", "mask")))
    assert Registry(paths).capabilities(model) is not None
    (file,) = paths.cache.glob("capabilities.json")
    held = msgspec.json.decode(file.read_bytes())
    for entry in held.values():
        del entry["version"]
    file.write_bytes(msgspec.json.encode(held))

    assert Registry(paths).capabilities(model) is None
