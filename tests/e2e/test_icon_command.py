"""`studio icon` and tables of icons, with the fake engine: SVG and PNG side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.formats.icons.drawing import read_document
from studio.library.recipes.metadata import read_recipe
from tests.e2e.conftest import CommandResult
from tests.unit.model_files import write_icons

Studio = Callable[..., CommandResult]


@pytest.fixture
def model(environment: dict[str, str], tmp_path: Path) -> None:
    write_icons(tmp_path / "home" / "models" / "icons")
    assert environment


@pytest.mark.usefixtures("model")
def test_each_icon_is_an_svg_with_its_recipe_and_a_picture(studio: Studio, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = studio(
        "icon", "-p", "带爱心的房子", "-n", "2", "--seed", "7", "--style", "line", "-o", out,
        "--json", fake="plain",
    )  # fmt: skip
    assert made.status == 0, made.err
    names = sorted(file.name for file in out.iterdir() if not file.name.startswith("."))
    assert [name.rpartition("-")[2] for name in names] == ["7.png", "7.svg", "8.png", "8.svg"]
    for svg in out.glob("*.svg"):
        assert read_document(svg.read_text("utf-8")) is not None
        recipe = read_recipe(svg)
        assert recipe is not None and recipe == read_recipe(svg.with_suffix(".png"))
        assert recipe.request.task == "icon"
    found = json.loads(studio("library", "search", "爱心", "--json").out.splitlines()[0])
    again = studio("library", "reproduce", found["id"], fake="plain")
    assert again.status == 0, again.out + again.err
    assert studio("library", "rebuild").status == 0


@pytest.mark.usefixtures("model")
def test_a_table_makes_a_set_in_one_style(studio: Studio, tmp_path: Path) -> None:
    table = tmp_path / "icons.csv"
    words = ("house", "cat", "heart")
    rows = [f"icon,{word},thin,#c00" for word in words]
    table.write_text("\n".join(["task,prompt,weight,colour", *rows]) + "\n", "utf-8")
    ran = studio("batch", table, "-o", tmp_path / "set", "--json", fake="plain")
    assert ran.status == 0, ran.err
    assert len(list((tmp_path / "set").glob("*.svg"))) == len(words)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-n", "1001"), "it must be a whole number of at most 1000"),
        (("-p", "cat", "--colour", "url(x)"), "is not a colour"),
        (("-p", "cat", "--style", "solid"), "it must be one of: line"),
        (("-p", "word " * 1000), "characters, and an icon shows one thing or two"),
        (("-p", "cat", "--stroke-width", "99"), "it must be a number of at most 6"),
        (("-p", "cat", "--begin", "M0 0L99 99"), "These are not strokes of an icon"),
        (("-p", "cat", "--side", "5"), "it must be a whole number of at least 16"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_before_anything_runs(
    studio: Studio, arguments: tuple[str, ...], said: str
) -> None:
    ran = studio("icon", *arguments, fake="plain")
    assert ran.status == 2
    assert said in ran.err


def test_without_a_model_the_command_says_what_is_missing(studio: Studio) -> None:
    ran = studio("icon", "-p", "cat")
    assert ran.status == 2
    assert "There is no model that draws icons yet." in ran.err
