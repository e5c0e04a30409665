"""How a pipeline can start from a picture: by a sibling class, by itself, or through its latents.

Read from call signatures, constructors and configurations; a class name is only ever a hint
that is then checked.
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
    """How to start from a picture.

    `variant`: `pipeline` is the class that takes it. `own`: the text-to-image class takes it.
    `latents`: the picture is turned into latents, noised and passed as `latents`.
    """

    how: Literal["variant", "own", "latents"]
    pipeline: type[Any]
    has_strength: bool


def call_parameters(pipeline: type[Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a pipeline class's call, by name."""
    if pipeline not in _calls:
        parameters = dict(inspect.signature(pipeline.__call__).parameters)
        parameters.pop("self", None)
        _calls[pipeline] = MappingProxyType(parameters)
    return _calls[pipeline]


# A job asks a dozen times, and reading a signature takes as long as a small layer.
_calls: dict[type[Any], Mapping[str, inspect.Parameter]] = {}


def needs_more_than_a_prompt(pipeline: type[Any]) -> bool:
    """Tell whether a pipeline class wants a control picture or the like with every call."""
    call = call_parameters(pipeline)
    if "controlnet" in inspect.signature(pipeline.__init__).parameters or "control_image" in call:
        return True
    return "image" in call and pipeline not in _text_to_image_classes()


def find_route(pipeline: Any) -> Route | None:
    """Return how a pipeline can start from a picture, None if it cannot.

    Args:
        pipeline: an instance; its networks may be on the meta device.
    """
    kind = type(pipeline)
    call = call_parameters(kind)
    if "image" in call:
        return Route("own", kind, "strength" in call)
    sibling = _sibling(kind)
    if sibling is None and _takes_latents(pipeline):
        return Route("latents", kind, True)
    sibling = sibling or _mapped(kind)
    if sibling is None:
        return None
    return Route("variant", sibling, "strength" in call_parameters(sibling))


def denoiser(pipeline: Any) -> Any:
    """Return the network that takes the steps, None where a pipeline has none of the usual."""
    for name in ("transformer", "unet", "prior", "decoder"):
        found = getattr(pipeline, name, None)
        if found is not None:
            return found
    return None


def works_on_pixels(pipeline: Any) -> bool:
    """Tell whether the pipeline has no VAE and takes its steps on RGB pixels."""
    network = denoiser(pipeline)
    if getattr(pipeline, "vae", None) is not None or network is None:
        return False
    return network.config.get("in_channels") == 3 and "latents" in call_parameters(type(pipeline))


def _sibling(kind: type[Any]) -> type[Any] | None:
    import diffusers

    name = kind.__name__.removesuffix("Pipeline") + "Img2ImgPipeline"
    found = getattr(diffusers, name, None)
    return found if _can_take_over(kind, found) else None


def _mapped(kind: type[Any]) -> type[Any] | None:
    # Imports every pipeline there is, which takes seconds: asked last.
    from diffusers.pipelines.auto_pipeline import (
        AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
        AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
    )

    for name, candidate in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.items():
        if candidate is kind:
            found = AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.get(name)
            return found if _can_take_over(kind, found) else None
    return None


def _can_take_over(kind: type[Any], found: Any) -> bool:
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
