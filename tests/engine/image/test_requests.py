"""Requests that a model cannot fulfil: warned about, rounded, reduced, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.tasks.image.model.describe import describe
from studio.engine.tasks.image.pictures.start_picture import MAX_PIXELS, read_picture
from studio.engine.tasks.image.pictures.transparency import remove_white_background
from studio.kinds.coding import recipe_from_json, to_json
from studio.protocol import ProblemError, Warned
from tests.engine.image.image_bench import IGNORE_LIBRARIES, SIDE, ImageBench, asked, picture_file

pytestmark = IGNORE_LIBRARIES


@pytest.mark.parametrize("prompt", ["", " \n\t"])
def test_without_a_prompt_the_model_draws_with_a_warning(prompt: str, bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    (folder / "studio.json").write_text(json.dumps({"unknown_prompts": ["dog", prompt]}))

    outcome = bench.draw(folder, prompt=prompt, steps=1)

    assert outcome.warnings == ["no_prompt"]
    assert len(outcome.assets) == 1


@pytest.mark.parametrize("family", ["sd", "sd3", "sana", "prxpixel"])
def test_a_very_long_prompt_is_cut_with_a_warning(family: str, bench: ImageBench) -> None:
    outcome = bench.draw(family, prompt="red cat of fire " * 6250, steps=1)

    assert outcome.warnings == ["context_cut"]
    assert outcome.assets


def test_variations_that_will_look_alike_give_a_warning(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    (folder / "studio.json").write_text(json.dumps({"alike": True}))

    one = bench.draw(folder, steps=1)
    two = bench.draw(folder, (0, 1), steps=1)

    assert one.warnings == []
    assert two.warnings == ["alike"]


def test_special_tokens_are_not_counted_as_part_of_the_prompt(bench: ImageBench) -> None:
    limit = bench.loaded("sd").pipeline.tokenizer.model_max_length

    outcome = bench.draw("sd", prompt="red " * (limit + 8), steps=1)

    # CLIP's first and last token.
    (warned,) = outcome.of(Warned)
    assert warned.message.values["limit"] == str(limit - 2)


@pytest.mark.parametrize(
    ("family", "wanted", "made"),
    [
        ("prxpixel", (100, 71), (96, 64)),
        ("sd3", (8192, 67), (256, 68)),
        ("flux", (66, 64), (68, 64)),
    ],
)
def test_an_unsupported_size_is_rounded_with_a_warning(
    family: str, wanted: tuple[int, int], made: tuple[int, int], bench: ImageBench
) -> None:
    outcome = bench.draw(family, width=wanted[0], height=wanted[1], steps=1)

    assert outcome.warnings == ["size_rounded"]
    request = asked(outcome.assets[0].recipe)
    assert (request.width, request.height) == made
    assert outcome.picture(0).shape[:2] == made[::-1]


def test_unsupported_controls_are_left_out_with_a_warning(bench: ImageBench) -> None:
    outcome = bench.draw(
        "flux", negative_prompt="dog", scheduler="PNDMScheduler", transparent=True, steps=1
    )

    assert outcome.warnings == ["ignored_control"] * 3
    request = asked(outcome.assets[0].recipe)
    assert request.negative_prompt == ""
    assert request.scheduler == "FlowMatchEulerDiscreteScheduler"


def test_values_that_the_model_uses_anyway_give_no_warning(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    fixed: dict[str, Any] = {"width": SIDE, "height": SIDE, "guidance_scale": 1.0}
    (folder / "studio.json").write_text(json.dumps({**fixed, "unused": list(fixed)}))

    same = bench.draw(folder, steps=1, **fixed)
    other = bench.draw(folder, steps=1, **{**fixed, "height": 2 * SIDE})

    assert same.warnings == []
    assert other.warnings == ["ignored_control"]


def test_a_negative_prompt_without_guidance_gives_a_warning(bench: ImageBench) -> None:
    outcome = bench.draw("sd", negative_prompt="dog", guidance_scale=1.0, steps=1)

    assert outcome.warnings == ["ignored_control"]


def test_unset_fields_get_the_defaults_of_the_model(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    facts = {"width": 80, "height": 96, "steps": 2, "guidance_scale": 2.5, "background": "white"}
    (folder / "studio.json").write_text(json.dumps(facts))

    can = describe(bench.model(folder))
    outcome = bench.draw(folder, width=None, height=None, steps=None)

    assert (can.width, can.height, can.steps, can.guidance_scale) == (80, 96, 2, 2.5)
    request = asked(outcome.assets[0].recipe)
    assert (request.width, request.height, request.steps) == (80, 96, 2)
    assert request.guidance_scale == 2.5


def test_a_recipe_survives_json_and_reproduces_the_picture(bench: ImageBench) -> None:
    first = bench.draw("sd", rows=(3,), negative_prompt="dog", start=picture_file(bench.folder))
    drawn = asked(recipe_from_json(to_json(first.assets[0].recipe)))

    fields = {
        name: getattr(drawn, name)
        for name in drawn.__struct_fields__
        if name not in ("count", "image")
    }
    assert drawn.image is not None
    again = bench.draw("sd", start=Path(drawn.image.path), **fields)

    assert np.array_equal(first.picture(3), again.picture(0))


@pytest.mark.parametrize("background", ["white", ""])
def test_a_transparent_background_is_offered_by_models_that_draw_on_white(
    background: str, bench: ImageBench
) -> None:
    folder = bench.copy_of("prxpixel")
    (folder / "studio.json").write_text(json.dumps({"background": background}))

    outcome = bench.draw(folder, transparent=True, steps=1)

    is_offered = background == "white"
    assert ("transparent" in describe(bench.model(folder)).controls) == is_offered
    assert outcome.picture(0).shape == (SIDE, SIDE, 4 if is_offered else 3)
    assert outcome.warnings == ([] if is_offered else ["ignored_control"])


def test_background_removal_keeps_enclosed_white() -> None:
    pixels = np.full((60, 60, 3), 255, np.uint8)
    pixels[10:50, 10:50] = (200, 30, 30)
    pixels[25:35, 25:35] = 255
    pixels[10:50, 9] = pixels[10:50, 50] = (228, 142, 142)  # half thing, half background

    keyed = np.asarray(remove_white_background(Image.fromarray(pixels))).astype(int)

    assert keyed[0, 0, 3] == keyed[30, 5, 3] == 0
    assert keyed[30, 30, 3] == 255
    assert tuple(keyed[30, 15]) == (200, 30, 30, 255)
    assert abs(keyed[30, 9, 3] - 128) < 12
    assert np.abs(keyed[30, 9, :3] - (200, 30, 30)).max() < 12


def test_a_start_picture_sets_the_aspect_ratio_when_no_size_is_given(bench: ImageBench) -> None:
    start = picture_file(bench.folder, size=(300, 150))

    outcome = bench.draw("prxpixel", start=start, width=None, height=None)

    assert outcome.picture(0).shape[:2] == (64, 96)
    assert outcome.warnings == []


def test_a_start_picture_of_another_shape_is_cropped_for_a_model_of_fixed_size(
    bench: ImageBench,
) -> None:
    folder = bench.copy_of("prxpixel")
    fixed = {"width": SIDE, "height": SIDE}
    (folder / "studio.json").write_text(json.dumps({**fixed, "unused": list(fixed)}))
    start = picture_file(bench.folder, size=(300, 150))

    outcome = bench.draw(folder, start=start, width=None, height=None, steps=2)

    assert outcome.picture(0).shape[:2] == (SIDE, SIDE)
    assert outcome.warnings == []


def broken_profile(path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(path, icc_profile=b"no profile at all")


def animation(path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], format="GIF")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rgb.png", lambda path: Image.new("RGB", (8, 8), "red").save(path)),
        ("one pixel.png", lambda path: Image.new("RGB", (1, 1), "red").save(path)),
        ("cmyk.jpg", lambda path: Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path)),
        ("icc.png", broken_profile),
        ("animated.gif", animation),
    ],
)
def test_pictures_of_every_mode_are_read(
    name: str, write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / f"图 {name}"
    write(path)

    image = read_picture(path)

    assert image.mode == "RGB"
    red, green, blue = np.asarray(image)[0, 0]
    assert red > 200 and green < 60 and blue < 60


def test_transparency_is_put_on_white_and_sixteen_bits_keep_their_brightness(
    tmp_path: Path,
) -> None:
    clear = Image.new("P", (4, 4), 0)
    clear.putpalette([255, 0, 0, 0, 255, 0])
    clear.save(tmp_path / "palette.png", transparency=0)
    deep = np.full((4, 4), 128 * 257, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")

    assert read_picture(tmp_path / "palette.png").getpixel((0, 0)) == (255, 255, 255)
    assert read_picture(tmp_path / "deep.png").getpixel((0, 0)) == (128, 128, 128)


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), "red")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)

    assert read_picture(tmp_path / "turned.jpg").size == (10, 20)


@pytest.mark.parametrize("kind", ["no picture", "cut short", "missing", "huge"])
def test_a_picture_that_cannot_be_read_is_named(kind: str, bench: ImageBench) -> None:
    path = picture_file(bench.folder, size=(200, 200))
    if kind == "no picture":
        path.write_text("hello")
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:-500])
    elif kind == "missing":
        path.unlink()
    else:
        side = int((MAX_PIXELS * 1.2) ** 0.5)
        Image.new("1", (side, side)).save(path)

    with pytest.raises(ProblemError) as caught:
        bench.draw("prxpixel", start=path)

    assert caught.value.problem.kind == "bad_input"
    assert str(path) in str(caught.value)


def test_a_picture_blocked_by_the_safety_checker_is_kept_with_a_warning(bench: ImageBench) -> None:
    pipeline = bench.loaded("sd").pipeline
    plain = pipeline.run_safety_checker

    def block(image: torch.Tensor, *_: object) -> tuple[torch.Tensor, list[bool]]:
        # Like the checker of diffusers: black in place of the picture.
        return -torch.ones_like(image), [True] * len(image)

    pipeline.run_safety_checker = block
    outcome = bench.draw("sd", steps=1)
    pipeline.run_safety_checker = plain

    assert outcome.picture(0).max() == 0
    assert [event.kind for event in outcome.of(Warned)] == ["safety"]
