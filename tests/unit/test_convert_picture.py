"""Export to WebP and JPEG: pixels, metadata for other programs, and the recipe."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager
from sd_parsers.data import PromptInfo

from studio.formats.pictures import jpeg, xmp
from studio.formats.pictures.embedded import Content
from studio.formats.recipes.recipe_files import read_content, read_embedded
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.recipes.convert_picture import Format
from studio.library.recipes.export import TABLE, export
from studio.library.recipes.metadata import (
    is_declared_generated,
    read_recipe,
)
from studio.library.recipes.settings_in_file import read_settings
from studio.library.records import Asset, Job
from studio.library.store import Library
from studio.protocol import InputFile, ProblemError, Sentence
from tests.unit.conftest import enqueue, png_bytes, record

FORMATS: list[Format] = ["webp", "jpeg"]


def fox(library: Library, prompt: str = "狐狸 🦊 <&\"'>\nin snow") -> Job:
    return enqueue(
        library, prompt, negative_prompt="blurry", steps=20, guidance_scale=7.5,
        scheduler="EulerDiscreteScheduler",
    )  # fmt: skip


def exported(
    asset: Asset, folder: Path, to: Format, quality: int | None = None
) -> tuple[Path, list[str]]:
    lost: list[str] = []

    def note(path: Path, sentence: Sentence) -> None:
        assert path.parent == folder
        lost.append(str(sentence))

    (path,) = export([asset], folder, to, quality, note)
    return path, lost


_parsed: list[Image.Image] = []


def parsed_by_others(path: Path) -> PromptInfo | None:
    """Read a picture with sd-parsers, which many programs use.

    The pictures are kept: sd-parsers 0.6 remembers the last one by its `id()` alone, and a new
    picture at the address of a deleted one would be taken for it.
    """
    _parsed.append(Image.open(path))
    return ParserManager().parse(_parsed[-1])


def loaded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        image.getexif().get_ifd(0x8769)
    return image


def comment_of(path: Path) -> str:
    """Return the parameters text as A1111 reads it."""
    image = loaded(path)
    comment: bytes = image.getexif().get_ifd(0x8769)[0x9286]
    # Its type must be "undefined": otherwise A1111 gets numbers instead of bytes.
    order = "<" if b"II*\0" in image.info["exif"][:10] else ">"
    assert struct.pack(f"{order}HHI", 0x9286, 7, len(comment)) in image.info["exif"]
    assert comment.startswith(b"UNICODE\0")
    return comment[8:].decode("utf-16-be")


@pytest.mark.parametrize("to", FORMATS)
def test_settings_are_restored_and_readable_by_other_programs(
    library: Library, tmp_path: Path, to: Format
) -> None:
    asset = record(library, fox(library))
    path, lost = exported(asset, tmp_path / "out", to)
    assert path.suffix == {"webp": ".webp", "jpeg": ".jpg"}[to]
    assert lost == []
    assert read_recipe(path) == asset.recipe
    restored = read_settings(path)
    assert restored is not None and restored.made_by == "Prompt Studio"
    assert read_content(path) == Content(6, 4)
    assert is_declared_generated(path)
    parsed = parsed_by_others(path)
    assert parsed is not None
    assert parsed.full_prompt == "狐狸 🦊 <&\"'>\nin snow"
    assert parsed.full_negative_prompt == "blurry"
    sampler = parsed.samplers[0]
    assert (sampler.name, sampler.parameters["cfg_scale"]) == ("Euler", "7.5")
    assert comment_of(path) == loaded(asset.path).info["parameters"]
    properties = ElementTree.fromstring(read_embedded(path).packet).iter()
    assert any(xmp.RECIPE_NAMESPACE in name for part in properties for name in part.attrib)
    assert path.name in (tmp_path / "out" / TABLE).read_text("utf-8-sig")


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("length", [20_000, 70_000, 200_000])
def test_a_prompt_of_any_length_survives_the_export(
    library: Library, tmp_path: Path, to: Format, length: int
) -> None:
    asset = record(library, fox(library, "狐" * length))
    path, lost = exported(asset, tmp_path / "out", to)
    assert read_recipe(path) == asset.recipe
    loaded(path)
    assert bool(lost) == (to == "jpeg" and length > 32_000)
    parsed = parsed_by_others(path)
    assert (parsed is None) == bool(lost)


def test_a_webp_without_a_quality_is_lossless(library: Library, tmp_path: Path) -> None:
    source = io.BytesIO()
    pixels = Image.effect_noise((40, 30), 90).convert("RGBA")
    pixels.putalpha(Image.linear_gradient("L").resize((40, 30)))
    pixels.save(source, "PNG")
    asset = record(library, fox(library), content=source.getvalue())
    path, lost = exported(asset, tmp_path, "webp")
    assert (loaded(path).convert("RGBA").tobytes(), lost) == (pixels.tobytes(), [])
    smaller, _ = exported(asset, tmp_path, "webp", 20)
    assert smaller.name != path.name
    assert smaller.stat().st_size < path.stat().st_size


@pytest.mark.parametrize("to", FORMATS)
def test_profile_exif_and_the_xmp_of_others_are_kept(
    library: Library, tmp_path: Path, to: Format
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif.endian = ">"
    exif[0x013B] = "Anna"
    exif.get_ifd(0x8769)[0xA434] = "A lens"
    info = PngInfo()
    info.add_itxt(xmp.KEYWORD, xmp.with_value("", "dc:rights", "http://dc/", "Anna's"))
    source = io.BytesIO()
    Image.new("RGB", (8, 8)).save(source, "PNG", icc_profile=profile, exif=exif, pnginfo=info)
    asset = record(library, fox(library), content=source.getvalue())
    path, lost = exported(asset, tmp_path, to)
    made = loaded(path)
    assert (made.info["icc_profile"], made.getexif()[0x013B], lost) == (profile, "Anna", [])
    assert made.getexif().get_ifd(0x8769)[0xA434] == "A lens"
    assert comment_of(path) == loaded(asset.path).info["parameters"]
    assert xmp.value_of(read_embedded(path).packet, "dc:rights") == "Anna's"


def png_of_16_bits(colour_type: int, samples: list[int]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = struct.pack(">IIBBBBB", 1, 1, 16, colour_type, 0, 0, 0)
    row = b"\0" + struct.pack(f">{len(samples)}H", *samples)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(row)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize(
    ("colour_type", "samples"), [(0, [0x8080]), (2, [0x8080] * 3), (6, [0x8080] * 3 + [0xFFFF])]
)
def test_16_bits_become_8_with_a_note(
    library: Library, tmp_path: Path, to: Format, colour_type: int, samples: list[int]
) -> None:
    asset = record(library, fox(library), content=png_of_16_bits(colour_type, samples))
    path, lost = exported(asset, tmp_path, to, 100)
    assert len(lost) == 1 and "from 16 to 8 bits" in lost[0]
    colour = loaded(path).convert("RGB").getpixel((0, 0))
    assert isinstance(colour, tuple)
    assert all(abs(channel - 0x80) <= 2 for channel in colour)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white_in_jpeg_with_a_note(
    library: Library, tmp_path: Path, mode: str
) -> None:
    source = io.BytesIO()
    if mode == "P":
        Image.new("P", (8, 8)).save(source, "PNG", transparency=0)
    else:
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode).save(source, "PNG")
    asset = record(library, fox(library), content=source.getvalue())
    path, lost = exported(asset, tmp_path, "jpeg")
    assert len(lost) == 1 and "white" in lost[0]
    assert loaded(path).convert("L").getpixel((4, 4)) == 255


def test_an_upscaled_photograph_is_still_marked_as_one(library: Library, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(png_bytes())
    (job,) = library.queue.enqueue([UpscaleRequest(input=InputFile(str(photo)), seed=0)])
    asset = record(library, job)
    path, _ = exported(asset, tmp_path, "jpeg")
    assert read_recipe(path) == asset.recipe
    source = xmp.value_of(read_embedded(path).packet, xmp.SOURCE)
    assert source.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert "Postprocess upscale by: 2" in comment_of(path)


def test_a_text_is_only_copied(library: Library, tmp_path: Path) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="hi", seed=1)])
    asset = record(library, job)
    path, _ = exported(asset, tmp_path / "out", "webp")
    assert path.read_bytes() == asset.path.read_bytes()


@pytest.mark.parametrize("content", [b"no picture", png_bytes()[:-30], b""])
def test_a_damaged_picture_is_refused_and_leaves_no_file(
    library: Library, tmp_path: Path, content: bytes
) -> None:
    asset = record(library, fox(library))
    asset.path.write_bytes(content)
    with pytest.raises(ProblemError, match="damaged"):
        exported(asset, tmp_path / "out", "webp")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_picture_too_large_for_the_format_is_refused(library: Library, tmp_path: Path) -> None:
    asset = record(library, fox(library), content=png_bytes((16_384, 1)))
    with pytest.raises(ProblemError, match="16383"):
        exported(asset, tmp_path, "webp")
    path, _ = exported(asset, tmp_path, "jpeg")
    assert read_content(path) == Content(16_384, 1)


@pytest.mark.parametrize("to", FORMATS)
def test_a_converted_file_in_the_library_is_listed_beside_its_original(
    library: Library, to: Format
) -> None:
    asset = record(library, fox(library))
    library.marks.retag([asset.id], (), ["kept"])
    path, _ = exported(asset, asset.path.parent, to)
    library.close()
    for file in library.root.glob("library.db*"):
        file.unlink()
    again = Library.open(library.root)
    found = {one.path: one for one in again.assets.recent()}
    assert set(found) == {asset.path, path}
    assert (found[asset.path].id, found[asset.path].tags) == (asset.id, ("kept",))
    copy = found[path]
    assert (copy.recipe, copy.width, copy.height) == (asset.recipe, 6, 4)
    again.close()


# ---- hostile files


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def extended(name: bytes, full: int, at: int, body: bytes) -> bytes:
    head = b"http://ns.adobe.com/xmp/extension/\0" + name.ljust(32, b"0")
    return segment(0xE1, head + struct.pack(">II", full, at) + body)


def main(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


NOTE = b'<rdf:Description xmpNote:HasExtendedXMP="' + b"0" * 32 + b'"/>'
HOSTILE = {
    "cut": b"\xff\xd8\xff\xe1\xff\xff",
    "no length": b"\xff\xd8\xff\xe1",
    "length of nothing": b"\xff\xd8\xff\xe1\0\0",
    "fill bytes": b"\xff\xd8" + b"\xff" * 300_000,
    "segments": b"\xff\xd8" + segment(0xE1, b"") * 60_000,
    "restarts": b"\xff\xd8" + b"\xff\xd0" * 300_000,
    "quotes": b"\xff\xd8" + main(b' PromptStudio:Recipe="' * 2_900),
    "open": b"\xff\xd8" + main(b"<PromptStudio:Recipe>" * 3_000),
    "entities": b"\xff\xd8" + main(b'<!ENTITY a "&b;&b;"> PromptStudio:Recipe="&a;&#x110000;"'),
    "types": b"\xff\xd8" + main(b' PromptStudio:Recipe="{&quot;request&quot;: 5}"'),
    "nesting": b"\xff\xd8" + main(b' PromptStudio:Recipe="' + b"[" * 60_000 + b'"'),
    "extended": b"\xff\xd8" + main(NOTE) + extended(b"", 2**32 - 1, 2**32 - 1, b"x" * 60_000) * 400,
    "webp length": b"RIFF\xff\xff\xff\xffWEBPXMP \xff\xff\xff\xff",
    "webp chunks": b"RIFF\xff\xff\xff\xffWEBP" + b"XMPX\0\0\0\0" * 60_000,
    "webp bytes": b"RIFF\xff\xff\xff\xffWEBPXMP \x08\0\0\0\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
    "webp cut": b"RIFF\0\0\0\0WEBPVP8X",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_picture_yields_no_recipe_and_no_size(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read_recipe(tmp_path / "x") is None
    assert read_content(tmp_path / "x") == Content()
    assert not is_declared_generated(tmp_path / "x")


def test_stale_metadata_left_by_an_editor_does_not_mix_with_the_recipe(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, fox(library, "狐" * 70_000))
    path, _ = exported(asset, tmp_path, "jpeg")
    whole = path.read_bytes()
    path.write_bytes(whole[:2] + extended(b"OLD", 9, 0, b"old parts") + whole[2:])
    assert read_recipe(path) == asset.recipe
    with path.open("rb") as file:
        assert len(jpeg.read_packets(file)) == 2


def test_an_xmp_packet_rewritten_with_elements_is_read(library: Library, tmp_path: Path) -> None:
    asset = record(library, fox(library))
    path, _ = exported(asset, tmp_path, "webp")
    attribute = read_embedded(path).packet
    name = xmp.RECIPE
    text = xmp.value_of(attribute, name).replace("&", "&amp;").replace("<", "&lt;")
    element = f"<x><{name}>{text}</{name}></x>"
    assert xmp.value_of(element, name) == xmp.value_of(attribute, name)
    changed = xmp.with_value(element, name, xmp.RECIPE_NAMESPACE, "new & <")
    assert changed == f"<x><{name}>new &amp; &lt;</{name}></x>"


def test_an_exported_jpeg_that_is_exported_again_is_the_same_file(
    library: Library, tmp_path: Path
) -> None:
    asset = record(library, fox(library))
    path, _ = exported(asset, tmp_path / "a", "jpeg")
    again, _ = exported(replace(asset, path=path), tmp_path / "b", "jpeg")
    assert again.read_bytes() == path.read_bytes()
    webp, lost = exported(replace(asset, path=path), tmp_path / "b", "webp")
    assert (read_recipe(webp), lost) == (asset.recipe, [])
