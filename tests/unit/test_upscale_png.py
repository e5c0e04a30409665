"""PNG files written row by row contain exactly the given pixels."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from studio.engine.tasks.upscale.picture import read_picture
from studio.formats.pictures.png import leading_chunks
from studio.formats.pictures.png_writer import PngWriter

WIDTH, HEIGHT = 37, 71


def photograph(channels: int, bits: int) -> np.ndarray:
    """Return gradients, noise and flat parts, so that each PNG filter is the best somewhere."""
    random = np.random.default_rng(channels * bits)
    across = np.linspace(0, 1, WIDTH)[None, :, None]
    down = np.linspace(0, 1, HEIGHT)[:, None, None]
    picture = across * down * np.linspace(1, 0.5, channels) + random.random((1, WIDTH, 1)) * 0.1
    picture[10:20] = 0.5
    picture[30:40] = random.random((10, WIDTH, channels))
    numbers: np.ndarray = np.clip(picture, 0, 1) * (2**bits - 1)
    return numbers.astype(np.uint8 if bits == 8 else np.uint16)


def write(
    path: Path, pixels: np.ndarray, chunks: Sequence[tuple[bytes, bytes]] = (), rows: int = 7
) -> Path:
    height, width, channels = pixels.shape
    with PngWriter(path, width, height, channels, pixels.dtype.itemsize * 8, chunks) as writer:
        for start in range(0, height, rows):
            writer.write(pixels[start : start + rows])
    return path


def unfiltered(path: Path, pixel: int) -> bytes:
    """Decode the pixels, filter by filter as in the PNG specification."""
    data = path.read_bytes()
    stream, at = b"", 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            stream += data[at + 8 : at + 8 + size]
        at += size + 12
    rows = zlib.decompress(stream)
    length = len(rows) // HEIGHT
    before, result = bytes(length - 1), b""
    for start in range(0, len(rows), length):
        kind, row = rows[start], bytearray(rows[start + 1 : start + length])
        for i in range(len(row)):
            a, b = (row[i - pixel] if i >= pixel else 0), before[i]
            c = before[i - pixel] if i >= pixel else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) % 256
        before, result = bytes(row), result + bytes(row)
    return result


@pytest.mark.parametrize(("channels", "bits"), [*itertools.product([1, 2, 3, 4], [8, 16])])
def test_pixels_are_written_losslessly(tmp_path: Path, channels: int, bits: int) -> None:
    pixels = photograph(channels, bits)
    path = write(tmp_path / "a.png", pixels)
    expected = pixels if bits == 8 else pixels.astype(">u2")
    assert unfiltered(path, channels * bits // 8) == expected.tobytes()
    again = read_picture(path, lambda *_: None)
    assert again.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(again.pixels, pixels)


def test_a_photograph_is_about_as_small_as_with_pillow(tmp_path: Path) -> None:
    pixels = photograph(3, 8)
    ours = write(tmp_path / "ours.png", pixels).stat().st_size
    Image.fromarray(pixels).save(tmp_path / "theirs.png")
    assert ours <= 1.05 * (tmp_path / "theirs.png").stat().st_size


def test_other_programs_read_profile_and_resolution(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    chunks = [
        (b"iCCP", b"profile\0\0" + zlib.compress(profile)),
        (b"pHYs", (11811).to_bytes(4, "big") * 2 + b"\1"),
    ]
    path = write(tmp_path / "a.png", photograph(3, 8), chunks)
    with Image.open(path) as image:
        assert image.info["icc_profile"] == profile
        assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)
    assert leading_chunks(path, frozenset({b"pHYs"})) == chunks[1:]


def test_missing_rows_are_an_error(tmp_path: Path) -> None:
    writer = PngWriter(tmp_path / "a.png", 4, 4, 3, 8)
    with pytest.raises(ValueError, match="0 rows of 4"), writer:
        pass


def test_chunks_of_a_damaged_or_foreign_file_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", photograph(1, 8), [(b"pHYs", bytes(9))])
    data = bytearray(path.read_bytes())
    data[data.index(b"pHYs") + 5] ^= 1
    path.write_bytes(data)
    assert leading_chunks(path, frozenset({b"pHYs"})) == []
    path.write_bytes(b"GIF89a")
    assert leading_chunks(path, frozenset({b"pHYs"})) == []
