"""Finds out how a pipeline can start from a picture: variant class, own parameter, or latents.

Derived from call signatures, constructors and configurations; class names are only hints that
are then checked.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from studio.engine.tasks.image.model.schedulers import is_dynamic


@dataclass(frozen=True)
class Route:
    """A way to start from a picture.

    `variant`: another class, `pipeline`, takes it. `own`: the text-to-image class takes it.
    `latents`: the picture is encoded, noised and passed as `latents`.
    """

    how: Literal["variant", "own", "latents"]
    pipeline: type[Any]
    has_strength: bool


def call_parameters(pipeline: type[Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a pipeline class's call, by name."""
    if pipeline not in _call_parameters:
        parameters = dict(inspect.signature(pipeline.__call__).parameters)
        parameters.pop("self", None)
        _call_parameters[pipeline] = MappingProxyType(parameters)
    return _call_parameters[pipeline]


# Needed a dozen times per job, and reading a signature takes as long as a small layer.
_call_parameters: dict[type[Any], Mapping[str, inspect.Parameter]] = {}


def needs_more_than_a_prompt(pipeline: type[Any]) -> bool:
    """Return whether a pipeline class requires further inputs, such as a control picture."""
    call = call_parameters(pipeline)
    if "controlnet" in inspect.signature(pipeline.__init__).parameters or "control_image" in call:
        return True
    return "image" in call and pipeline not in _text_to_image_classes()


def find_route(pipeline: Any) -> Route | None:
    """Return how a pipeline can start from a picture, None if it cannot.

    Args:
        pipeline: an instance, whose networks may be on the meta device.
    """
    kind = type(pipeline)
    call = call_parameters(kind)
    if "image" in call:
        return Route("own", kind, "strength" in call)
    sibling = _sibling_class(kind)
    if sibling is None and _takes_latents(pipeline):
        return Route("latents", kind, True)
    sibling = sibling or _class_from_auto_pipeline(kind)
    if sibling is None:
        return None
    return Route("variant", sibling, "strength" in call_parameters(sibling))


def denoiser(pipeline: Any) -> Any:
    """Return the denoising network of a pipeline, None if it has none of the usual names."""
    for name in ("transformer", "unet", "prior", "decoder"):
        found = getattr(pipeline, name, None)
        if found is not None:
            return found
    return None


def works_on_pixels(pipeline: Any) -> bool:
    """Return whether the pipeline has no VAE and denoises RGB pixels."""
    network = denoiser(pipeline)
    if getattr(pipeline, "vae", None) is not None or network is None:
        return False
    return network.config.get("in_channels") == 3 and "latents" in call_parameters(type(pipeline))


def _sibling_class(kind: type[Any]) -> type[Any] | None:
    import diffusers

    name = kind.__name__.removesuffix("Pipeline") + "Img2ImgPipeline"
    found = getattr(diffusers, name, None)
    return found if _accepts_components_of(kind, found) else None


def _class_from_auto_pipeline(kind: type[Any]) -> type[Any] | None:
    # Tried last, since it imports all pipelines, which takes seconds.
    from diffusers.pipelines.auto_pipeline import (
        AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
        AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
    )

    for name, candidate in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.items():
        if candidate is kind:
            found = AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.get(name)
            return found if _accepts_components_of(kind, found) else None
    return None


def _accepts_components_of(kind: type[Any], found: Any) -> bool:
    if not inspect.isclass(found):
        return False
    call = call_parameters(found)
    wanted = {
        name
        for name, parameter in inspect.signature(found.__init__).parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in ("self", "args", "kwargs")
    }
    return (
        "image" in call
        and "prompt" in call
        and "mask_image" not in call
        and wanted <= set(inspect.signature(kind.__init__).parameters)
    )


def _takes_latents(pipeline: Any) -> bool:
    if "latents" not in call_parameters(type(pipeline)) or is_dynamic(pipeline.scheduler):
        return False
    if works_on_pixels(pipeline):
        return True
    vae, network = getattr(pipeline, "vae", None), denoiser(pipeline)
    return (
        vae is not None
        and network is not None
        and type(vae).__name__ in ("AutoencoderKL", "AutoencoderDC")
        and network.config.get("in_channels") == vae.config.get("latent_channels")
    )


def _text_to_image_classes() -> set[type[Any]]:
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    return set(AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
