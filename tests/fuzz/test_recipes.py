"""Recipes and foreign settings in every format that carries them."""

from __future__ import annotations

import functools
import io
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from PIL import Image

from studio.formats.pictures import png
from studio.formats.recipes.recipe_files import read_content, read_embedded
from studio.kinds.coding import to_json
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.recipes.convert_picture import convert_picture
from studio.library.recipes.metadata import read_recipe, write_with_recipe
from studio.library.recipes.settings_in_file import read_settings
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_BYTES, ODD_VALUE, damaged, fuzz
from tests.unit.conftest import png_bytes, recipe_for

_A1111 = (
    "a fox <lora:x:1>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M Karras, "
    "CFG scale: 7, Seed: 5, Size: 512x512, Model hash: abc, Model: tiny"
)
_COMFY = json.dumps(
    {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 5,
                "steps": 20,
                "cfg": 7,
                "sampler_name": "euler",
                "scheduler": "normal",
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
            },
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0]}},
    }
)
_SWARM = '{"sui_image_params": {"prompt": "a fox", "seed": 5, "steps": 20, "cfgscale": 7}}'
_INVOKE = '{"positive_prompt": "a fox", "seed": 5, "steps": 20, "model": {"name": "tiny"}}'
_NOVEL = '{"steps": 28, "sampler": "k_euler", "seed": 5, "scale": 11.0, "uc": "blurry"}'


def _png_with(**texts: str) -> bytes:
    """Return a picture with texts as other programs write them."""
    whole = png_bytes()
    added = b"".join(png.text_chunk(keyword, text) for keyword, text in texts.items())
    return whole[:33] + added + whole[33:]


@functools.cache
def _pictures() -> tuple[bytes, ...]:
    recipe = recipe_for(ImageRequest(prompt="a fox 狐狸", seed=5))
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made, "source.png"), Path(made, "target.png")
        source.write_bytes(png_bytes())
        write_with_recipe(source, target, recipe)
        ours = target.read_bytes()
        webp = convert_picture(target, recipe, "webp", None, lambda _: None)
        jpeg = convert_picture(target, recipe, "jpeg", None, lambda _: None)
    return (
        ours,
        webp,
        jpeg,
        _png_with(parameters=_A1111),
        _png_with(prompt=_COMFY, workflow=_COMFY),
        _png_with(parameters=_SWARM),
        _png_with(invokeai_metadata=_INVOKE),
        _png_with(Software="NovelAI", Description="a fox", Comment=_NOVEL),
    )


@functools.cache
def _texts() -> tuple[bytes, ...]:
    recipe = recipe_for(TextRequest(prompt="a tale 狐狸", seed=5))
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made, "source.txt"), Path(made, "target.md")
        source.write_text("An answer.", "utf-8")
        write_with_recipe(source, target, recipe)
        return (target.read_bytes(), b"---\ntitle: mine\n---\n\nA text.")


def _many(chunk: bytes, count: int = 2_000) -> bytes:
    whole = png_bytes()
    return whole[:33] + chunk * count + whole[33:]


def _costly() -> dict[str, Callable[[], bytes]]:
    """Return small files that would take much time or memory if they were read without bounds."""
    bomb = zlib.compress(bytes(16 * 2**20 - 100), 9)
    samplers = {f"s{n}": {"class_type": "KSampler", "inputs": _SAMPLER} for n in range(300)}
    chain = {str(n): {"inputs": {"positive": [str(n + 1), 0]}} for n in range(900)}
    return {
        "zTXt": lambda: _many(png.chunk(b"zTXt", b"parameters\0\0" + bomb)),
        "iTXt": lambda: _many(png.chunk(b"iTXt", b"prompt_studio\0\1\0\0\0" + bomb)),
        "iCCP": lambda: _many(png.chunk(b"iCCP", b"profile\0\0" + bomb)),
        "small": lambda: _many(png.text_chunk("parameters", ""), 150_000),
        "loras": lambda: _png_with(parameters="<lora:" * 500_000 + _A1111),
        "blanks": lambda: _png_with(Dream='"a"' + " " * 500_000),
        "brackets": lambda: _png_with(Dream='"' + "[a]" * 500_000 + '" -s 1 -S 2 -A euler'),
        "quotes": lambda: _png_with(parameters="Steps: 1, " + 'a: "b' * 500_000),
        "graph": lambda: _png_with(prompt=json.dumps(samplers | chain), workflow="{}"),
        "lists": lambda: _png_with(prompt="[" + "[]," * 3_000_000 + "1]"),
        "lines": lambda: b"---\n" + b"\n" * 16_000_000,
        "fill": lambda: b"\xff\xd8" + b"\xff" * 30_000_000,
        "directories": lambda: _jpeg_with(_circular_exif()),
    }


_SAMPLER = {
    "steps": 1, "cfg": 1, "sampler_name": "euler", "seed": 1, "model": ["0", 0],
    "positive": ["0", 0], "negative": ["0", 0], "latent_image": ["0", 0]}  # fmt: skip


def _circular_exif() -> bytes:
    """Return an EXIF block with thousands of links to the directory that they are in."""
    entries = struct.pack(">HHII", 0x8769, 4, 1, 8) * 5_000
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 5_000) + entries


def _jpeg_with(exif: bytes) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 4)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("name", _costly())
def test_a_costly_file_is_read_within_bounds(tmp_path: Path, name: str) -> None:
    suffix = {"lines": "md", "fill": "jpg", "directories": "jpg"}.get(name, "png")
    read(tmp_path / f"file.{suffix}", _costly()[name]())


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> None:
        recipe = read_recipe(path)
        if recipe is not None:
            to_json(recipe)
        read_content(path)
        read_embedded(path)
        found = read_settings(path)
        if found is not None:
            to_json(found.request)
            assert all(str(lost) or True for lost in found.lost)

    bounded("recipe", path.parent, call, OSError)


@fuzz(
    220,
    data=st.deferred(lambda: damaged(_pictures())),
    suffix=st.sampled_from((".png", ".jpg", ".webp")),
)
def test_a_damaged_picture_tells_what_it_can(tmp_path: Path, data: bytes, suffix: str) -> None:
    read(tmp_path / f"picture{suffix}", data)


@fuzz(100, data=st.deferred(lambda: damaged(_texts())))
def test_a_damaged_text_tells_what_it_can(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "text.md", data)


@fuzz(
    120,
    chunks=st.lists(
        st.tuples(
            st.sampled_from((b"tEXt", b"iTXt", b"zTXt", b"IHDR", b"IDAT", b"eXIf", b"IEND")),
            st.sampled_from((b"prompt_studio", b"parameters", b"prompt", b"workflow", b"AIGC")),
            st.one_of(st.binary(max_size=40), st.sampled_from(ODD_BYTES)),
            st.booleans(),
        ),
        max_size=6,
    ),
)
def test_odd_chunks_of_a_png_tell_what_they_can(
    tmp_path: Path, chunks: list[tuple[bytes, bytes, bytes, bool]]
) -> None:
    whole = png_bytes()
    added = b""
    for kind, keyword, body, is_compressed in chunks:
        packed = zlib.compress(body * 50) if is_compressed else body
        head = keyword + b"\0" + (bytes([is_compressed, 0, 0, 0]) if kind == b"iTXt" else b"\0")
        added += png.chunk(kind, head + packed)
    read(tmp_path / "picture.png", whole[:33] + added + whole[33:])


_RECIPE_FIELDS = ("version", "app", "request", "row", "seed", "job", "created", "timings", "labels")
_REQUEST_FIELDS = ("task", "prompt", "seed", "count", "width", "image", "model", "extra")


@fuzz(
    150,
    fields=st.dictionaries(st.sampled_from(_RECIPE_FIELDS), ODD_VALUE, max_size=3),
    request=st.dictionaries(st.sampled_from(_REQUEST_FIELDS), ODD_VALUE, max_size=3),
)
def test_a_recipe_with_odd_values_is_read_or_left(
    tmp_path: Path, fields: dict[str, Any], request: dict[str, Any]
) -> None:
    recipe = msgspec.json.decode(to_json(recipe_for(ImageRequest(prompt="a fox", seed=5))))
    recipe["request"] |= request
    text = json.dumps(recipe | fields)
    read(tmp_path / "picture.png", _png_with(prompt_studio=text))


@fuzz(
    100,
    keyword=st.sampled_from(("parameters", "prompt", "invokeai_metadata", "Comment", "fooocus")),
    values=ODD_VALUE,
    known=st.dictionaries(
        st.sampled_from(
            ("prompt", "seed", "steps", "scale", "sampler", "model", "size", "cfgscale")
        ),
        ODD_VALUE,
        max_size=4,
    ),
    is_swarm=st.booleans(),
)
def test_odd_settings_of_other_programs_are_read_or_left(
    tmp_path: Path, keyword: str, values: object, known: dict[str, Any], is_swarm: bool
) -> None:
    told = known or values
    text = json.dumps({"sui_image_params": told} if is_swarm else told)
    read(tmp_path / "picture.png", _png_with(**{keyword: text, "Software": "NovelAI"}))


@fuzz(
    60,
    segments=st.lists(
        st.tuples(st.integers(0xC0, 0xFE), st.integers(0, 80), st.binary(max_size=60)), max_size=5
    ),
    cut=st.integers(0, 200),
)
def test_odd_segments_of_a_jpeg_tell_what_they_can(
    tmp_path: Path, segments: list[tuple[int, int, bytes]], cut: int
) -> None:
    added = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", length) + body
        for marker, length, body in segments
    )
    file = io.BytesIO()
    Image.new("RGB", (6, 4)).save(file, "JPEG")
    whole = file.getvalue()
    data = whole[:2] + added + whole[2:]
    read(tmp_path / "picture.jpg", data[: len(data) - cut] if cut < 100 else data)
