"""Checkpoint families are identified as in diffusers, with pipelines that it has."""

from __future__ import annotations

import diffusers
import pytest
from diffusers.loaders.single_file_utils import (
    DIFFUSERS_DEFAULT_PIPELINE_PATHS,
    infer_diffusers_model_type,
)

from studio.formats.weights.checkpoint import FAMILIES, Family, family_of
from studio.formats.weights.tensors import TensorInfo, Tensors

# diffusers checks more than one name: sides of tensors, or several names at once.
ALSO: dict[str, dict[str, tuple[int, ...]]] = {
    "stabilityai/stable-diffusion-xl-base-1.0": {
        "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias": (1280,)
    },
    "stabilityai/stable-diffusion-xl-refiner-1.0": {
        "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias": (1280,)
    },
    "stabilityai/stable-diffusion-3-medium-diffusers": {"pos_embed": (1, 36864, 1536)},
    "black-forest-labs/FLUX.1-dev": {"img_in.weight": (3072, 64)},
    "fal/AuraFlow-v0.3": {
        "double_layers.0.attn.w2q.weight": (4,),
        "cond_seq_linear.weight": (4,),
        "t_embedder.mlp.0.weight": (4,),
    },
    "stabilityai/stable-diffusion-2-1": {
        "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024)
    },
}


def tensors_of(family: Family) -> Tensors:
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(family.names, (4, 4))
    if family.pipeline == "StableDiffusion3Pipeline":
        side = 14592 if "large" in family.source else 9216
        shapes["joint_blocks.0.context_block.adaLN_modulation.1.bias"] = (side,)
    if family.side is not None:
        name, axis, length = family.side
        shapes[name] = tuple(length if place == axis else 4 for place in range(axis + 1))
    shapes |= ALSO.get(family.source, {})
    return {name: TensorInfo(shape, "f16", 0) for name, shape in shapes.items()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.source)
def test_families_are_identified_as_in_diffusers(family: Family) -> None:
    tensors = tensors_of(family)
    assert family_of(tensors) == family
    theirs = DIFFUSERS_DEFAULT_PIPELINE_PATHS[infer_diffusers_model_type(tensors)]
    assert theirs["pretrained_model_name_or_path"] == family.source


@pytest.mark.parametrize("pipeline", sorted({family.pipeline for family in FAMILIES}))
def test_every_family_has_a_pipeline_in_diffusers(pipeline: str) -> None:
    assert hasattr(diffusers, pipeline)
