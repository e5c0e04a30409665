"""Inpainting: what is black in the mask is kept, the rest is repainted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine.tasks.image.draw.inpaint import UnmaskedArea, pack_latents
from studio.engine.tasks.image.model import schedulers
from studio.engine.tasks.image.model.describe import capabilities_of, describe
from studio.engine.tasks.image.model.layout import ModelFacts
from studio.engine.tasks.image.model.preview import unpack
from studio.engine.tasks.image.model.schedulers import Step
from studio.engine.tasks.image.pictures.start_picture import fit, read_mask
from studio.protocol import InputFile, ProblemError
from tests.engine import tiny_pipelines
from tests.engine.image.image_bench import IGNORE_LIBRARIES, SIDE, ImageBench, asked, picture_file
from tests.engine.tiny_pipelines import FAMILIES

pytestmark = IGNORE_LIBRARIES

HALF = SIDE // 2

STARTER = Path(__file__).parents[3] / "resources" / "models" / "starter-icons"


def mask_file(
    folder: Path, values: np.ndarray | None = None, name: str = "mask.png", mode: str = "L"
) -> InputFile:
    """Write a mask, by default one that is white on the right half."""
    if values is None:
        values = np.zeros((SIDE, SIDE), np.uint8)
        values[:, HALF:] = 255
    Image.fromarray(values).convert(mode).save(folder / name)
    return InputFile(str(folder / name))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("family", "scheduler"),
    [(family, "") for family in FAMILIES]
    + [
        ("sd", "HeunDiscreteScheduler"),
        ("sd", "DPMSolverMultistepScheduler"),
        ("sd", "UniPCMultistepScheduler"),
        ("sd", "EulerAncestralDiscreteScheduler"),
        ("pixart", "KDPM2DiscreteScheduler"),
        ("flux", "DPMSolverMultistepScheduler"),
        ("prxpixel", "FlowMatchHeunDiscreteScheduler"),
    ],
)
def test_black_is_kept_pixel_by_pixel_and_white_is_repainted(
    family: str, scheduler: str, bench: ImageBench
) -> None:
    start, mask = picture_file(bench.folder), mask_file(bench.folder)
    fields: dict[str, Any] = {"mask": mask, "strength": 0.6, "steps": 4, "scheduler": scheduler}

    both = bench.draw(family, rows=(0, 1), start=start, **fields)
    alone = bench.draw(family, rows=(1,), start=start, **fields)

    before = pixels(start)
    assert both.warnings == []
    for row in (0, 1):
        assert np.array_equal(both.picture(row)[:, :HALF], before[:, :HALF])
        assert np.abs(both.picture(row) - before)[:, HALF:].mean() > 10
    assert np.abs(both.picture(0) - both.picture(1))[:, HALF:].mean() > 2
    assert np.abs(both.picture(1) - alone.picture(1)).max() <= 3
    recipe = alone.assets[0].recipe
    assert asked(recipe).mask == mask
    assert [parent.path for parent in recipe.parents] == [str(start), mask.path]


@pytest.mark.parametrize("keep", [1.0, 0.5])
@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("sd", "DDIMScheduler"),
        ("sd", "DEISMultistepScheduler"),
        ("sd", "DPMSolverMultistepScheduler"),
        ("sd", "DPMSolverSinglestepScheduler"),
        ("sd", "EulerDiscreteScheduler"),
        ("sd", "HeunDiscreteScheduler"),
        ("sd", "KDPM2DiscreteScheduler"),
        ("sd", "UniPCMultistepScheduler"),
        ("flow", "FlowMatchEulerDiscreteScheduler"),
        ("flow", "FlowMatchHeunDiscreteScheduler"),
        ("flow", "DPMSolverMultistepScheduler"),
        ("flow", "UniPCMultistepScheduler"),
    ],
)
def test_kept_latents_have_the_noise_level_of_the_step(family: str, name: str, keep: float) -> None:
    """A perfect denoiser predicts, outside the mask, exactly the latents that are kept."""
    own = tiny_pipelines.build("prxpixel" if family == "flow" else "sd").scheduler
    made = schedulers.make(own, name)
    generator = torch.Generator().manual_seed(3)
    clean = torch.randn(1, 4, 8, 8, generator=generator)
    noise = torch.randn(2, 4, 8, 8, generator=generator)
    mask = np.zeros((16, 16), np.uint8)
    mask[:, 8:] = 255
    held = UnmaskedArea(clean, Image.fromarray(mask))
    moved: list[float] = []

    def after_step(step: Step) -> None:
        drawn = step.following.clone()
        held.restore(step)
        assert torch.equal(step.following[..., 4:], drawn[..., 4:])
        moved.append(float((step.following - drawn).abs().max()))

    schedulers.watch(made, after_step, keep=keep)
    made.set_timesteps(6)
    is_flow = schedulers.is_flow(made)
    add = made.scale_noise if is_flow else made.add_noise
    given = (made.timesteps[:1], noise) if is_flow else (noise, made.timesteps[:1])
    latents = add(clean.expand_as(noise), *given)
    for timestep in made.timesteps:
        if hasattr(made, "scale_model_input"):
            made.scale_model_input(latents, timestep)
        output = noise - clean if is_flow else noise
        latents = made.step(output, timestep, latents, return_dict=False)[0]

    # The last step ends without noise, where some schedules keep a little.
    assert max(moved[:-1]) < 1e-3 and moved[-1] < 0.3
    assert torch.equal(latents[..., :4], clean.expand_as(latents)[..., :4])


def test_every_latent_that_the_mask_touches_is_repainted() -> None:
    mask = np.zeros((16, 16), np.uint8)
    mask[5, 10] = 20
    scheduler = tiny_pipelines.build("sd").scheduler
    scheduler.set_timesteps(2)
    sample = torch.zeros(1, 4, 8, 8)
    following = torch.full((1, 4, 8, 8), 9.0)

    UnmaskedArea(torch.ones(1, 4, 8, 8), Image.fromarray(mask)).restore(
        Step(scheduler, scheduler.timesteps[-1], sample, sample, following, 2, 2, place=1)
    )

    assert (following == 9.0).nonzero().tolist() == [[0, channel, 2, 5] for channel in range(4)]


def test_packing_latents_is_the_inverse_of_unpacking() -> None:
    latents = torch.arange(2 * 4 * 6 * 10.0).reshape(2, 4, 6, 10)

    packed = pack_latents(latents)

    assert packed is not None and packed.shape == (2, 15, 16)
    unpacked = unpack(packed, 48, 80, 8)
    assert unpacked is not None and torch.equal(unpacked, latents)


def test_grey_blends_the_new_picture_with_the_old(bench: ImageBench) -> None:
    start = picture_file(bench.folder)
    white, grey = np.full((SIDE, SIDE), 255, np.uint8), np.full((SIDE, SIDE), 128, np.uint8)

    drawn = bench.draw("sd", start=start, mask=mask_file(bench.folder, white)).picture(0)
    mixed = bench.draw("sd", start=start, mask=mask_file(bench.folder, grey)).picture(0)

    assert np.abs(mixed - (drawn + pixels(start)) / 2).max() <= 1.5


def test_a_mask_is_cropped_like_its_picture(bench: ImageBench) -> None:
    start = picture_file(bench.folder, size=(300, 150))
    values = np.zeros((600, 1200), np.uint8)
    values[:, 750:] = 255  # Three quarters of the part that is kept, 300 to 900.

    outcome = bench.draw("sd", start=start, mask=mask_file(bench.folder, values))

    kept = np.asarray(fit(Image.open(start), SIDE, SIDE)).astype(int)
    edge = SIDE * 3 // 4
    assert np.array_equal(outcome.picture(0)[:, : edge - 1], kept[:, : edge - 1])
    assert np.abs(outcome.picture(0) - kept)[:, edge:].mean() > 10


def test_a_mask_is_read_as_greyscale_on_black(tmp_path: Path) -> None:
    values = np.full((4, 4, 4), 255, np.uint8)
    values[:, 2:, 3] = 0
    values[0, 0, :3] = 3  # A speck, as JPEG leaves them around what is marked.
    file = mask_file(tmp_path, values, mode="RGBA")

    mask = np.asarray(read_mask(Path(file.path), 4, 4))

    assert mask.tolist() == [[0, 255, 0, 0], *[[255, 255, 0, 0]] * 3]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("alone", "A mask needs a start picture"),
        ("black", "Nothing is marked"),
        ("missing", "no longer exists"),
        ("no picture", "not a readable picture"),
    ],
)
def test_a_useless_mask_is_refused(kind: str, message: str, bench: ImageBench) -> None:
    mask = mask_file(bench.folder, np.zeros((SIDE, SIDE), np.uint8) if kind == "black" else None)
    if kind == "missing":
        Path(mask.path).unlink()
    elif kind == "no picture":
        Path(mask.path).write_text("hello")
    start = None if kind == "alone" else picture_file(bench.folder)

    with pytest.raises(ProblemError, match=message) as caught:
        bench.draw("prxpixel", start=start, mask=mask)

    assert caught.value.problem.kind == "bad_input"


@pytest.mark.parametrize(("unused", "left"), [("mask", {"image", "strength"}), ("image", set())])
def test_a_model_without_inpainting_warns_about_the_mask(
    unused: str, left: set[str], bench: ImageBench
) -> None:
    folder = bench.copy_of("prxpixel")
    (folder / "studio.json").write_text(json.dumps({"unused": [unused]}))

    outcome = bench.draw(folder, start=picture_file(bench.folder), mask=mask_file(bench.folder))

    can = describe(bench.model(folder))
    assert set(can.controls) & {"image", "strength", "mask"} == left
    assert outcome.warnings == ["ignored_control"] * (2 if unused == "image" else 1)
    recipe = outcome.assets[0].recipe
    assert asked(recipe).mask is None
    assert len(recipe.parents) == (0 if unused == "image" else 1)


def test_a_pipeline_with_unknown_latents_or_noise_levels_offers_no_mask() -> None:
    from diffusers import AutoencoderTiny, SCMScheduler

    pipeline = tiny_pipelines.build("sd")
    assert "mask" in capabilities_of(pipeline, ModelFacts()).controls

    other_vae = tiny_pipelines.build("sd")
    other_vae.vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    other_levels = tiny_pipelines.build("sd")
    other_levels.scheduler = SCMScheduler()

    for other in (other_vae, other_levels):
        controls = capabilities_of(other, ModelFacts()).controls
        assert "image" in controls and "mask" not in controls


def test_the_starter_model_repaints_a_part_of_its_picture(bench: ImageBench) -> None:
    size: dict[str, Any] = {"width": None, "height": None, "steps": None}
    first = bench.draw(STARTER, prompt="a red apple", **size)
    start = first.path(first.assets[0])

    outcome = bench.draw(
        STARTER, prompt="a dog", start=start, mask=mask_file(bench.folder), strength=1.0, **size
    )

    before, after = first.picture(0), outcome.picture(0)
    middle = before.shape[1] // 2
    assert outcome.warnings == []
    assert np.array_equal(after[:, : middle - 2], before[:, : middle - 2])
    assert np.abs(after - before)[:, middle + 2 :].mean() > 2
