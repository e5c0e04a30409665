"""Pictures of every format that is opened, decoded by everything that decodes pictures."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from PIL import Image, features

from studio.engine.tasks.image.pictures import start_picture
from studio.engine.tasks.upscale import picture as upscale_picture
from studio.formats.pictures import open_picture, png
from studio.jobs.contact_sheet import Picture, make_sheet
from studio.jobs.estimate import picture_pixels
from studio.jobs.input_check import picture_problem
from studio.jobs.picture_difference import compare_pictures
from studio.kinds.image import ImageRequest
from studio.library.recipes.convert_picture import convert_picture
from studio.protocol import ProblemError, problem
from studio.ui.gallery.thumbnails import read_thumbnail
from studio.ui.media.picture import loader
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import damaged, fuzz
from tests.unit.conftest import recipe_for

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
_MAX_PIXELS = 20_000_000


@functools.cache
def _pictures() -> tuple[bytes, ...]:
    image = Image.linear_gradient("L").resize((40, 30))
    colour = Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a fox"
    found = []
    for name in (*_FORMATS, *(("AVIF",) if features.check("avif") else ())):
        for one in (colour, image, colour.convert("P"), colour.convert("RGBA")):
            with contextlib.suppress(OSError), io.BytesIO() as file:
                one.save(file, name, exif=exif.tobytes())
                found.append(file.getvalue())
    for name in ("PNG", "GIF", "WEBP", "TIFF"):
        with io.BytesIO() as file:
            colour.save(file, name, save_all=True, append_images=[colour.rotate(9)] * 3)
            found.append(file.getvalue())
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        with io.BytesIO() as file:
            colour.save(file, "TIFF", compression=compression)
            found.append(file.getvalue())
    return tuple(found)


def _as_start(path: Path) -> None:
    start_picture.read_picture(path)


def _as_mask(path: Path) -> None:
    start_picture.read_mask(path, 64, 64)


def _to_enlarge(path: Path) -> None:
    def check_size(width: int, height: int, _: int) -> None:
        if width * height > _MAX_PIXELS:
            raise problem("bad_input", "{name} is too large.", name="it")

    upscale_picture.read_picture(path, check_size)


def _converted(path: Path) -> None:
    recipe = recipe_for(ImageRequest(prompt="a fox", seed=5))
    for to in ("webp", "jpeg"):
        with contextlib.suppress(OSError, ProblemError):
            convert_picture(path, recipe, to, None, str)


def _on_sheet(path: Path) -> None:
    make_sheet([Picture(path, {"a": "1"})], ("a",), path.with_name("sheet.png"))


def _compared(path: Path) -> None:
    compare_pictures(path, path)


def _shown(path: Path) -> None:
    image, _, error = loader.read_picture(str(path))
    assert image.isNull() == bool(error)
    read_thumbnail(str(path), 96)


def _checked(path: Path) -> None:
    found = picture_problem(path)
    assert found is None or found.kind == "bad_input"


_READERS: tuple[Callable[[Path], None], ...] = (
    _as_start,
    _as_mask,
    _to_enlarge,
    _converted,
    _on_sheet,
    _compared,
    _checked,
    _shown,
)


def read(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    picture_pixels.cache_clear()
    bounded("picture", path.parent, lambda: picture_pixels(str(path)))
    for reader in _READERS:
        bounded("picture", path.parent, functools.partial(_kept, reader, path))


def _kept(reader: Callable[[Path], None], path: Path) -> None:
    """Read a picture; nothing but a sentence about it or an error of the disk may be raised."""
    try:
        reader(path)
    except ProblemError as error:
        assert error.problem.kind != "bug", error.problem
    except OSError:
        assert reader is _compared


@pytest.fixture(autouse=True)
def _smaller_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse pictures that take more memory than an input may: the real limits are higher."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", _MAX_PIXELS)
    monkeypatch.setattr(start_picture, "MAX_PIXELS", _MAX_PIXELS)
    monkeypatch.setattr(open_picture, "UNCHECKED_PIXELS", _MAX_PIXELS)


@fuzz(120, data=st.deferred(lambda: damaged(_pictures())))
def test_a_damaged_picture_is_read_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "picture.png", data)


def _headed(width: int, height: int) -> dict[str, bytes]:
    """Return pictures whose headers claim this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png.chunk(b"IHDR", head) + png.chunk(b"IDAT", zlib.compress(bytes(100_000)))
    bitmap = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height,
                         1, 24, 0, 0, 0, 0, 0, 0)  # fmt: skip
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (279, 10))
    return {
        "png": png.SIGNATURE + body + png.chunk(b"IEND", b""),
        "bmp": bitmap,
        "gif": b"GIF89a" + struct.pack("<HHBBB", width & 0xFFFF, height & 0xFFFF, 0, 0, 0)
        + b"," + struct.pack("<HHHHB", 0, 0, width & 0xFFFF, height & 0xFFFF, 0) + b"\2\2L\1\0;",
        "tiff": struct.pack("<2sHIH", b"II", 42, 8, len(tags))
        + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4),
        "jpeg": b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
        + b"\3\1\x11\0\2\x11\0\3\x11\0\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0" + bytes(100),
    }  # fmt: skip


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 0)])
@pytest.mark.parametrize("name", ["png", "bmp", "gif", "tiff", "jpeg"])
def test_a_header_of_a_huge_size_is_refused(
    tmp_path: Path, size: tuple[int, int], name: str
) -> None:
    read(tmp_path / "picture.png", _headed(*size)[name])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_a_cut_avif_is_a_sentence_about_the_file(tmp_path: Path) -> None:
    with io.BytesIO() as file:
        Image.linear_gradient("L").convert("RGB").save(file, "AVIF")
        whole = file.getvalue()
    for length in (40, 200, len(whole) // 2, len(whole) - 1):
        read(tmp_path / "picture.avif", whole[:length])
        (tmp_path / "picture.avif").write_bytes(whole[:length] + bytes(len(whole) - length))
        for reader in _READERS:
            _kept(reader, tmp_path / "picture.avif")
