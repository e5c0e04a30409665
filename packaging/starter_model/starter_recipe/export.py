"""From training states to the folder that ships: plain diffusers, plain transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PRXPixelPipeline
from transformers import PreTrainedTokenizerFast

from . import captions, denoiser, encoder, icons, lookup, patches, reader, tokens


def read_things(data: Path) -> list[icons.Thing]:
    """The things that can be drawn, in the order of their ids."""
    rows = json.loads((data / "things.json").read_text("utf-8"))
    return [icons.Thing(**row) for row in rows]


def averaged(module: torch.nn.Module, state: dict[str, Any]) -> None:
    """Load the moving average of a training state into a module."""
    module.load_state_dict(state["average"]["shadow"], strict=False)


def build_pipeline(data: Path) -> PRXPixelPipeline:
    """Put reader, picture table and denoiser together, in float32."""
    things = read_things(data)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(data / "text" / "tokenizer")
    names = reader.Reader(len(tokenizer), len(things))
    averaged(names, torch.load(data / "text" / "state.pt", map_location="cpu", weights_only=True))
    factors = lookup.Lookup.load(data / "lookup.pt")
    prefix = [tokenizer.convert_tokens_to_ids(name) for name in tokens.PREFIX_TOKENS]
    unknown = [thing.label_en for thing in things].index(captions.UNKNOWN)
    text_encoder = encoder.pack(names, factors, prefix, unknown)
    transformer = denoiser.new_denoiser(patches.PatchBasis.load(data / "basis.pt"), factors.scale)
    trained = data / "denoiser" / "state.pt"
    if trained.exists():
        averaged(transformer, torch.load(trained, map_location="cpu", weights_only=True))
    return PRXPixelPipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        default_sample_size=icons.SIZE,
        prompt_max_tokens=tokens.MAX_TOKENS,
        noise_scale=1.0,
    )


def load_pipeline(folder: Path) -> PRXPixelPipeline:
    """Load an exported folder in float32, with plain diffusers."""
    pipeline = PRXPixelPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(
    pipeline: PRXPixelPipeline, prompts: list[str], seeds: list[int], steps: int
) -> torch.Tensor:
    """Prompts and seeds (B) → pictures (B, 3, 128, 128) in [-1, 1], guidance 1."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    found: torch.Tensor = pipeline(
        prompts,
        num_inference_steps=steps,
        guidance_scale=1.0,
        generator=generators,
        use_resolution_binning=False,
        output_type="pt",
    ).images
    return found.clamp(-1, 1)


def phrases(data: Path) -> captions.Phrases:
    """Which phrase names which thing."""
    return captions.Phrases(read_things(data))
