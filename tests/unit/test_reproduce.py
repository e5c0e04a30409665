"""Reproducing a result: the request, and the comparison of the two results."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from studio.formats.weights.weights_fingerprint import weight_hash
from studio.jobs.reproduce import compare, reproduce_request
from studio.kinds.image import ImageRequest
from studio.kinds.kind import Medium
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.records import Asset
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import InputFile, ModelRef, ProblemError, Recipe
from studio.settings import Paths
from tests.unit.conftest import png_bytes, recipe_for, record
from tests.unit.model_files import write_pipeline, write_safetensors


def drawn(library: Library, **recipe: object) -> Asset:
    """Return the third of four pictures, with fields of its recipe replaced by `recipe`."""
    (job,) = library.queue.enqueue([ImageRequest(prompt="a fox", seed=5, count=4)])
    asset = record(library, job, 2)
    request = asset.recipe.request.with_values(seed=7, count=1, steps=9)
    changed = msgspec.structs.replace(asset.recipe, request=request, **recipe)
    return msgspec.structs.replace(asset, recipe=changed)


def test_the_request_is_that_of_a_single_row_with_its_seed(library: Library, paths: Paths) -> None:
    write_pipeline(paths.models / "painter")
    request = reproduce_request(drawn(library, model_id="painter"), library, Registry(paths))
    assert request == ImageRequest(prompt="a fox", seed=7, steps=9, model="painter")


def test_a_model_under_another_name_is_found_by_its_weights(library: Library, paths: Paths) -> None:
    write_pipeline(paths.models / "decoy")
    weights = paths.models / "renamed" / "unet" / "diffusion_pytorch_model.safetensors"
    write_pipeline(paths.models / "renamed")
    write_safetensors(weights, {"conv_in.weight": (9, 4, 3, 3)})
    registry = Registry(paths)
    (sought,) = [model for model in registry.list() if model.id == "renamed"]
    asset = drawn(library, model_id="gone", model_sha256=weight_hash(sought))
    assert reproduce_request(asset, library, registry).model == "renamed"


def test_a_missing_model_is_named(library: Library, paths: Paths) -> None:
    write_pipeline(paths.models / "decoy")
    asset = drawn(library, model_id="gone", model_name="Old Painter", model_sha256="0" * 64)
    with pytest.raises(ProblemError, match="Old Painter") as caught:
        reproduce_request(asset, library, Registry(paths))
    assert caught.value.problem.kind == "model_missing"


def enlarged(library: Library, source: Path) -> Asset:
    (job,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(source)), model="x2")])
    return record(library, job, content=png_bytes((12, 8)))


@pytest.fixture
def upscalers(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Every name is an upscaler."""
    registry = Registry(paths)
    known = ModelRef(id="x2", name="x2", task="upscale", format="spandrel", path="/x")
    monkeypatch.setattr(registry, "resolve", lambda *_: known)
    return registry


def test_a_moved_input_is_found_by_its_hash(library: Library, upscalers: Registry) -> None:
    original = drawn(library)
    outside = library.root.parent / "outside.png"
    original.path.rename(outside)
    asset = enlarged(library, outside)
    outside.rename(original.path)
    request = reproduce_request(asset, library, upscalers)
    assert isinstance(request, UpscaleRequest)
    assert request.input.path == str(original.path)


@pytest.mark.parametrize(("there", "message"), [(True, "changed since"), (False, "does not exist")])
def test_a_changed_input_is_refused(
    library: Library, upscalers: Registry, tmp_path: Path, there: bool, message: str
) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(png_bytes())
    asset = enlarged(library, source)
    source.unlink()
    if there:
        source.write_bytes(png_bytes((9, 9)))
    with pytest.raises(ProblemError, match=message):
        reproduce_request(asset, library, upscalers)


def test_a_result_without_its_file_cannot_be_reproduced(library: Library, paths: Paths) -> None:
    asset = drawn(library)
    asset.path.unlink()
    with pytest.raises(ProblemError, match="no longer where it was saved"):
        reproduce_request(asset, library, Registry(paths))


# ---- comparing


def picture(path: Path, image: Image.Image, recipe: Recipe | None = None) -> Asset:
    image.save(path)
    recipe = recipe or recipe_for(ImageRequest(prompt="x", seed=1))
    return Asset(
        id=path.stem,
        job="j",
        row=0,
        task="image",
        medium=Medium.PICTURE,
        path=path,
        created="",
        recipe=recipe,
        prompt="x",
    )


def test_the_same_pixels_with_other_metadata_are_identical(library: Library) -> None:
    one, two = drawn(library), drawn(library)
    assert one.path.read_bytes() != two.path.read_bytes()
    found = compare(one, two)
    assert found.identical
    assert found.notes == ()


def test_the_same_pixels_compressed_differently_are_identical(tmp_path: Path) -> None:
    image = Image.effect_noise((20, 20), 60).convert("RGB")
    one = picture(tmp_path / "one.png", image)
    image.save(tmp_path / "two.webp", lossless=True)
    two = msgspec.structs.replace(one, path=tmp_path / "two.webp")
    assert compare(one, two).identical


def test_a_first_result_saved_as_jpeg_is_named_as_the_reason(tmp_path: Path) -> None:
    image = Image.effect_noise((20, 20), 60).convert("RGB")
    one = picture(tmp_path / "one.jpg", image)
    found = compare(one, picture(tmp_path / "two.png", image))
    assert not found.identical
    assert [str(note) for note in found.notes] == [
        "The first result is a JPG file, which does not preserve pixels exactly."
    ]


def test_the_difference_of_pictures_is_reported(tmp_path: Path) -> None:
    image = Image.new("RGB", (10, 100), "black")
    one = picture(tmp_path / "one.png", image)
    image.putpixel((3, 99), (0, 30, 40))
    found = compare(one, picture(tmp_path / "two.png", image))
    assert found.picture is not None
    assert not found.identical
    assert found.picture.largest == 40
    assert found.picture.share == pytest.approx(1 / 1000)
    assert found.picture.rmse == pytest.approx((2500 / 3000) ** 0.5)
    assert "0.10 % of the pixels differ, by 40 of 255" in str(found.sentence)
    assert "another number of threads" in str(found.notes[0])


def test_different_sizes_are_reported(tmp_path: Path) -> None:
    one = picture(tmp_path / "one.png", Image.new("L", (4, 4)))
    found = compare(one, picture(tmp_path / "two.png", Image.new("L", (8, 4))))
    assert "8 × 4" in str(found.sentence)
    assert "4 × 4" in str(found.sentence)


def deep_png(path: Path, low_byte: int) -> Path:
    """Write one RGB pixel of 16 bits a channel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    pixels = zlib.compress(b"\0" + bytes((100, low_byte)) * 3)
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def test_a_difference_below_eight_bits_is_found(tmp_path: Path) -> None:
    one = picture(tmp_path / "x.png", Image.new("L", (1, 1)))
    first = msgspec.structs.replace(one, path=deep_png(tmp_path / "one.png", 1))
    again = msgspec.structs.replace(one, path=deep_png(tmp_path / "two.png", 1))
    other = msgspec.structs.replace(one, path=deep_png(tmp_path / "three.png", 2))
    assert compare(first, again).identical
    assert not compare(first, other).identical


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", png_bytes()[:60]])
def test_an_unreadable_picture_is_reported(tmp_path: Path, content: bytes) -> None:
    one = picture(tmp_path / "one.png", Image.new("RGB", (6, 4)))
    two = msgspec.structs.replace(one, path=tmp_path / "two.png")
    two.path.write_bytes(content)
    with pytest.raises(ProblemError, match="cannot be read"):
        compare(one, two)


def written(text: str, **recipe: object) -> Asset:
    made = recipe_for(TextRequest(prompt="x", seed=1))
    return Asset(
        id="a",
        job="j",
        row=0,
        task="text",
        medium=Medium.TEXT,
        path=Path("a.md"),
        created="",
        recipe=msgspec.structs.replace(made, **recipe),
        prompt="x",
        text=text,
    )


@pytest.mark.parametrize(
    ("old", "new", "position", "before", "after"),
    [
        ("a red fox", "a rad fox", 3, "a red fox", "a rad fox"),
        ("a fox", "a fox runs", 5, "a fox", "a fox runs"),
        ("一只狐狸", "一只猫", 2, "一只狐狸", "一只猫"),
        ("x" * 99 + "1" + "y" * 99, "x" * 99 + "2", 99, f"…{'x' * 30}1{'y' * 29}…", None),
    ],
)
def test_texts_show_where_they_differ(
    old: str, new: str, position: int, before: str, after: str | None
) -> None:
    found = compare(written(old), written(new))
    assert (found.identical, found.position, found.before) == (False, position, before)
    assert after is None or found.after == after


def test_a_device_without_its_name_is_the_same_as_one_with_it() -> None:
    old, new = written("a", device="cpu"), written("b", device="cpu (AMD EPYC)")
    assert not any("computed on" in str(note) for note in compare(old, new).notes)


def test_every_changed_condition_is_listed() -> None:
    old = written(
        "one",
        device="cpu (A)",
        dtype="float32",
        model_sha256="1" * 64,
        libraries={"torch": "2.8", "gguf": "0.17"},
        adjustments=("The context was cut.",),
    )
    new = written(
        "two", app="Prompt Studio 9", device="cuda (B)", dtype="bfloat16", model_sha256="2" * 64,
        libraries={"torch": "2.9"},
    )  # fmt: skip
    assert [str(note) for note in compare(old, new).notes] == [
        "The model Tiny is not the same: its weights have been changed or replaced.",
        "It was first made with Prompt Studio test, now with Prompt Studio 9.",
        "It was first computed on cpu (A), now on cuda (B).",
        "It was first computed in float32, now in bfloat16.",
        "gguf 0.17 is not installed any more.",
        "torch was version 2.8, now it is 2.9.",
        "Only the first time: The context was cut.",
    ]
