"""Tiny audio pipelines with seeded random weights: one of each kind of class.

Nothing is fetched. What they make is noise: it is never played to anybody.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.engine.tiny_pipelines import t5_text, t5_tokenizer

RATE = 8000
"""Samples a second of all families."""


@functools.cache
def folder_of(family: str) -> Path:
    """Return the diffusers folder of a tiny pipeline, built once in a session."""
    folder = Path(_home().name) / family
    build(family).save_pretrained(folder)
    return folder


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tiny-music-")


def build(family: str) -> Any:
    """Return the tiny pipeline of a family."""
    torch.manual_seed(7)
    pipeline = _BUILDERS[family]()
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return pipeline


def _oobleck(latent_channels: int) -> Any:
    """20 latents a second."""
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=6,
        downsampling_ratios=[4, 10, 10],
        channel_multiples=[1, 2, 2],
        decoder_channels=4,
        decoder_input_channels=latent_channels,
        audio_channels=2,
        sampling_rate=RATE,
    )


def _stable_audio_with(scheduler: Any) -> Any:
    from diffusers import StableAudioDiTModel, StableAudioPipeline
    from diffusers.pipelines.stable_audio import StableAudioProjectionModel

    transformer = StableAudioDiTModel(
        sample_size=80,
        in_channels=4,
        num_layers=2,
        attention_head_dim=4,
        num_attention_heads=2,
        num_key_value_attention_heads=2,
        out_channels=4,
        cross_attention_dim=4,
        time_proj_dim=8,
        global_states_input_dim=8,
        cross_attention_input_dim=4,
    )
    return StableAudioPipeline(
        vae=_oobleck(4),
        text_encoder=t5_text(),
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=32, conditioning_dim=4, min_value=0, max_value=32
        ),
        tokenizer=t5_tokenizer(),
        transformer=transformer,
        scheduler=scheduler,
    )


def _stable_audio() -> Any:
    """As Stable Audio Open, whose scheduler takes its noise from a Brownian tree: four seconds."""
    from diffusers import CosineDPMSolverMultistepScheduler

    return _stable_audio_with(CosineDPMSolverMultistepScheduler())


def _stable_audio_edm() -> Any:
    from diffusers import EDMDPMSolverMultistepScheduler

    return _stable_audio_with(
        EDMDPMSolverMultistepScheduler(
            solver_order=2,
            prediction_type="v_prediction",
            sigma_data=1.0,
            sigma_schedule="exponential",
        )
    )


def _ace_with(**changes: Any) -> Any:
    from diffusers import (
        AceStepPipeline,
        AceStepTransformer1DModel,
        FlowMatchEulerDiscreteScheduler,
    )
    from diffusers.pipelines.ace_step import AceStepConditionEncoder

    shared: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    return AceStepPipeline(
        vae=_oobleck(4),
        text_encoder=t5_text(),
        tokenizer=t5_tokenizer(),
        transformer=AceStepTransformer1DModel(
            **shared,
            num_hidden_layers=2,
            in_channels=12,
            audio_acoustic_hidden_dim=4,
            **changes,
        ),
        condition_encoder=AceStepConditionEncoder(
            **shared,
            text_hidden_dim=32,
            timbre_hidden_dim=4,
            num_lyric_encoder_hidden_layers=1,
            num_timbre_encoder_hidden_layers=1,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )


def _ace() -> Any:
    """As ACE-Step 1.5: it sings."""
    return _ace_with()


def _ace_turbo() -> Any:
    """As the distilled ACE-Step 1.5: guidance has no effect."""
    return _ace_with(is_turbo=True)


_BUILDERS: dict[str, Callable[[], Any]] = {
    "stable_audio": _stable_audio,
    "stable_audio_edm": _stable_audio_edm,
    "ace": _ace,
    "ace_turbo": _ace_turbo,
}

FAMILIES = tuple(_BUILDERS)
