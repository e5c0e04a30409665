"""Previews show the predicted clean picture in its real colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from studio.engine.tasks.image.model.preview import (
    clean_estimate,
    fit_colour_map,
    to_image,
    unpack,
)
from studio.engine.tasks.image.model.schedulers import Step, cut_schedule
from tests.engine.image.image_bench import IGNORE_LIBRARIES

pytestmark = IGNORE_LIBRARIES


def scheduler(name: str, **config: Any) -> Any:
    import diffusers

    return getattr(diffusers, name)(**config)


FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}

KINDS = [
    ("DDIMScheduler", {}),
    ("DDIMScheduler", {"prediction_type": "v_prediction"}),
    ("DDPMScheduler", {}),
    ("EulerDiscreteScheduler", {}),
    ("EulerDiscreteScheduler", {"prediction_type": "v_prediction"}),
    ("EulerAncestralDiscreteScheduler", {}),
    ("DPMSolverMultistepScheduler", {}),
    ("DPMSolverMultistepScheduler", FLOW),
    ("UniPCMultistepScheduler", FLOW),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
]


@pytest.mark.parametrize(("name", "config"), KINDS)
def test_the_preview_of_a_perfect_model_is_the_clean_result(
    name: str, config: dict[str, Any]
) -> None:
    made = scheduler(name, **config)
    made.set_timesteps(10)
    cut_schedule(made, 0.5)
    draw = torch.Generator().manual_seed(1)
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=draw)
    timestep = made.timesteps[0]
    if name.startswith("FlowMatch"):
        sample = made.scale_noise(clean, timestep[None], noise)
    else:
        sample = made.add_noise(clean, noise, timestep[None])
    if name.startswith("FlowMatch") or config is FLOW:
        output = noise - clean
    elif config.get("prediction_type") == "v_prediction":
        product = made.alphas_cumprod[round(float(timestep))]
        if hasattr(made, "sigmas"):
            product = 1 / (made.sigmas[0] ** 2 + 1)
        output = product**0.5 * noise - (1 - product) ** 0.5 * clean
    else:
        output = noise
    following = made.step(output, timestep, sample)[0]

    estimate = clean_estimate(Step(made, timestep, sample, output, following, 1, 5))

    assert torch.allclose(estimate, clean, atol=0.02)


def test_preview_colours_are_fitted_for_any_number_of_latent_channels() -> None:
    mix = torch.randn(3, 12, generator=torch.Generator().manual_seed(2))

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        small = torch.nn.functional.avg_pool2d(pixels, 8)
        return torch.einsum("nchw,cd->ndhw", small, mix) + 0.3

    colours = fit_colour_map(encode, 8)
    assert colours is not None
    orange = torch.tensor([1.0, 0.0, -1.0])[None, :, None, None].expand(1, 3, 64, 64)

    image = to_image(encode(orange)[0], colours)

    assert image is not None and max(image.size) <= 256
    red, green, blue = np.asarray(image)[5, 5].astype(int)
    assert abs(red - 255) < 10 and abs(green - 128) < 10 and blue < 10


def test_a_vae_that_returns_nans_has_no_preview() -> None:
    assert fit_colour_map(lambda pixels: pixels[:, :1, ::8, ::8] * float("nan"), 8) is None


def test_packed_latents_are_unpacked_as_in_flux() -> None:
    from diffusers import FluxPipeline

    latents = torch.randn(2, 4, 6, 10)
    packed = FluxPipeline._pack_latents(latents, 2, 4, 6, 10)

    unpacked = unpack(packed, height=48, width=80, scale=8)

    assert unpacked is not None and torch.equal(unpacked, latents)
    assert unpack(packed, height=64, width=64, scale=8) is None
