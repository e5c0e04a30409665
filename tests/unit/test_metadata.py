"""The recipe in the file: readable by other programs, safe against hostile files."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from studio.formats.pictures import png, xmp
from studio.formats.recipes.aigc import AigcLabel
from studio.formats.recipes.recipe_files import read_embedded
from studio.kinds.coding import to_json
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.recipes.aigc_setting import label_from_settings
from studio.library.recipes.metadata import read_recipe, read_text, write_with_recipe
from studio.protocol import InputFile, Recipe
from studio.settings import Settings
from tests.unit.conftest import png_bytes, recipe_for

REQUEST = ImageRequest(
    prompt="a fox\nin snow", negative_prompt="blurry", seed=5, steps=20, guidance_scale=7.5,
    width=6, height=4, scheduler="EulerDiscreteScheduler",
)  # fmt: skip


def written(tmp_path: Path, source: bytes, recipe: Recipe, label: AigcLabel | None = None) -> Path:
    (tmp_path / "source").write_bytes(source)
    target = tmp_path / f"target-{len(list(tmp_path.iterdir()))}.png"
    write_with_recipe(tmp_path / "source", target, recipe, label)
    return target


def texts_in(png_file: Path) -> dict[str, str]:
    """Return the texts of a PNG as Pillow reads them, including those after the pixels."""
    with Image.open(png_file) as image:
        assert isinstance(image, PngImageFile)
        return {name: str(text) for name, text in image.text.items()}


def test_a_png_has_parameters_for_a1111_tools_and_the_iptc_source_type(tmp_path: Path) -> None:
    made = texts_in(written(tmp_path, png_bytes(), recipe_for(REQUEST)))
    lines = made["parameters"].splitlines()
    assert lines[:3] == ["a fox", "in snow", "Negative prompt: blurry"]
    assert lines[3].startswith("Steps: 20, Sampler: ")
    assert "CFG scale: 7.5, Seed: 5, Size: 6x4" in lines[3]
    assert "trainedAlgorithmicMedia" in made["XML:com.adobe.xmp"]


def test_pixels_profile_and_other_texts_pass_unchanged(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Author", "Somebody")
    source = io.BytesIO()
    Image.effect_noise((32, 32), 90).save(source, "PNG", pnginfo=info, icc_profile=b"profile")
    made = Image.open(written(tmp_path, source.getvalue(), recipe_for(REQUEST)))
    assert made.tobytes() == Image.open(source).tobytes()
    assert made.info["icc_profile"] == b"profile"
    assert made.info["Author"] == "Somebody"


def test_a_text_file_is_its_answer_after_a_block_of_front_matter(tmp_path: Path) -> None:
    request = TextRequest(prompt='say "hi"\u2028---\n', seed=1)
    answer = "---\n# Title\n\n狐狸 🦊\n"
    path = written(tmp_path, answer.encode(), recipe_for(request))
    assert read_text(path) == answer
    found = read_recipe(path)
    assert found is not None and found.request == request


def itxt(keyword: str, body: bytes, *, packed: bool = False) -> bytes:
    data = keyword.encode() + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0") + body
    crc = struct.pack(">I", zlib.crc32(b"iTXt" + data))
    return struct.pack(">I", len(data)) + b"iTXt" + data + crc


def hostile(chunk: bytes) -> bytes:
    whole = png_bytes()
    return whole[:33] + chunk + whole[33:]


@pytest.mark.parametrize(
    "chunk",
    [
        itxt("prompt_studio", zlib.compress(bytes(200_000_000), 9), packed=True),
        itxt("prompt_studio", b"\xff\xfe broken"),
        itxt("prompt_studio", b"[" * 100_000),
        itxt("prompt_studio", b'{"request": 5}'),
        struct.pack(">I", 2**31 - 1) + b"iTXtprompt_studio",
    ],
    ids=["bomb", "bytes", "nesting", "types", "length"],
)
def test_a_hostile_png_yields_no_recipe(tmp_path: Path, chunk: bytes) -> None:
    path = tmp_path / "hostile.png"
    path.write_bytes(hostile(chunk))
    assert read_recipe(path) is None


def test_a_path_in_a_foreign_recipe_is_not_followed(tmp_path: Path) -> None:
    recipe = recipe_for(ImageRequest(prompt="../../../etc/passwd", seed=1))
    path = tmp_path / "stranger.png"
    path.write_bytes(hostile(itxt("prompt_studio", to_json(recipe).encode())))
    assert read_recipe(path) == recipe


@pytest.mark.parametrize("content", [b"", b"---\n", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\0" * 100])
def test_a_file_of_another_program_has_no_recipe(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read_recipe(tmp_path / "x") is None


def test_a_truncated_png_is_refused_when_it_is_recorded(tmp_path: Path) -> None:
    from studio.protocol import ProblemError

    with pytest.raises(ProblemError, match="damaged"):
        written(tmp_path, png_bytes()[:-20], recipe_for(REQUEST))


def test_a_text_chunk_after_the_pixels_is_read() -> None:
    whole = png_bytes()
    late = whole[:-12] + itxt("note", b"late") + whole[-12:]
    assert png.read_texts(io.BytesIO(late), ("note",)) == {"note": "late"}


def test_an_upscaled_photograph_is_marked_as_one_and_keeps_its_texts(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt(
        "XML:com.adobe.xmp",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="Anna"/></rdf:RDF></x:xmpmeta>',
    )
    info.add_text("parameters", "a prompt from elsewhere")
    photo = io.BytesIO()
    Image.new("RGB", (4, 4)).save(photo, "PNG", pnginfo=info)
    (tmp_path / "photo.png").write_bytes(photo.getvalue())
    request = UpscaleRequest(input=InputFile(str(tmp_path / "photo.png")), seed=0)
    made = texts_in(written(tmp_path, photo.getvalue(), recipe_for(request)))
    packet = ElementTree.fromstring(made["XML:com.adobe.xmp"])
    values = {name: value for part in packet.iter() for name, value in part.attrib.items()}
    assert values["{http://purl.org/dc/elements/1.1/}creator"] == "Anna"
    source = values["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"]
    assert source.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert made["parameters"] == "a prompt from elsewhere"
    assert "Postprocess upscale by: 2" in made["postprocessing"]


def test_an_upscaled_generated_picture_stays_marked_as_generated(tmp_path: Path) -> None:
    drawn = written(tmp_path, png_bytes(), recipe_for(REQUEST)).rename(tmp_path / "drawn.png")
    request = UpscaleRequest(input=InputFile(str(drawn)), seed=0)
    made = texts_in(written(tmp_path, drawn.read_bytes(), recipe_for(request)))
    assert made["XML:com.adobe.xmp"].count("/trainedAlgorithmicMedia") == 1
    assert "composite" not in made["XML:com.adobe.xmp"]


def labels_of(path: Path) -> list[dict[str, str]]:
    """Return the AIGC labels of a PNG: that of the text chunk and that of the XMP packet."""
    with path.open("rb") as file:
        text = png.read_texts(file, ("AIGC",)).get("AIGC", "{}")
    return [json.loads(text), json.loads(xmp.value_of(read_embedded(path).packet, xmp.AIGC))]


def test_the_label_of_gb_45438_is_written_as_text_and_xmp_when_enabled(tmp_path: Path) -> None:
    request = replace(REQUEST, width=None, height=None)
    recipe = replace(recipe_for(request), job="j1")
    path = written(tmp_path, png_bytes(), recipe, AigcLabel("狐狸 & Co <1>"))
    expected = {
        "Label": "1",
        "ContentProducer": "狐狸 & Co <1>",
        "ProduceID": "j1-0",
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    assert labels_of(path) == [expected, expected]
    packet = ElementTree.fromstring(read_embedded(path).packet)
    values = {name: value for part in packet.iter() for name, value in part.attrib.items()}
    assert json.loads(values["{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"]) == expected
    assert read_recipe(path) == recipe
    assert b"AIGC" not in written(tmp_path, png_bytes(), recipe).read_bytes()


def test_a_text_is_labelled_in_its_front_matter(tmp_path: Path) -> None:
    recipe = replace(recipe_for(TextRequest(prompt="hi", seed=1)), job="j1")
    path = written(tmp_path, b"An answer.", recipe, AigcLabel("Anna"))
    (line,) = [line for line in path.read_text("utf-8").splitlines() if line.startswith("AIGC: ")]
    label = json.loads(line.removeprefix("AIGC: "))
    assert (label["Label"], label["ContentProducer"], label["ProduceID"]) == ("1", "Anna", "j1-0")
    assert (read_recipe(path), read_text(path)) == (recipe, "An answer.")


def test_our_label_is_renewed_and_that_of_another_producer_is_kept(tmp_path: Path) -> None:
    first = replace(recipe_for(REQUEST), job="first")
    second = replace(recipe_for(REQUEST), job="second")
    labelled = written(tmp_path, png_bytes(), first, AigcLabel("Anna")).read_bytes()
    ours = written(tmp_path, labelled, second, AigcLabel("Anna"))
    assert [label["ProduceID"] for label in labels_of(ours)] == ["second-0"] * 2
    theirs = written(tmp_path, labelled, second, AigcLabel("Bert"))
    assert [label["ProduceID"] for label in labels_of(theirs)] == ["first-0"] * 2
    broken = hostile(itxt("AIGC", b"[" * 100_000))
    assert labels_of(written(tmp_path, broken, second, AigcLabel("Bert")))[0]["Label"] == "1"


def test_the_label_is_off_by_default_and_always_names_a_producer() -> None:
    assert label_from_settings(Settings()) is None
    assert label_from_settings(Settings(aigc_label=True, aigc_producer=" Anna ")) == AigcLabel(
        "Anna"
    )
    assert label_from_settings(Settings(aigc_label=True)) == AigcLabel("Prompt Studio")
