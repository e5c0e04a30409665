"""Generation settings in the texts of other programs, before they are made into a request.

The sd-parsers library reads ComfyUI, Fooocus, InvokeAI and NovelAI. A1111's text (also of Forge)
is read by `formats/pictures/a1111.py`, which writes it too, and SwarmUI's is plain JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from studio.formats.pictures import a1111
from studio.formats.recipes.foreign_texts import (
    COMFY_GRAPH,
    COMFY_WORKFLOW,
    INVOKE_METADATA,
    INVOKE_OLD,
    INVOKE_OLDEST,
    NOVEL_COMMENT,
    NOVEL_DESCRIPTION,
    NOVEL_SOURCE,
)

_SWARM = "sui_image_params"
_MAX_VALUES = 200_000
"""Values in a JSON text; the largest workflows have some 10,000."""
_MAX_GRAPH_WORK = 200_000
"""Samplers × links of a graph, which is searched for each sampler."""
_MAX_OLD_INVOKE = 300_000
"""Characters of a text in the older formats, whose prompts are searched for brackets."""
_MAX_HOPS = 20
_FALSE = ("", "false", "0", "none")
_SIZE = re.compile(r"\(?\s{0,9}(\d{1,9})\s{0,9}[x×,]\s{0,9}(\d{1,9})\s{0,9}\)?")


class ForeignSettings(Struct, frozen=True):
    """Settings as another program stored them, of any type; None where there are none.

    `schedule` is the noise schedule. `passes` counts the calls of a sampler that made the
    picture; `has_second_pass` means that the picture was enlarged and drawn over.
    """

    made_by: str
    prompt: object = None
    negative_prompt: object = None
    seed: object = None
    steps: object = None
    guidance_scale: object = None
    width: object = None
    height: object = None
    sampler: object = None
    schedule: object = None
    model: object = None
    styles: object = None
    passes: int = 1
    has_second_pass: bool = False


def foreign_settings(texts: Mapping[str, str]) -> ForeignSettings | None:
    """Return the settings in a picture's texts (`foreign_texts`), None if there are none.

    Tolerates any content.
    """
    readers: tuple[Callable[[Mapping[str, str]], ForeignSettings | None], ...] = (
        _from_swarm,
        _from_a1111,
        _from_fooocus,
        _from_comfy,
        _from_invoke,
        _from_novel,
    )
    for read in readers:
        try:
            found = read(texts)
        except Exception:
            # Parsers can raise anything for malformed texts.
            continue
        if found is not None:
            return found
    return None


def hidden_texts(text: str) -> dict[str, str]:
    """Return the texts by keyword in a hidden text (`stealth_png`): A1111's, or NovelAI's JSON."""
    try:
        texts = _json(text)
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, dict):
        return {a1111.PARAMETERS: text}
    return {name: value for name, value in texts.items() if isinstance(value, str)}


def _json(text: str) -> Any:
    if sum(text.count(sign) for sign in ",[{") > _MAX_VALUES:
        raise ValueError("too many values")
    return json.loads(text)


# ---- programs with one set of settings


def _from_swarm(texts: Mapping[str, str]) -> ForeignSettings | None:
    text = texts.get(a1111.PARAMETERS, "")
    values = _json(text)[_SWARM] if _SWARM in text else None
    if not isinstance(values, Mapping):
        return None
    return ForeignSettings(
        "SwarmUI",
        prompt=values.get("prompt"),
        negative_prompt=values.get("negativeprompt"),
        seed=values.get("seed"),
        steps=values.get("steps"),
        guidance_scale=values.get("cfgscale"),
        width=values.get("width"),
        height=values.get("height"),
        sampler=values.get("sampler"),
        schedule=values.get("scheduler"),
        model=values.get("model"),
    )


def _from_a1111(texts: Mapping[str, str]) -> ForeignSettings | None:
    found = a1111.read_parameters(texts.get(a1111.PARAMETERS, ""))
    if found is None:
        return None
    fields = found.fields
    width, height = _size(fields.get("Size"))
    return ForeignSettings(
        "AUTOMATIC1111",
        prompt=found.prompt,
        negative_prompt=found.negative_prompt,
        seed=fields.get("Seed"),
        steps=fields.get("Steps"),
        guidance_scale=fields.get("Distilled CFG Scale") or fields.get("CFG scale"),
        width=width,
        height=height,
        sampler=fields.get("Sampler"),
        schedule=fields.get("Schedule type"),
        model=fields.get("Model") or fields.get("Model hash"),
        has_second_pass=_has_hires_fix(fields),
    )


def _from_fooocus(texts: Mapping[str, str]) -> ForeignSettings | None:
    from sd_parsers.parsers import FooocusParser

    text = texts.get(a1111.PARAMETERS, "")
    values = _json(text) if text.lstrip().startswith("{") else None
    if not isinstance(values, dict):
        return None
    # The parser needs these, which older versions do not write.
    missing = {"base_model": "", "base_model_hash": "", "negative_prompt": ""}
    found = FooocusParser().parse({a1111.PARAMETERS: json.dumps(missing | values)})
    sampler = found.samplers[0]
    width, height = _size(found.metadata.get("resolution"))
    return ForeignSettings(
        "Fooocus",
        prompt=_texts_of(sampler.prompts),
        negative_prompt=_texts_of(sampler.negative_prompts),
        seed=sampler.parameters.get("seed"),
        steps=sampler.parameters.get("steps"),
        guidance_scale=sampler.parameters.get("cfg_scale"),
        width=width,
        height=height,
        sampler=sampler.name,
        schedule=sampler.parameters.get("scheduler"),
        model=sampler.model.name if sampler.model else None,
        styles=found.metadata.get("styles"),
    )


def _from_invoke(texts: Mapping[str, str]) -> ForeignSettings | None:
    from sd_parsers.parsers import InvokeAIParser

    if any(len(texts.get(name, "")) > _MAX_OLD_INVOKE for name in (INVOKE_OLD, INVOKE_OLDEST)):
        return None
    # The parser takes quadratic time for runs of blanks.
    oldest = {name: " ".join(text.split()) for name, text in texts.items() if name == INVOKE_OLDEST}
    metadata = _json(texts[INVOKE_METADATA]) if INVOKE_METADATA in texts else {}
    found = InvokeAIParser().parse({**texts, **oldest})
    sampler = found.samplers[0]
    model = sampler.model.name if sampler.model else _invoke_model(metadata)
    return ForeignSettings(
        "InvokeAI",
        prompt=_texts_of(sampler.prompts),
        negative_prompt=_texts_of(sampler.negative_prompts),
        seed=sampler.parameters.get("seed"),
        steps=sampler.parameters.get("steps"),
        guidance_scale=sampler.parameters.get("cfg_scale"),
        width=found.metadata.get("width"),
        height=found.metadata.get("height"),
        sampler=sampler.name,
        model=model,
        has_second_pass=_has_hires_fix(found.metadata),
    )


def _invoke_model(metadata: Mapping[str, Any]) -> object:
    """Return the model's name in newer versions, which sd-parsers does not read."""
    model = metadata.get("model")
    return model.get("name") if isinstance(model, Mapping) else None


def _from_novel(texts: Mapping[str, str]) -> ForeignSettings | None:
    from sd_parsers.parsers import NovelAIParser

    if NOVEL_COMMENT not in texts:
        return None
    comment = _json(texts[NOVEL_COMMENT])
    found = NovelAIParser().parse({NOVEL_DESCRIPTION: "", NOVEL_SOURCE: "", **texts})
    sampler = found.samplers[0]
    return ForeignSettings(
        "NovelAI",
        prompt=_texts_of(sampler.prompts) or comment.get("prompt"),
        negative_prompt=_texts_of(sampler.negative_prompts),
        seed=sampler.parameters.get("seed"),
        steps=found.metadata.get("steps"),
        guidance_scale=sampler.parameters.get("cfg_scale"),
        width=found.metadata.get("width"),
        height=found.metadata.get("height"),
        sampler=sampler.name,
        schedule=found.metadata.get("noise_schedule"),
        model=sampler.model.name if sampler.model else texts.get(NOVEL_SOURCE),
    )


# ---- ComfyUI


def _from_comfy(texts: Mapping[str, str]) -> ForeignSettings | None:
    if COMFY_GRAPH not in texts:
        return None
    graph = _json(texts[COMFY_GRAPH])
    nodes = {str(name): node for name, node in graph.items() if isinstance(node, dict)}
    found = _comfy_parsed(nodes, texts.get(COMFY_WORKFLOW, ""))
    if found is None or not found.samplers:
        return None
    # The pass that draws from noise is the one to repeat; in a composition, that of the ground.
    sizes = {one.sampler_id: _latent_size(nodes, one.sampler_id) for one in found.samplers}
    first = [s for s in found.samplers if _is_from_noise(s.parameters)] or found.samplers
    sampler = max(first, key=lambda one: sizes[one.sampler_id][0] * sizes[one.sampler_id][1])
    width, height = sizes[sampler.sampler_id]
    inputs = {name: _linked(nodes, sampler.sampler_id, name) for name in _NUMBERS}
    return ForeignSettings(
        "ComfyUI",
        prompt=_texts_of(found.prompts),
        negative_prompt=_texts_of(found.negative_prompts),
        seed=inputs["seed"] if inputs["seed"] is not None else inputs["noise_seed"],
        steps=inputs["steps"],
        guidance_scale=inputs["cfg"],
        width=width or None,
        height=height or None,
        sampler=sampler.name,
        schedule=sampler.parameters.get("scheduler"),
        model=sampler.model.name if sampler.model else None,
        passes=len(found.samplers),
    )


def _comfy_parsed(nodes: Mapping[str, Any], workflow: str) -> Any:
    """Return what sd-parsers finds in a graph, None if it is too large to be searched."""
    from sd_parsers.exceptions import ParserError
    from sd_parsers.parsers import ComfyUIParser

    samplers = sum("steps" in _inputs(nodes, name) for name in nodes)
    links: list[Any] = []
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        links = list(_json(workflow)["links"])
    # Newer workflows store links in another form, and pictures made by script have no workflow.
    for usable in (links, _links(nodes)):
        if usable and samplers * (len(usable) + len(nodes)) <= _MAX_GRAPH_WORK:
            with contextlib.suppress(ParserError):
                return ComfyUIParser().parse({"prompt": nodes, "workflow": {"links": usable}})
    return None


_NUMBERS = ("seed", "noise_seed", "steps", "cfg")
_LATENTS = ("latent_image", "samples", "latent")
_NUMBER_NAMES = ("value", "int", "float", "Value", "number", "seed", "noise_seed")


def _inputs(nodes: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inputs = nodes.get(name, {}).get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _links(nodes: Mapping[str, Any]) -> list[tuple[int, str, int, str, int, str]]:
    """Return the links of a graph as in a workflow, with the input's name as type."""
    return [
        (0, str(value[0]), 0, name, 0, key.upper())
        for name in nodes
        for key, value in _inputs(nodes, name).items()
        if isinstance(value, list) and len(value) == 2
    ]


def _source(value: object) -> str | None:
    """Return the node that an input is linked to."""
    return str(value[0]) if isinstance(value, list) and len(value) == 2 else None


def _linked(nodes: Mapping[str, Any], node: str, name: str) -> object:
    """Return an input's value, of the node that it is linked to if it is."""
    value = _inputs(nodes, node).get(name)
    for _ in range(_MAX_HOPS):
        source = _source(value)
        if source is None:
            return value
        inputs = _inputs(nodes, source)
        value = next((inputs[key] for key in (name, *_NUMBER_NAMES) if key in inputs), None)
    return None


def _latent_size(nodes: Mapping[str, Any], sampler: str) -> tuple[int, int]:
    """Return width and height of the empty picture that a sampler starts from, 0 if unknown."""
    at: str | None = sampler
    for _ in range(_MAX_HOPS):
        inputs = _inputs(nodes, at or "")
        width, height = (_linked(nodes, at or "", name) for name in ("width", "height"))
        if at != sampler and type(width) is int and type(height) is int:
            return width, height
        at = next(
            (
                _source(inputs[key])
                for key in ("latent_image", "samples", "latent")
                if key in inputs
            ),
            None,
        )
        if at is None:
            break
    return 0, 0


def _is_from_noise(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("denoise", 1) == 1 and not parameters.get("start_at_step")


# ---- values


def _texts_of(prompts: Sequence[Any]) -> object:
    """Return the texts of prompts as one text; a single one as it is, of whatever type."""
    if len(prompts) == 1:
        return prompts[0].value
    return ", ".join(str(prompt) for prompt in prompts)


def _size(value: object) -> tuple[int, int] | tuple[None, None]:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else (None, None)


def _has_hires_fix(values: Mapping[str, object]) -> bool:
    return any(
        str(name).lower().startswith("hires")
        and str(value).lower() not in ("", "false", "0", "none")
        for name, value in values.items()
    )
