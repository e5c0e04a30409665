"""Derives the capabilities of an image pipeline from its call signature and components.

No weights are read: networks are created from their configuration on torch's meta device, which
takes no memory, so even the largest models take only a second.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

from studio.engine.tasks.image.model import schedulers
from studio.engine.tasks.image.model.img2img_support import call_parameters, denoiser, find_route
from studio.engine.tasks.image.model.inpaint_support import supports_inpainting
from studio.engine.tasks.image.model.layout import Component, Layout, ModelFacts
from studio.engine.tasks.image.model.model_layout import read_model
from studio.engine.tasks.image.model.preview import scale_of
from studio.protocol import Capabilities, ModelRef, problem

_FALLBACK_SIDE = 512

_MIN_SIDE, _MAX_SIDE = 64, 8192
"""Limits for any request, in pixels."""


def describe(model: ModelRef) -> Capabilities:
    """Return a model's capabilities and defaults without loading its weights.

    Raises `ProblemError` (`model_missing`, `model_broken`, `bad_input`) naming the file.
    """
    layout = read_model(model)
    return capabilities_of(skeleton(layout), layout.facts)


def skeleton(layout: Layout) -> Any:
    """Return the pipeline with its scheduler and with networks without weights.

    Text encoders, tokenizers and image processors are omitted: capabilities do not depend on
    them.
    """
    import diffusers
    from accelerate import init_empty_weights

    parts: dict[str, Any] = {}
    try:
        for component in layout.components:
            if issubclass(component.kind, diffusers.SchedulerMixin):
                parts[component.name] = component.kind.from_pretrained(component.folder)
            elif issubclass(component.kind, diffusers.ModelMixin):
                with init_empty_weights():
                    parts[component.name] = _from_config(component)
        return assemble(layout, parts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise problem(
            "model_broken",
            "The configuration in {folder} is incomplete or damaged. Copy or download the model"
            " again.",
            detail=f"{type(error).__name__}: {error}",
            folder=layout.root,
        ) from error


def assemble(layout: Layout, parts: dict[str, Any]) -> Any:
    """Return a pipeline made of these components; missing optional ones are None.

    Raises the errors of the pipeline's constructor.
    """
    config = layout.pipeline.load_config(layout.root)
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(layout.pipeline.__init__).parameters.items():
        if name in ("self", "args", "kwargs"):
            continue
        value = config.get(name)
        if name in parts:
            arguments[name] = parts[name]
        elif isinstance(value, list) or (name not in config and _is_required(parameter)):
            arguments[name] = None
        elif name in config:
            arguments[name] = value
    if arguments.get("safety_checker") is None and "requires_safety_checker" in arguments:
        arguments["requires_safety_checker"] = False
    return layout.pipeline(**arguments)


def capabilities_of(pipeline: Any, facts: ModelFacts) -> Capabilities:
    """Return the capabilities of a pipeline, whose networks need no weights.

    The author's `facts` take precedence over the pipeline's defaults.
    """
    call = call_parameters(type(pipeline))
    controls = ["prompt", "seed", "count"]
    if _supports_negative_prompt(pipeline):
        controls.append("negative_prompt")
    controls += [name for name in ("width", "height") if name in call]
    if "num_inference_steps" in call:
        controls.append("steps")
    guidance = guidance_parameter(pipeline)
    if guidance:
        controls.append("guidance_scale")
    compatible = schedulers.compatible(pipeline.scheduler)
    if len(compatible) > 1:
        controls.append("scheduler")
    route = find_route(pipeline)
    if route is not None and "image" not in facts.unused:
        controls.append("image")
        if route.has_strength:
            controls.append("strength")
        if supports_inpainting(pipeline):
            controls.append("mask")
    if hasattr(pipeline, "load_lora_weights"):
        controls.append("adapters")
    if facts.background == "white":
        controls.append("transparent")
    multiple = side_multiple(pipeline)
    width, height = _default_size(pipeline, multiple)
    own = type(pipeline.scheduler).__name__
    return Capabilities(
        controls=tuple(name for name in controls if name not in facts.unused),
        schedulers=compatible,
        scheduler=facts.scheduler if facts.scheduler in compatible else own,
        width=facts.width or width,
        height=facts.height or height,
        multiple=multiple,
        steps=facts.steps or _default_steps(pipeline),
        guidance_scale=_default_guidance(pipeline, facts, guidance),
        min_side=_round_up(_MIN_SIDE, multiple),
        max_side=_largest_side(pipeline, multiple),
        alike=facts.alike,
    )


def guidance_parameter(pipeline: Any) -> str:
    """Return the name of the call's guidance parameter, empty if guidance has no effect."""
    call = call_parameters(type(pipeline))
    true_scale = call.get("true_cfg_scale")
    if true_scale is not None and float(true_scale.default or 1.0) > 1.0:
        return "true_cfg_scale"
    scale = call.get("guidance_scale")
    if scale is None or scale.default is None:
        return ""
    network = denoiser(pipeline)
    embeds = network.config.get("guidance_embeds") if network is not None else None
    # Distilled models with neither a guidance input nor a second, unconditional pass.
    if embeds is False and not hasattr(type(pipeline), "do_classifier_free_guidance"):
        return ""
    return "guidance_scale"


def side_multiple(pipeline: Any) -> int:
    """Return the number of pixels of which both sides must be a multiple."""
    scale = scale_of(pipeline)
    network = denoiser(pipeline)
    patch = network.config.get("patch_size", 1) if network is not None else 1
    if isinstance(patch, (list, tuple)):
        patch = max(patch, default=1)
    processor = getattr(pipeline, "image_processor", None)
    step = int(processor.config.get("vae_scale_factor", 1)) if processor is not None else 1
    return math.lcm(scale * int(patch or 1), max(1, step))


def _from_config(component: Component) -> Any:
    return component.kind.from_config(component.kind.load_config(component.folder))


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _supports_negative_prompt(pipeline: Any) -> bool:
    call = call_parameters(type(pipeline))
    if "negative_prompt" not in call or not guidance_parameter(pipeline):
        return False
    if "true_cfg_scale" in call and guidance_parameter(pipeline) != "true_cfg_scale":
        return False
    network = denoiser(pipeline)
    # Distilled U-Nets (LCM) take guidance as an input and have no second pass.
    return network is None or network.config.get("time_cond_proj_dim") is None


def _default_size(pipeline: Any, multiple: int) -> tuple[int, int]:
    scale = scale_of(pipeline)
    size = getattr(pipeline, "default_sample_size", None)
    if size is None:
        size = pipeline.config.get("default_sample_size")
    network = denoiser(pipeline)
    if size is None and network is not None:
        size = network.config.get("sample_size")
    if size is None:
        given = [call_parameters(type(pipeline)).get(name) for name in ("width", "height")]
        sides = [parameter.default if parameter else None for parameter in given]
        pair = [side if isinstance(side, int) else _FALLBACK_SIDE for side in sides]
    elif isinstance(size, (list, tuple)):
        pair = [int(size[-1]) * scale, int(size[0]) * scale]
    else:
        pair = [int(size) * scale] * 2
    width, height = (max(_MIN_SIDE, _round_up(side, multiple)) for side in pair)
    return width, height


def _default_steps(pipeline: Any) -> int:
    parameter = call_parameters(type(pipeline)).get("num_inference_steps")
    return int(parameter.default) if parameter and isinstance(parameter.default, int) else 20


def _default_guidance(pipeline: Any, facts: ModelFacts, name: str) -> float | None:
    if not name:
        return None
    if facts.guidance_scale is not None:
        return facts.guidance_scale
    default = call_parameters(type(pipeline))[name].default
    return float(default) if isinstance(default, (int, float)) else None


def _largest_side(pipeline: Any, multiple: int) -> int:
    network = denoiser(pipeline)
    largest = network.config.get("pos_embed_max_size") if network is not None else None
    if largest:
        return min(_MAX_SIDE, int(largest) * multiple)
    return _MAX_SIDE - _MAX_SIDE % multiple


def _round_up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
