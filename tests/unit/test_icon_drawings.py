"""Icons as SVG files: written with their recipe, read back, and nothing of others interpreted."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from studio.formats.icons import tokens
from studio.formats.icons.colours import is_colour
from studio.formats.icons.drawing import Drawing, Look, drawing_of, read_document
from studio.formats.recipes.recipe_files import read_content, read_embedded

TOKENS = "O x48 y48 r40 M x-32 y-32 H x64 V y64 H x-64 Z M x44 y44 </s>"
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


def test_width_and_colour_change_without_drawing_again() -> None:
    changed = drawing().with_look(2.25, "currentColor")
    read = read_document(changed.document(48))
    assert read is not None and read[0] == changed
    assert changed.data == drawing().data


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
