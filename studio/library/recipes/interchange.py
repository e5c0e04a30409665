"""What other programs read: A1111's text, and the IPTC source type in XMP.

The A1111 format is that of `create_infotext` in AUTOMATIC1111/stable-diffusion-webui. IPTC's
terms: https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from studio.formats import xmp
from studio.protocol import ImageRequest, Recipe, Request, UpscaleRequest

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = f"{_TERMS}trainedAlgorithmicMedia"
"""Created by a trained model from nothing but a prompt."""
ENHANCED = f"{_TERMS}compositeWithTrainedAlgorithmicMedia"
"""Existing media that a trained model changed. An upscaler invents detail, so this is it."""

# Names that A1111-family tools use for diffusers' classes, sampler and schedule type.
_SAMPLERS = {
    "DDIMScheduler": "DDIM",
    "DDPMScheduler": "DDPM",
    "DEISMultistepScheduler": "DEIS",
    "DPMSolverMultistepScheduler": "DPM++ 2M",
    "DPMSolverSDEScheduler": "DPM++ SDE",
    "DPMSolverSinglestepScheduler": "DPM++ 2S a",
    "EulerAncestralDiscreteScheduler": "Euler a",
    "EulerDiscreteScheduler": "Euler",
    "FlowMatchEulerDiscreteScheduler": "Euler",
    "HeunDiscreteScheduler": "Heun",
    "KDPM2AncestralDiscreteScheduler": "DPM2 a",
    "KDPM2DiscreteScheduler": "DPM2",
    "LCMScheduler": "LCM",
    "LMSDiscreteScheduler": "LMS",
    "PNDMScheduler": "PLMS",
    "UniPCMultistepScheduler": "UniPC",
}


def _quoted(value: object) -> str:
    text = str(value)
    if any(mark in text for mark in ",\n:"):
        return json.dumps(text, ensure_ascii=False)
    return text


def _number(value: float) -> str:
    return f"{value:g}"


def a1111_text(recipe: Recipe, width: int, height: int) -> str:
    """Return the `parameters` text of a generated picture of `width` × `height` pixels."""
    request = recipe.request
    fields: dict[str, object] = {}
    negative = ""
    if isinstance(request, ImageRequest):
        negative = request.negative_prompt
        if request.steps is not None:
            fields["Steps"] = request.steps
        if request.scheduler:
            fields["Sampler"] = _SAMPLERS.get(request.scheduler, request.scheduler)
        if request.guidance_scale is not None:
            fields["CFG scale"] = _number(request.guidance_scale)
    fields["Seed"] = recipe.seed
    fields["Size"] = f"{width}x{height}"
    if recipe.model_sha256:
        fields["Model hash"] = recipe.model_sha256[:10]
    if recipe.model_name or recipe.model_id:
        fields["Model"] = recipe.model_name or recipe.model_id
    if isinstance(request, ImageRequest) and request.image is not None:
        fields["Denoising strength"] = _number(request.strength)
    if recipe.app:
        fields["Version"] = recipe.app
    lines = [_prompt(request)]
    if negative:
        lines.append(f"Negative prompt: {negative}")
    lines.append(", ".join(f"{key}: {_quoted(value)}" for key, value in fields.items()))
    return "\n".join(lines)


def _prompt(request: Request) -> str:
    return "" if isinstance(request, UpscaleRequest) else request.prompt


def postprocessing_text(recipe: Recipe) -> str:
    """Return the text that A1111's "Extras" writes for an enlarged picture."""
    scale = recipe.request.scale if isinstance(recipe.request, UpscaleRequest) else 1
    model = recipe.model_name or recipe.model_id
    return f"Postprocess upscale by: {scale}, Postprocess upscaler: {_quoted(model)}"


def source_type(request: Request, *, input_is_generated: bool) -> str:
    """Return the IPTC term for a result.

    What a model made stays so when it is enlarged or varied; a photograph becomes a composite.
    """
    from_picture = isinstance(request, UpscaleRequest) or (
        isinstance(request, ImageRequest) and request.image is not None
    )
    return ENHANCED if from_picture and not input_is_generated else GENERATED


def says_generated(texts: Mapping[str, str]) -> bool:
    """Tell whether a picture's texts (XMP, `parameters`) say that a model made it."""
    return GENERATED in texts.get(xmp.KEYWORD, "") or "Steps: " in texts.get("parameters", "")


def with_source(packet: str, term: str) -> str:
    """Return the XMP packet with the source type in it; the rest of an old packet is kept."""
    if _TERMS in packet:
        return re.sub(re.escape(_TERMS) + r"\w+", term, packet)
    return xmp.with_value(packet, xmp.SOURCE, xmp.SOURCE_NAMESPACE, term)
