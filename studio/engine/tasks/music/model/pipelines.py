"""Reads audio pipelines, and derives what they accept from call signatures and components.

No weights are read for a description, as for pictures.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.engine.tasks.image.model.describe import guidance_parameter, skeleton
from studio.engine.tasks.image.model.img2img_support import call_parameters, denoiser
from studio.engine.tasks.image.model.layout import (
    Layout,
    ModelFacts,
    installed_pipeline,
    read_folder_model,
)
from studio.engine.tasks.image.model.load import PipelineForm
from studio.kinds.music import MAX_SECONDS
from studio.protocol import Capabilities, ModelRef, problem

_LENGTHS = (
    "audio_end_in_s",
    "audio_duration",
    "audio_duration_s",
    "audio_length_in_s",
    "duration",
)
"""Names of the length in seconds in the calls of pipelines."""
_LANGUAGE = "vocal_language"
_KNOWN = frozenset({"prompt", "negative_prompt"})
"""Inputs without a default that a request can give."""
_OTHER_INPUTS = frozenset({"audio", "mask"})
"""Inputs of pipelines that change a sound."""
_FALLBACK_SECONDS = 10.0
_FALLBACK_RATE = 44_100
_FALLBACK_STEPS = 100


def read_music_model(ref: ModelRef, _companions: Sequence[ModelRef] = ()) -> Layout:
    """Read the layout of an audio model. Raises `ProblemError`, naming the file."""
    return read_folder_model(ref, _music_class)


def describe(model: ModelRef) -> Capabilities:
    """Return a model's capabilities and defaults without loading its weights.

    Raises `ProblemError` (`model_missing`, `model_broken`, `bad_input`) naming the file.
    """
    layout = read_music_model(model)
    return capabilities_of(skeleton(layout), layout.facts)


def _music_class(index: Mapping[str, Any], root: Path) -> type[Any]:
    found = installed_pipeline(index, root)
    call = call_parameters(found)
    others = {
        name
        for name, parameter in call.items()
        if parameter.default is inspect.Parameter.empty and name not in _KNOWN
    }
    if "prompt" not in call or not length_name(found) or others or _OTHER_INPUTS & set(call):
        raise problem(
            "bad_input",
            "{folder} is a {name}, which does not generate music from a prompt alone. Choose"
            " another model.",
            folder=root,
            name=found.__name__,
        )
    return found


def length_name(pipeline: type[Any]) -> str:
    """Return the name of the length in a pipeline's call, "" if it has none."""
    call = call_parameters(pipeline)
    return next((name for name in _LENGTHS if name in call), "")


def capabilities_of(pipeline: Any, facts: ModelFacts) -> Capabilities:
    """Return the capabilities of an audio pipeline, whose networks need no weights."""
    call = call_parameters(type(pipeline))
    controls = ["prompt", "seed", "count", "seconds"]
    if "num_inference_steps" in call:
        controls.append("steps")
    guidance = guidance_name(pipeline)
    if guidance:
        controls.append("guidance_scale")
        if "negative_prompt" in call:
            controls.append("negative_prompt")
    if "lyrics" in call:
        controls.append("lyrics")
        if _LANGUAGE in call:
            controls.append("language")
    usual = call[guidance].default if guidance else None
    return Capabilities(
        controls=tuple(name for name in controls if name not in facts.unused),
        scheduler=type(pipeline.scheduler).__name__,
        steps=facts.steps or _default_steps(pipeline),
        guidance_scale=facts.guidance_scale
        or (float(usual) if isinstance(usual, (int, float)) else None),
        seconds=_default_seconds(pipeline),
        most_seconds=most_seconds(pipeline),
    )


def guidance_name(pipeline: Any) -> str:
    """Return the name of the guidance of a pipeline's call, "" if it has no effect."""
    # Distilled weights: the pipeline sets any guidance back to 1.
    return "" if getattr(pipeline, "is_turbo", False) else guidance_parameter(pipeline)


def _default_steps(pipeline: Any) -> int:
    parameter = call_parameters(type(pipeline)).get("num_inference_steps")
    value = parameter.default if parameter is not None else None
    if isinstance(value, int) and value > 0:
        return value
    # What Stable Audio 3 takes itself, for distilled weights and for others.
    return 8 if pipeline.scheduler.config.get("stochastic_sampling") else _FALLBACK_STEPS


def _default_seconds(pipeline: Any) -> float:
    value = call_parameters(type(pipeline))[length_name(type(pipeline))].default
    usual = float(value) if isinstance(value, (int, float)) and value > 0 else 0.0
    most = most_seconds(pipeline)
    return min(usual or most or _FALLBACK_SECONDS, most or MAX_SECONDS)


def most_seconds(pipeline: Any) -> float:
    """Return the longest sound that a pipeline makes, 0 if it does not tell."""
    embedder = getattr(pipeline, "duration_embedder", None)
    if embedder is not None:
        return min(MAX_SECONDS, float(embedder.config.get("max_val") or 0.0))
    network, step = denoiser(pipeline), getattr(_vae(pipeline), "hop_length", None)
    size = network.config.get("sample_size") if network is not None else None
    if not isinstance(size, int) or not isinstance(step, int):
        return 0.0
    return min(MAX_SECONDS, size * step / sampling_rate(pipeline))


def sampling_rate(pipeline: Any) -> int:
    """Return the samples a second of what a pipeline makes."""
    for part in (getattr(pipeline, "vocoder", None), _vae(pipeline)):
        rate = getattr(getattr(part, "config", None), "sampling_rate", None)
        if isinstance(rate, int) and rate > 0:
            return rate
    rate = getattr(pipeline, "sample_rate", None)
    return rate if isinstance(rate, int) and rate > 0 else _FALLBACK_RATE


def _vae(pipeline: Any) -> Any:
    return getattr(pipeline, "vae", None)


MUSIC = PipelineForm("music", read_music_model, capabilities_of)
