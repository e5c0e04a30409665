"""Contact sheets of finished pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from studio.jobs.contact_sheet import Picture, make_sheet
from studio.protocol import ProblemError


def picture(folder: Path, colour: str, **labels: str) -> Picture:
    path = folder / f"{colour}.png"
    Image.new("RGB", (640, 320), colour).save(path)
    return Picture(path, labels)


def centre_of(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[float, float]:
    pixels = sheet.convert("RGB")
    mask = Image.new("1", pixels.size)
    mask.putdata([pixel == colour for pixel in pixels.get_flattened_data()])
    box = mask.getbbox()
    assert box is not None
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_the_first_axis_is_horizontal_and_the_second_vertical(tmp_path: Path) -> None:
    pictures = [
        picture(tmp_path, "red", steps="10", prompt="一只猫", seed="1"),
        picture(tmp_path, "blue", steps="20", prompt="一只猫", seed="1"),
        picture(tmp_path, "lime", steps="10", prompt="a dog", seed="1"),
    ]
    (tmp_path / "out").mkdir()
    target = make_sheet(pictures, ["steps", "prompt", "seed"], tmp_path / "out" / "sheet.png")
    with Image.open(target) as sheet:
        red, blue = centre_of(sheet, (255, 0, 0)), centre_of(sheet, (0, 0, 255))
        lime = centre_of(sheet, (0, 255, 0))
    assert red[1] == blue[1] and red[0] < blue[0]
    assert red[0] == lime[0] and red[1] < lime[1]
    assert [p.name for p in target.parent.iterdir()] == ["sheet.png"]


def test_pictures_that_share_a_cell_are_all_shown(tmp_path: Path) -> None:
    pictures = [picture(tmp_path, "red", steps="10"), picture(tmp_path, "blue", steps="10")]
    target = make_sheet(pictures, ["steps"], tmp_path / "sheet.png")
    with Image.open(target) as sheet:
        assert centre_of(sheet, (255, 0, 0))[1] < centre_of(sheet, (0, 0, 255))[1]


def test_a_damaged_picture_leaves_its_cell_empty(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    pictures = [Picture(broken, {}), picture(tmp_path, "red")]
    with Image.open(make_sheet(pictures, [], tmp_path / "sheet.png")) as sheet:
        assert centre_of(sheet, (255, 0, 0))[0] > sheet.width / 2


def test_without_pictures_there_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="no finished pictures"):
        make_sheet([], [], tmp_path / "sheet.png")
