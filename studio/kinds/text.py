"""Text: answers of a language model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from studio.kinds.fields import label
from studio.kinds.kind import BatchTiming, Kind, Medium
from studio.protocol import Count, Message, ModelRef, Name, Prompt, Request, Seed

_ROWS = 32
"""Rows that the engine writes in one batch at most."""

_TOKEN_ROOM = 0.12
"""What generating adds to a language model's weights: KV cache and activations."""


class TextRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="text"):
    """Ask a language model for `count` answers, made in one batch.

    `messages` holds the earlier turns (no system turn; `system_prompt` is that). Row *i* uses
    seed `seed + i`. A temperature of 0 is greedy. `top_k` 0 and `top_p` 1.0 switch them off.
    """

    prompt: Annotated[Prompt, label("Prompt", "What you want to get", option="-p --prompt")]
    system_prompt: Annotated[
        Prompt, label("System prompt", "How the model should behave", option="--system")
    ] = ""
    messages: tuple[Message, ...] = ()
    model: Annotated[Name, label("Model", "A model's id or its path", option="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", option="--seed")] = None
    count: Annotated[Count, label("Variations", option="-n --count")] = 1
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=32_768)],
        label(
            "Longest answer",
            "A token is about three quarters of an English word.",
            option="--max-tokens",
            unit=" tokens",
            step=64,
        ),
    ] = 512
    temperature: Annotated[
        Annotated[float, Meta(ge=0.0, le=5.0)],
        label(
            "Temperature",
            "Higher is more varied; 0 always takes the likeliest word.",
            option="--temperature",
            step=0.05,
            decimals=2,
        ),
    ] = 0.7
    top_p: Annotated[
        Annotated[float, Meta(gt=0.0, le=1.0)],
        label(
            "Top-p",
            "Choose among the likeliest words that make up this share; 1 is all.",
            option="--top-p",
            step=0.05,
            decimals=2,
        ),
    ] = 0.95
    top_k: Annotated[
        Annotated[int, Meta(ge=0, le=1000)],
        label("Top-k", "Choose among this many likeliest words; 0 is all.", option="--top-k"),
    ] = 50
    repetition_penalty: Annotated[
        Annotated[float, Meta(ge=0.5, le=2.0)],
        label(
            "Repetition penalty",
            "Above 1 avoids words that were already used.",
            option="--repetition-penalty",
            step=0.05,
            decimals=2,
        ),
    ] = 1.1


def _memory(
    _model: ModelRef, weights: int, _weight: int, _width: int | None, _height: int | None
) -> int:
    return int(weights * (1 + _TOKEN_ROOM))


_OWN = frozenset({"prompt", "system_prompt", "messages", "seed", "count"})

KIND: Kind[TextRequest] = Kind(
    request=TextRequest,
    medium=Medium.TEXT,
    title="Text",
    icon="message-square-text",
    summary="answer a prompt with a language model",
    formats=("transformers", "gguf"),
    no_model="There is no text model yet. Install the starter models, or add a model of yours.",
    wrong_model="{name} is no text model. Choose one that writes text.",
    task_package="studio.engine.tasks.text",
    fake="studio.engine.tasks.text.fake:FAKE",
    workspace="studio.ui.workspaces.text.text_tab:TextTab",
    converter="studio.engine.tasks.text.model.convert:convert",
    timing=BatchTiming(limit=lambda request: request.max_tokens, rows_at_once=_ROWS),
    fallback_name="text",
    rows_together=_ROWS,
    own_fields=_OWN,
    untimed_fields=_OWN,
    shares_calls=lambda _: True,
    memory=_memory,
    details=("seed", "temperature"),
)
