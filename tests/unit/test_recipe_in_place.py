"""Recipes put into JPEG and WebP files without encoding the pixels again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.formats.pictures import jpeg, webp, xmp
from studio.formats.pictures.embedded import Embedded, WritableFormat
from studio.kinds.upscale import UpscaleRequest
from studio.library.recipes import metadata
from studio.protocol import InputFile, Recipe

FORMATS: dict[str, WritableFormat] = {"JPEG": jpeg, "WEBP": webp}
PACKET = xmp.with_value("", xmp.SOURCE, xmp.SOURCE_NAMESPACE, "of a camera")


def encoded(format: str, exif: bytes = b"") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, format, exif=exif, xmp=PACKET.encode())
    return file.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


@pytest.fixture
def camera() -> Iterator[bytes]:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    yield exif.tobytes()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("length", [10, 200_000])
def test_a_recipe_of_any_length_is_read_back_beside_exif_and_xmp(
    name: str, length: int, camera: bytes
) -> None:
    written = FORMATS[name]
    data, target = encoded(name, camera), io.BytesIO()
    recipe = '{"prompt": "狐 <&\\u0000>' + "x" * length + '"}'
    embedded = Embedded(recipe=recipe, packet=PACKET, label='{"Label": "1"}')
    content = written.write(io.BytesIO(data), target, embedded)
    assert (content.width, content.height) == (256, 256)
    target.seek(0)
    read = written.read(target)
    assert (read.recipe, read.label) == (recipe, '{"Label": "1"}')
    assert xmp.value_of(read.packet, xmp.SOURCE) == "of a camera"
    assert pixels(target.getvalue()) == pixels(data)
    with Image.open(io.BytesIO(target.getvalue())) as image:
        assert image.getexif()[0x010F] == "A camera"


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_off_is_refused(name: str) -> None:
    data = encoded(name)
    with pytest.raises(ValueError, match=r"."):
        FORMATS[name].write(io.BytesIO(data[:300]), io.BytesIO(), Embedded(recipe="{}"))


@pytest.mark.parametrize(("name", "suffix"), [("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_a_result_that_is_no_png_carries_its_recipe(tmp_path: Path, name: str, suffix: str) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    source.write_bytes(encoded(name))
    request = UpscaleRequest(input=InputFile("gone.jpg"), format="input")
    recipe = Recipe(request=request, row=0, seed=1, created="2026-01-01T00:00:00+00:00")
    written = metadata.write_with_recipe(source, target, recipe)
    assert (written.content.width, written.size) == (256, target.stat().st_size)
    assert metadata.read_recipe(target) == recipe
