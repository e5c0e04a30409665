"""Read generation settings from files of this and other programs.

The sd-parsers library reads A1111 and Forge, ComfyUI, InvokeAI, Fooocus and NovelAI; SwarmUI writes
JSON into the PNG text that A1111 uses.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats import a1111, png
from studio.formats.recipe_files import read_embedded
from studio.kinds.coding import request_from_fields
from studio.kinds.kind import Medium
from studio.kinds.registry import prompted_kind
from studio.library.recipes.metadata import read_recipe
from studio.protocol import Request, Sentence, sentence

_LORA = re.compile(r"<(?:lora|lyco):([^:>]+)[^>]*>")
_SWARM = "sui_image_params"
_MAX_FILE = 200_000_000

# Sampler name in A1111 (without "Karras") or ComfyUI → diffusers scheduler class.
_SCHEDULERS = {
    "euler": "EulerDiscreteScheduler",
    "euler a": "EulerAncestralDiscreteScheduler",
    "euler ancestral": "EulerAncestralDiscreteScheduler",
    "dpm++ 2m": "DPMSolverMultistepScheduler",
    "dpmpp 2m": "DPMSolverMultistepScheduler",
    "dpm++ sde": "DPMSolverSDEScheduler",
    "dpmpp sde": "DPMSolverSDEScheduler",
    "dpm2": "KDPM2DiscreteScheduler",
    "dpm2 a": "KDPM2AncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "lms": "LMSDiscreteScheduler",
    "ddim": "DDIMScheduler",
    "unipc": "UniPCMultistepScheduler",
    "uni pc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
    "pndm": "PNDMScheduler",
    "plms": "PNDMScheduler",
}


class FoundSettings(Struct, frozen=True):
    """Settings in a file: request, program, model name, and messages on what was not restored."""

    request: Request
    made_by: str
    model_name: str = ""
    lost: tuple[Sentence, ...] = ()


def read_settings(path: Path) -> FoundSettings | None:
    """Return the settings in a file, None if there are none that can be read.

    Tolerates any content. Raises `OSError` if the file cannot be read.
    """
    recipe = read_recipe(path)
    if recipe is not None:
        request = recipe.request.with_values(seed=recipe.seed)
        return FoundSettings(request, "Prompt Studio", recipe.model_name)
    with path.open("rb") as file:
        # The parsers load texts of any length into memory, several times.
        is_too_long = png.longest_text(file) > png.MAX_TEXT
    if is_too_long or path.stat().st_size > _MAX_FILE:
        return None
    return _read_swarm(path) or _read_with_sd_parsers(path)


def _read_swarm(path: Path) -> FoundSettings | None:
    text = read_embedded(path).texts.get(a1111.PARAMETERS, "")
    try:
        values = msgspec.json.decode(text)[_SWARM] if _SWARM in text else None
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(values, Mapping):
        return None
    fields = {
        "prompt": values.get("prompt", ""),
        "negative_prompt": values.get("negativeprompt", ""),
        "seed": values.get("seed"),
        "steps": values.get("steps"),
        "guidance_scale": values.get("cfgscale"),
        "width": values.get("width"),
        "height": values.get("height"),
    }
    model = str(values.get("model", ""))
    return _found_settings("SwarmUI", fields, model, values.get("sampler"), {})


def _read_with_sd_parsers(path: Path) -> FoundSettings | None:
    from PIL import Image
    from sd_parsers import ParserManager

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                size = image.size
                image_texts = dict(image.info)
                found = ParserManager().parse(image)
    except Exception:
        # The parsers can raise anything for malformed files.
        return None
    if found is None or not found.samplers:
        return None
    sampler = found.samplers[0]
    values = {str(k).lower(): v for k, v in {**found.metadata, **sampler.parameters}.items()}
    width, height = _size(values, size)
    fields = {
        "prompt": found.full_prompt,
        "negative_prompt": found.full_negative_prompt,
        "seed": values.get("seed"),
        "steps": values.get("steps"),
        "guidance_scale": values.get("cfg_scale", values.get("cfg")),
        "width": width,
        "height": height,
    }
    model = next((m.name for m in found.models if m.name), "") or _invoke_model(image_texts)
    return _found_settings(found.generator.value, fields, model, sampler.name, values)


def _invoke_model(texts: Mapping[Any, Any]) -> str:
    """Return the model in files of newer InvokeAI versions, which sd-parsers does not read."""
    try:
        return str(msgspec.json.decode(str(texts["invokeai_metadata"]))["model"]["name"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return ""


def _size(values: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int]:
    """Return the requested width and height, or `size` of the picture if not recorded."""
    match = re.fullmatch(r"(\d+)\s*x\s*(\d+)", str(values.get("size", "")))
    if match:
        return int(match[1]), int(match[2])
    return size


def _found_settings(
    made_by: str,
    fields: dict[str, Any],
    model: str,
    sampler: object,
    values: Mapping[str, Any],
) -> FoundSettings | None:
    prompt = str(fields["prompt"] or "")
    lost = [sentence("The LoRA {name} is not used.", name=name) for name in _LORA.findall(prompt)]
    fields["prompt"] = _LORA.sub("", prompt).strip().rstrip(",")
    if sampler:
        scheduler = _scheduler(str(sampler))
        if scheduler:
            fields["scheduler"] = scheduler
        else:
            lost.append(sentence("The sampler {name} is not supported.", name=sampler))
    if any(str(name).startswith("hires") for name in values):
        lost.append(sentence("The second pass (hires fix) is not repeated. Use the Upscale tab."))
    valid: dict[str, Any] = {
        "task": prompted_kind(Medium.PICTURE).task,
        "prompt": fields.pop("prompt"),
    }
    for name, value in fields.items():
        if value in (None, ""):
            continue
        try:
            request_from_fields({**valid, name: value})
        except msgspec.ValidationError:
            lost.append(
                sentence("The value {value} of {name} cannot be used here.", value=value, name=name)
            )
            continue
        valid[name] = value
    request = request_from_fields(valid)
    return FoundSettings(request, made_by, model, tuple(lost))


def _scheduler(sampler: str) -> str:
    name = sampler.lower().replace("_", " ").removesuffix(" karras").removesuffix(" exponential")
    return _SCHEDULERS.get(name.strip(), "")
