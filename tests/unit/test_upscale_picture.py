"""Pictures of every mode are read; unreadable ones are refused by name, with a reason."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from studio.engine.tasks.upscale.picture import Picture, read_picture
from studio.formats.pictures.exif import corrected_exif
from studio.formats.pictures.png_writer import PngWriter
from studio.protocol import ProblemError, problem

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RANDOM = np.random.default_rng(3)


def read(path: Path) -> Picture:
    return read_picture(path, lambda *_: None)


def kinds(picture: Picture) -> list[str]:
    return [kind for kind, _ in picture.notes]


def colours(height: int = 6, width: int = 9, channels: int = 3) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, channels), np.uint8)


def wide(channels: int) -> np.ndarray:
    return RANDOM.integers(0, 65536, (6, 9, channels), np.uint16)


def write_png(path: Path, pixels: np.ndarray, chunks: Sequence[tuple[bytes, bytes]] = ()) -> Path:
    height, width, channels = pixels.shape
    with PngWriter(path, width, height, channels, pixels.dtype.itemsize * 8, chunks) as writer:
        writer.write(pixels)
    return path


def write_tiff(path: Path, pixels: np.ndarray, order: str, packed: bool, alpha: int = 0) -> Path:
    """A 16-bit TIFF of one strip, which Pillow cannot write. `alpha` 1 is multiplied, 2 is not."""
    height, width, channels = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if packed else data
    entries = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [16] * channels),
        (259, 3, [8 if packed else 1]),
        (262, 3, [2 if channels > 2 else 1]),
        (273, 4, [8]),
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [len(data)]),
    ]
    if alpha:
        entries.append((338, 3, [alpha]))
    start = 8 + len(data) + len(data) % 2
    extra = start + 2 + 12 * len(entries) + 4
    folder, tail = struct.pack(f"{order}H", len(entries)), b""
    for tag, kind, values in entries:
        value = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(value) > 4:
            tail, value = tail + value, struct.pack(f"{order}I", extra + len(tail))
        folder += struct.pack(f"{order}HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    path.write_bytes(head + data + b"\0" * (len(data) % 2) + folder + bytes(4) + tail)
    return path


def cmyk_profile() -> bytes:
    """Return a minimal CMYK profile, whose only colour is a middle grey."""
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table += bytes(range(256)) * 4 + bytes([128, 128, 128]) * 16 + bytes(range(256)) * 3
    parts = {
        b"A2B0": table,
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3I", 63190, 65536, 54061),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78 + 1),
    }
    at, index, body = 128 + 4 + 12 * len(parts), struct.pack(">I", len(parts)), b""
    for name, part in parts.items():
        index += name + struct.pack(">II", at + len(body), len(part))
        body += part + b"\0" * (-len(part) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12x4s", at + len(body), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp"
    )
    head = head.ljust(68, b"\0") + struct.pack(">3I", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + body


# ---- depth, alpha and colour


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("1", 1), ("YCbCr", 3)]
)
def test_each_kind_of_picture_keeps_its_channels(tmp_path: Path, mode: str, channels: int) -> None:
    suffix = "jpg" if mode == "YCbCr" else "png"
    Image.fromarray(colours()).convert(mode).save(tmp_path / f"a.{suffix}")
    picture = read(tmp_path / f"a.{suffix}")
    assert picture.pixels.shape == (6, 9, channels)
    assert picture.bits == 8
    assert picture.has_alpha == (channels in (2, 4))
    assert picture.notes == []


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("channels", "alpha"), [(1, 0), (3, 0), (4, 2)])
def test_all_sixteen_bits_of_a_tiff_are_kept(
    tmp_path: Path, order: str, packed: bool, channels: int, alpha: int
) -> None:
    pixels = wide(channels)
    picture = read(write_tiff(tmp_path / "a.tif", pixels, order, packed, alpha))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.notes == []


def test_premultiplied_colours_are_unpremultiplied(tmp_path: Path) -> None:
    pixels = wide(4)
    pixels[..., 3] = 20_000
    multiplied = pixels.copy()
    multiplied[..., :3] = np.rint(pixels[..., :3] * (20_000 / 65535))
    picture = read(write_tiff(tmp_path / "a.tif", multiplied, "<", True, 1))
    assert np.abs(picture.pixels.astype(int) - pixels).max() <= 2


def test_the_transparent_colour_key_of_a_png_becomes_alpha(tmp_path: Path) -> None:
    pixels = wide(3)
    key = pixels[2, 3]
    write_png(tmp_path / "a.png", pixels, [(b"tRNS", key.astype(">u2").tobytes())])
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels[..., :3], pixels)
    assert picture.pixels[2, 3, 3] == 0
    assert picture.pixels[..., 3].max() == 65535


def test_a_palette_with_transparency_becomes_colour_and_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(colours()).quantize(8)
    image.info["transparency"] = 3
    image.save(tmp_path / "a.gif", transparency=3)
    picture = read(tmp_path / "a.gif")
    hidden = np.asarray(image) == 3
    assert picture.pixels.shape[2] == 4
    np.testing.assert_array_equal(picture.pixels[..., 3] == 0, hidden)
    expected = np.asarray(image.convert("RGB"))[~hidden]
    np.testing.assert_array_equal(picture.pixels[~hidden][:, :3], expected)


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_cmyk_is_converted_to_srgb_through_its_profile(tmp_path: Path, suffix: str) -> None:
    image = Image.new("CMYK", (9, 6), (200, 10, 10, 0))
    image.save(tmp_path / f"a.{suffix}", icc_profile=cmyk_profile())
    picture = read(tmp_path / f"a.{suffix}")
    assert picture.pixels.shape[2] == 3
    assert np.ptp(picture.pixels[0, 0]) <= 3, "the profile says that everything is grey"
    assert picture.icc == b""
    assert kinds(picture) == ["input"]


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_cmyk_without_a_profile_gives_a_warning(tmp_path: Path, suffix: str) -> None:
    Image.new("CMYK", (9, 6), (255, 0, 0, 0)).save(tmp_path / f"a.{suffix}")
    picture = read(tmp_path / f"a.{suffix}")
    assert picture.pixels[0, 0, 0] < 10
    assert picture.pixels[0, 0, 2] > 245
    assert kinds(picture) == ["input"]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_the_first_frame_of_an_animation_is_used(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (9, 6), shade) for shade in ("#c00000", "#0000c0")]
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    picture = read(tmp_path / f"a.{suffix}")
    assert tuple(picture.pixels[0, 0]) == (0xC0, 0, 0)
    assert kinds(picture) == ["input"]


# ---- profiles and EXIF


def test_a_matching_profile_is_kept(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png", icc_profile=SRGB)
    assert read(tmp_path / "a.png").icc == SRGB


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], cmyk_profile()])
def test_a_profile_that_is_broken_or_of_another_kind_is_dropped(
    tmp_path: Path, profile: bytes
) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png", icc_profile=profile)
    picture = read(tmp_path / "a.png")
    assert picture.icc == b""
    assert kinds(picture) == ["metadata"]


def test_grey_with_an_rgb_profile_becomes_rgb(tmp_path: Path) -> None:
    Image.fromarray(colours()).convert("LA").save(tmp_path / "a.png", icc_profile=SRGB)
    picture = read(tmp_path / "a.png")
    assert picture.pixels.shape[2] == 4
    assert picture.icc == SRGB


def test_the_resolution_and_gamma_of_a_png_are_kept(tmp_path: Path) -> None:
    chunks = [(b"gAMA", struct.pack(">I", 100_000)), (b"pHYs", struct.pack(">IIB", 9, 9, 1))]
    assert read(write_png(tmp_path / "a.png", colours(), chunks)).chunks == chunks


def test_the_texts_of_a_png_are_kept(tmp_path: Path) -> None:
    prompt = (b"tEXt", b"parameters\0a fox, Steps: 20")
    assert read(write_png(tmp_path / "a.png", colours(), [prompt])).chunks == [prompt]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_xmp_is_kept_once_and_agrees_with_the_pixels(tmp_path: Path, suffix: str) -> None:
    xmp = '<x:xmpmeta tiff:Orientation="{}" dc:title="夏天"/>'
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.format(6))
    options: dict[str, Any] = {"xmp": xmp.format(6).encode()}
    if suffix == "png":
        options = {"pnginfo": text}
    if suffix == "tif":
        options = {"tiffinfo": {700: xmp.format(6).encode()}}
    Image.fromarray(colours()).save(tmp_path / f"a.{suffix}", **options)
    picture = read(tmp_path / f"a.{suffix}")
    texts = [data for kind, data in picture.chunks if kind == b"iTXt"]
    assert len(texts) == 1
    assert texts[0].startswith(b"XML:com.adobe.xmp" + bytes(5) + b"<x:xmpmeta")
    assert 'dc:title="夏天"'.encode() in texts[0]
    assert b'Orientation="6"' not in texts[0]
    assert picture.pixels.shape == (9, 6, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_rotated_upright_and_the_orientation_tag_agrees(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    picture = Image.fromarray(np.kron(colours(3, 5), np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera 相机"
    picture.save(tmp_path / f"a.{suffix}", exif=exif)
    with Image.open(tmp_path / f"a.{suffix}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    found = read(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.pixels.shape[0] == (24 if orientation < 5 else 40)
    again = Image.Exif()
    again.load(found.exif_for(80, 48))
    assert again.get(0x0112, 1) == 1
    assert again[0x010F]
    assert found.notes == []


def test_the_rest_of_an_exif_block_is_kept_byte_for_byte() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0100] = 6, 1000
    exif[0x8769] = {0xA002: 1000, 0xA003: 500, 0x927C: b"maker's own notes"}
    block = exif.tobytes()
    corrected = corrected_exif(block, 2000, 4000)
    again = Image.Exif()
    again.load(corrected)
    details = again.get_ifd(0x8769)
    assert (again[0x0112], again[0x0100]) == (1, 2000)
    assert (details[0xA002], details[0xA003]) == (2000, 4000)
    assert details[0x927C] == b"maker's own notes"
    differing = sum(a != b for a, b in zip(block[6:], corrected, strict=True))
    assert differing <= 1 + 2 + 2 + 2


@pytest.mark.parametrize("cut", [0, 3, 6, 9, 16])
def test_a_damaged_exif_block_is_dropped_with_a_warning(tmp_path: Path, cut: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours()).save(tmp_path / "a.jpg", exif=exif.tobytes()[: 6 + cut])
    picture = read(tmp_path / "a.jpg")
    assert picture.exif_for(18, 12) == b""
    assert kinds(picture) == ["metadata"]


# ---- unreadable files


def text_file(path: Path) -> None:
    path.write_text("This is no picture. " * 50)


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def truncated_png(path: Path) -> None:
    write_png(path, colours(200, 200))
    path.write_bytes(path.read_bytes()[:20_000])


def truncated_wide_png(path: Path) -> None:
    write_png(path, RANDOM.integers(0, 65536, (99, 99, 3), np.uint16))
    path.write_bytes(path.read_bytes()[:20_000])


def truncated_jpeg(path: Path) -> None:
    Image.fromarray(colours(200, 200)).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:9_000])


def damaged_png(path: Path) -> None:
    write_png(path, colours(200, 200))
    data = bytearray(path.read_bytes())
    data[5_000:5_400] = bytes(400)
    path.write_bytes(data)


def floats(path: Path) -> None:
    Image.fromarray(RANDOM.random((6, 9), np.float32)).save(path, "TIFF")


def whole_numbers(path: Path) -> None:
    Image.fromarray(np.arange(54, dtype=np.int32).reshape(6, 9)).save(path, "TIFF")


def folder(path: Path) -> None:
    path.mkdir()


def missing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (text_file, "not a picture"),
        (empty_file, "not a picture"),
        (truncated_png, "damaged or incomplete"),
        (truncated_wide_png, "damaged or incomplete"),
        (truncated_jpeg, "damaged or incomplete"),
        (damaged_png, "damaged or incomplete"),
        (floats, "HDR"),
        (whole_numbers, "HDR"),
        (folder, "cannot be opened"),
        (missing, "no longer at"),
    ],
)
def test_an_unreadable_file_is_named_and_explained(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "夏天 🌻 {0}.png"
    make(path)
    with pytest.raises(ProblemError) as caught:
        read(path)
    assert caught.value.problem.kind == "bad_input"
    assert words in str(caught.value)
    assert path.name in str(caught.value)


def test_the_size_of_a_huge_picture_is_checked_before_decoding(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("L", (1, 1)).save(data, "PNG")
    huge = bytearray(data.getvalue())
    huge[16:24] = struct.pack(">II", 30_000, 30_000)
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    (tmp_path / "a.png").write_bytes(huge)
    asked = []

    def admit(width: int, height: int, need: int) -> None:
        asked.append((width, height, need >= 30_000 * 30_000))
        raise problem("bad_input", "Too large.")

    with pytest.raises(ProblemError, match="Too large"):
        read_picture(tmp_path / "a.png", admit)
    assert asked == [(30_000, 30_000, True)]
    assert Image.MAX_IMAGE_PIXELS is not None
