"""Recipes in files of every format: recognised by their first bytes, written and read."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from PIL import Image

from studio.formats.pictures import jpeg, png, webp, xmp
from studio.formats.pictures.embedded import HEAD, Content, Embedded, RecipeFormat, WritableFormat
from studio.formats.recipes import front_matter
from studio.formats.recipes.recipe_files import read_content, read_embedded, writable_format
from tests.unit.conftest import png_bytes

RECIPE = '{"request": {"prompt": "狐狸 \\u2028 <&>"}}'


def encoded(format: str, packet: str = "") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 4)).save(file, format, xmp=packet.encode())
    return file.getvalue()


SAMPLES: dict[str, tuple[RecipeFormat, bytes]] = {
    "png": (png, png_bytes()),
    "front matter": (front_matter, b"---\nseed: 1\n---\n\nhello"),
    "jpeg": (jpeg, encoded("JPEG")),
    "webp": (webp, encoded("WEBP")),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_recognised_only_by_its_own_format(name: str) -> None:
    head = SAMPLES[name][1][:HEAD]
    assert [other for other, (one, _) in SAMPLES.items() if one.recognises(head)] == [name]


@pytest.mark.parametrize("content", [b"", b"ID\x04", b"RIFF\0\0\0\0AVI ", b"a text\n---\n"])
def test_an_unknown_format_has_no_recipe(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read_embedded(tmp_path / "x") == Embedded()
    assert read_content(tmp_path / "x") == Content()
    with (tmp_path / "x").open("rb") as file:
        assert writable_format(file) is None


@pytest.mark.parametrize(("form", "source"), [(png, png_bytes()), (front_matter, b"An answer.")])
def test_a_packet_is_written_read_and_replaced(form: WritableFormat, source: bytes) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    packet = xmp.with_value("", "dc:rights", "http://dc/", "Anna's")
    given = Embedded(RECIPE, {"parameters": "a fox\nSteps: 2"}, packet, '{"Label": "1"}')
    content = form.write(io.BytesIO(source), first, given)
    assert content == form.content(io.BytesIO(first.getvalue()))
    found = form.read(io.BytesIO(first.getvalue()))
    assert (found.recipe, found.label) == (given.recipe, given.label)
    if form is png:
        form.write(io.BytesIO(first.getvalue()), second, Embedded(recipe="{}"))
        kept = form.read(io.BytesIO(second.getvalue()))
        assert kept == Embedded("{}", given.texts, found.packet, given.label)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_an_encoded_picture_has_its_recipe_in_xmp(tmp_path: Path, format: str) -> None:
    packet = xmp.with_recipe("", RECIPE)
    (tmp_path / "x").write_bytes(encoded(format, packet))
    assert read_embedded(tmp_path / "x") == Embedded(recipe=RECIPE, packet=packet)
    assert read_content(tmp_path / "x") == Content(6, 4)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_is_cut_anywhere_tells_what_it_can(name: str) -> None:
    form, whole = SAMPLES[name]
    for length in range(len(whole)):
        for read in (form.read, form.content):
            with contextlib.suppress(ValueError):  # documented: not even its beginning is there
                read(io.BytesIO(whole[:length]))
