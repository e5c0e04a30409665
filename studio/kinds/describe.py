"""Describe: a text about a picture, such as a caption or an alternative text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Annotated

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import Kind, Medium, WorkTiming
from studio.protocol import (
    Count,
    InputFile,
    ModelRef,
    Name,
    Prompt,
    Recipe,
    Request,
    Seed,
    Sentence,
    sentence,
)

DEFAULT_PROMPT = "Describe this picture."
PROJECTOR_FORMAT = "gguf-vision"
"""A `mmproj` file of llama.cpp beside its language model."""
MAX_PROMPT = 20_000
"""Characters: a picture takes a part of the model's context."""

_WORKING_MEMORY = 1_500_000_000
"""Bytes for the numbers of a picture in the network, and the cache of the answer."""
_USUAL_TOKENS = 100.0


class DescribeRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="describe"):
    """Write `count` texts about a picture, text *i* with seed `seed + i`.

    Without a `prompt`, the picture is described. A temperature of 0 is greedy; None means "what
    suits the model".
    """

    input: Annotated[InputFile, label("From", "Pictures, or folders that contain pictures")]
    prompt: Annotated[
        Prompt,
        label(
            "Prompt",
            "What is asked about the picture; empty to describe it",
            flags="-p --prompt",
        ),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=8192)],
        label(
            "Longest answer",
            "Maximum length in tokens; a token is about three quarters of an English word",
            flags="--max-tokens",
            unit=" tokens",
            step=64,
        ),
    ] = 256
    temperature: Annotated[
        Annotated[float, Meta(ge=0.0, le=5.0)] | None,
        label(
            "Temperature",
            "Higher values give more varied answers; 0 always picks the most likely token",
            flags="--temperature",
            step=0.05,
            decimals=2,
        ),
    ] = None


def _check(request: DescribeRequest) -> Iterable[tuple[str, Sentence]]:
    if len(request.prompt) > MAX_PROMPT:
        yield (
            "prompt",
            sentence(
                "The prompt has {length} characters, and {most} is the limit.",
                length=len(request.prompt),
                most=MAX_PROMPT,
            ),
        )


def _measured(recipe: Recipe, _request: DescribeRequest) -> float:
    return recipe.stats.get("tokens", 0.0) or _USUAL_TOKENS


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, _size: float | None) -> int:
    return weights + _WORKING_MEMORY


def _name_parts(request: DescribeRequest) -> tuple[str, str]:
    return PurePath(request.input.path).stem, ""


KIND: Kind[DescribeRequest] = Kind(
    request=DescribeRequest,
    medium=Medium.TEXT,
    title="Describe",
    icon="scan-eye",
    summary="write captions and answers about pictures",
    action="Describe",
    accepts=Medium.PICTURE,
    accepts_many=True,
    formats=("transformers-vision", PROJECTOR_FORMAT),
    hub_tags=("image-text-to-text", "image-to-text"),
    no_model="There is no model yet that sees pictures, and none comes with the app. Get one from "
    "the list.",
    wrong_model="{name} does not see pictures. Choose a vision model.",
    task_package="studio.engine.tasks.describe",
    fake="studio.engine.tasks.describe.fake:FAKE",
    workspace="studio.ui.workspaces.describe.describe_tab:DescribeTab",
    tab_needs_model=True,
    timing=WorkTiming(work=lambda *_: _USUAL_TOKENS, measured=_measured),
    fallback_name="picture",
    needs_prompt=False,
    untimed_fields=frozenset({"prompt", "seed", "count", "input", "temperature"}),
    check=_check,
    memory=_memory,
    halves_precision=True,
    details=("input", "seed", "max_tokens", "temperature"),
    compared=("temperature", "max_tokens"),
    name_parts=_name_parts,
)
