"""Icons as SVG files: written with their recipe, read back, and nothing of others interpreted."""

from __future__ import annotations

import io
import urllib.parse
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from studio.formats.icons import exports, tokens
from studio.formats.icons.colours import is_colour
from studio.formats.icons.drawing import Drawing, Look, drawing_of, read_document
from studio.formats.icons.path_data import icon_of
from studio.formats.recipes.recipe_files import read_content, read_embedded

TOKENS = "O x48 y48 r40 M x16 y16 H x80 V y80 H x16 Z M x60 y60 </s>"
RECIPE = '{"prompt": "<script>alert(1)</script> & \\"猫\\" \x9f\ufffe"}'


def drawing(rounded: bool = True) -> Drawing:
    return drawing_of(tokens.decode(TOKENS.split()), Look(1.5, rounded, "#1a7f37"))


@pytest.mark.parametrize("rounded", [True, False])
def test_a_document_is_valid_and_gives_drawing_and_recipe_back(rounded: bool) -> None:
    text = drawing(rounded).document(24, RECIPE)
    found = ElementTree.fromstring(text)
    assert [each.tag.rpartition("}")[2] for each in found] == ["metadata", "path"]
    read = read_document(text)
    assert read is not None
    assert read[0] == drawing(rounded)
    assert read[1] == RECIPE.replace("\x9f", "\\u009f").replace("\ufffe", "\\ufffe")


DOTS = "M x48 y48 M x28 y56 H x34 M x74 y56 J x82 y64 K x74 y72 C x75 y74 x77 y76 x79 y78 </s>"


@pytest.mark.parametrize("text", [TOKENS, DOTS])
@pytest.mark.parametrize("rounded", [True, False])
def test_the_look_changes_without_drawing_again(text: str, rounded: bool) -> None:
    icon = tokens.decode(text.split())
    # A line of the sharp drawing is as long as its strokes are wide, and is no dot.
    before = drawing_of(icon, Look(1.5, rounded, "#1a7f37"))
    changed = before.restyled(Look(2.25, not rounded, "currentColor", 1.5))
    read = read_document(changed.document(48))
    assert read is not None and read[0] == changed
    assert changed.icon == icon
    assert changed.restyled(before.look) == before


@pytest.mark.parametrize(
    "data",
    [
        *("", "L3 4", "M3 4Q1 2 3 4", "M3", "M3 4Z", "M3 4L5 6ZL1 1", "M1e9 4L5 6", "M3 4L99 6"),
        *("M0.1 4L5 6", "M3 4A2 2 0 0 1 9 9", "M3 4 5 6", "m3 4l1 1", "M3 4L5 6x", "M1 1" * 9000),
    ],
)
def test_path_data_from_elsewhere_gives_no_strokes(data: str) -> None:
    assert icon_of(data) is None


def test_icons_are_written_as_what_pages_and_programs_take() -> None:
    icon = drawing().restyled(Look(2.0, True, "#1a7f37", 2.0))
    assert (
        ElementTree.fromstring(exports.jsx(icon)).find(".//*[@strokeLinecap='round']") is not None
    )
    url = exports.css_url(icon)
    svg = urllib.parse.unquote(url.removeprefix('url("data:image/svg+xml,').removesuffix('")'))
    assert svg == icon.document(24).replace('"', "'")
    assert not set("<>#\n") & set(url)
    names = exports.identifiers(["House 1", "house_1", "房子", "1x", "<"])
    assert names == ["house-1", "house-1-2", "房子", "drawing-1x", "drawing"]
    sprite = ElementTree.fromstring(exports.sprite(dict.fromkeys(names, icon)))
    assert [each.get("viewBox") for each in sprite] == ["-2 -2 28 28"] * 5
    for form, sizes in (("ICO", 7), ("ICNS", 7)):
        made = exports.icon_file(icon, form)  # type: ignore[arg-type]  # one of the two
        with Image.open(io.BytesIO(made)) as opened:
            assert len(opened.info["sizes"]) >= sizes and opened.size[0] >= 256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg xmlns=",
        '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 24 24">'
        '<image href="http://example.com/x.png"/></svg>',
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        drawing().document().replace("<path", '<path onload="x()"'),
        drawing().document().replace("#1a7f37", "url(#x)"),
        drawing().document() + "<svg/>",
        drawing().document(24, "x" * 2_000_000),
    ],
)
def test_svg_from_elsewhere_is_not_interpreted(text: str, tmp_path: Path) -> None:
    assert read_document(text) is None
    file = tmp_path / "foreign.svg"
    file.write_text(text, "utf-8")
    assert not read_embedded(file).recipe
    assert not read_content(file).width


def test_ten_megabytes_of_svg_are_refused_without_being_read(tmp_path: Path) -> None:
    file = tmp_path / "large.svg"
    file.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 3_500_000)
    assert not read_embedded(file).recipe


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("#1a7f37", True),
        ("#FFF", True),
        ("currentColor", True),
        ("red", False),
        ("#12345", False),
        ('"/><script>', False),
        ("#fff\n", False),
    ],
)
def test_colours_are_numbers_or_that_of_the_page(text: str, valid: bool) -> None:
    assert is_colour(text) is valid


def test_a_drawing_that_is_being_written_is_shown_up_to_its_last_whole_command() -> None:
    whole = TOKENS.split()
    for end in range(len(whole) + 1):
        tokens.decode(tokens.whole_commands(whole[:end]))
    assert tokens.whole_commands(whole[:5]) == whole[:4]
