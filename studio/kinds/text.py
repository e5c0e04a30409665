"""Text: answers of a language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from studio.formats.chat.answer_form import (
    MAX_FORM_LENGTH,
    cells_of,
    columns_of,
    schema_error,
)
from studio.kinds.fields import label
from studio.kinds.kind import BatchTiming, Kind, Medium
from studio.kinds.sources import MAX_SOURCES, Source
from studio.protocol import (
    Capabilities,
    Count,
    Message,
    ModelRef,
    Name,
    Prompt,
    Request,
    Seed,
    Sentence,
    sentence,
)

_ROWS = 32
"""Most rows in one batch."""

_ACTIVATIONS = 0.05
"""Activations, as a fraction of the weights."""

_TOKEN = 1.8e-5
"""KV cache of a token, as a fraction of the weights: that of Qwen3 4B."""

_USUAL_TOKENS = 4096

Preset: TypeAlias = Literal["precise", "balanced", "creative"]

MAX_STOPS = 16
"""Most stop sequences of a request."""

StopSequences: TypeAlias = tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...]

_BYTES_PER_TOKEN = 3
"""Of UTF-8: a character in Chinese, a bit less than usual in English."""


class TextRequest(Request, Struct, frozen=True, kw_only=True, tag_field="task", tag="text"):
    """Generate `count` answers with a language model, in one batch.

    `messages` holds the earlier turns, without a system turn (see `system_prompt`). The passages
    of `sources` are shown to the model before the prompt, numbered. The answer
    goes on from `answer_start`, which is part of the result. Row *i* uses seed `seed + i`. A
    temperature of 0 is greedy. `top_k` 0, `top_p` 1.0 and `min_p` 0 disable them. None means "what
    suits the model"; the recipe records the value that was used. Sequences of `stop` are not part
    of the result, and are not looked for in the model's thoughts. `schema` is the JSON text of a
    JSON schema; thoughts come before what follows it.
    """

    prompt: Annotated[Prompt, label("Prompt", "What you want to get", flags="-p --prompt")]
    system_prompt: Annotated[
        Prompt, label("System prompt", "How the model should behave", flags="--system")
    ] = ""
    messages: tuple[Message, ...] = ()
    sources: Annotated[tuple[Source, ...], Meta(max_length=MAX_SOURCES)] = ()
    answer_start: Annotated[
        Prompt,
        label(
            "Start of the answer",
            "The answer goes on from this text",
            flags="--answer-start",
        ),
    ] = ""
    model: Annotated[Name, label("Model", "The id or path of a model", flags="--model")] = ""
    seed: Annotated[Seed | None, label("Seed", flags="--seed")] = None
    count: Annotated[Count, label("Variations", flags="-n --count")] = 1
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=32_768)],
        label(
            "Longest answer",
            "Maximum length in tokens; a token is about three quarters of an English word",
            flags="--max-tokens",
            unit=" tokens",
            step=64,
        ),
    ] = 512
    preset: Annotated[
        Preset,
        label(
            "Preset",
            "How the model's own settings are changed, as far as they are not given: towards the"
            " most likely words, or towards rarer ones",
            flags="--preset",
        ),
    ] = "balanced"
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
    top_p: Annotated[
        Annotated[float, Meta(gt=0.0, le=1.0)] | None,
        label(
            "Top-p",
            "Sample from the most likely tokens that together have this probability; 1 allows all",
            flags="--top-p",
            step=0.05,
            decimals=2,
        ),
    ] = None
    top_k: Annotated[
        Annotated[int, Meta(ge=0, le=1000)] | None,
        label(
            "Top-k",
            "Sample from this many of the most likely tokens; 0 allows all",
            flags="--top-k",
        ),
    ] = None
    repetition_penalty: Annotated[
        Annotated[float, Meta(ge=0.5, le=2.0)] | None,
        label(
            "Repetition penalty",
            "Values above 1 discourage repetition",
            flags="--repetition-penalty",
            step=0.05,
            decimals=2,
        ),
    ] = None
    min_p: Annotated[
        Annotated[float, Meta(ge=0.0, le=1.0)] | None,
        label(
            "Min-p",
            "Leave out tokens less likely than this fraction of the most likely one; 0 allows all",
            flags="--min-p",
            step=0.01,
            decimals=2,
        ),
    ] = None
    stop: Annotated[
        Annotated[StopSequences, Meta(max_length=MAX_STOPS)],
        label(
            "Stop at",
            "The answer ends before this text; can be given several times",
            flags="--stop",
        ),
    ] = ()
    schema: Annotated[
        Annotated[str, Meta(max_length=MAX_FORM_LENGTH)],
        label(
            "JSON schema",
            "The answer is JSON that follows this schema",
            flags="--schema",
            reads_file=True,
        ),
    ] = ""
    regex: Annotated[
        Annotated[str, Meta(max_length=MAX_FORM_LENGTH)],
        label(
            "Regular expression",
            "The whole answer matches this expression",
            flags="--regex",
        ),
    ] = ""
    fast_variations: Annotated[
        bool,
        label(
            "Fast variations",
            "Write the variations in one batch also with models whose results it changes a little:"
            " a variation that is repeated alone may then differ",
            flags="--fast-variations",
        ),
    ] = False


FALLBACKS: dict[str, float] = {
    "temperature": 0.7,
    "top_p": 0.95,
    "top_k": 50,
    "repetition_penalty": 1.1,
    "min_p": 0.0,
}
"""Sampling with a model that says nothing of its own."""


_PRECISE_TEMPERATURE = 0.4
"""Of the model's own temperature."""
_PRECISE_TOP_P = 0.9
_CREATIVE_TEMPERATURE = 0.4
"""Added to the model's own temperature, up to the limit."""
_CREATIVE_LIMIT = 1.5
_CREATIVE_MIN_P = 0.05
"""At a high temperature the many unlikely words would take over."""


def preset_values(preset: Preset, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that suit a model, changed as a preset says.

    "balanced" leaves them as they are.
    """
    temperature = values.get("temperature", FALLBACKS["temperature"])
    changed = dict(values)
    if preset == "precise":
        top_p = min(values.get("top_p", FALLBACKS["top_p"]), _PRECISE_TOP_P)
        changed |= {"temperature": round(temperature * _PRECISE_TEMPERATURE, 3), "top_p": top_p}
    elif preset == "creative":
        warmer = max(temperature, min(temperature + _CREATIVE_TEMPERATURE, _CREATIVE_LIMIT))
        min_p = max(values.get("min_p", FALLBACKS["min_p"]), _CREATIVE_MIN_P)
        changed |= {"temperature": round(warmer, 3), "min_p": min_p}
    return changed


def sampling_values(request: TextRequest) -> tuple[float, float, int, float, float]:
    """Return temperature, top-p, top-k, repetition penalty and min-p.

    Open ones have the fallbacks.
    """
    temperature, top_p, top_k, penalty, min_p = (
        fallback if (value := getattr(request, name)) is None else value
        for name, fallback in FALLBACKS.items()
    )
    return temperature, top_p, int(top_k), penalty, min_p


def _call_size(request: TextRequest, _capabilities: Capabilities | None) -> float:
    """Return the tokens of all rows of a batch: the prompt's, roughly, and those of the answer."""
    passages = (passage.text for source in request.sources for passage in source.passages)
    turns = (each.content for each in request.messages)
    texts = (request.prompt, request.system_prompt, *turns, *passages)
    read = sum(len(text.encode("utf-8", "replace")) for text in texts) // _BYTES_PER_TOKEN
    return float(min(request.count, _ROWS) * (read + request.max_tokens))


def _memory(_model: ModelRef, weights: int, _weight_bytes: int, tokens: float | None) -> int:
    return int(
        weights * (1 + _ACTIVATIONS + _TOKEN * (_USUAL_TOKENS if tokens is None else tokens))
    )


def _check(request: TextRequest) -> Iterator[tuple[str, Sentence]]:
    if request.schema and request.regex:
        yield "regex", sentence("Give either a schema or a regular expression, not both.")
    if request.stop and (request.schema or request.regex):
        yield (
            "stop",
            sentence("A stop sequence would cut an answer of a given form. Leave one of them out."),
        )
    if request.schema and (error := schema_error(request.schema)) is not None:
        yield "schema", error


_CONVERSATION = frozenset(
    {"prompt", "system_prompt", "messages", "sources", "answer_start", "seed", "count"}
)
_OF_EACH_ROW = frozenset({"stop", "schema", "regex"})

KIND: Kind[TextRequest] = Kind(
    request=TextRequest,
    medium=Medium.TEXT,
    title="Text",
    icon="message-square-text",
    summary="answer a prompt with a language model",
    text_action="Send to Text",
    formats=("transformers", "gguf"),
    companion_formats=("sentence-transformers",),
    hub_tags=("text-generation",),
    no_model="There is no text model yet. Install the starter models, or add your own.",
    wrong_model="{name} is not a text model. Choose one that writes text.",
    task_package="studio.engine.tasks.text",
    fake="studio.engine.tasks.text.fake:FAKE",
    workspace="studio.ui.workspaces.text.text_tab:TextTab",
    alternatives="studio.engine.tasks.text.alternatives:list_alternatives",
    embedder="studio.engine.tasks.text.embedding:embed_texts",
    converter="studio.engine.tasks.text.model.convert:convert",
    timing=BatchTiming(limit=lambda request: request.max_tokens, max_batch_rows=_ROWS),
    fallback_name="text",
    max_shared_rows=_ROWS,
    unshared_fields=_CONVERSATION | _OF_EACH_ROW,
    untimed_fields=_CONVERSATION,
    shares_calls=lambda _: True,
    call_size=_call_size,
    memory=_memory,
    # The rows of a batch are generated one by one where memory is short.
    least_share=lambda _, request: 1 / min(request.count, _ROWS),
    check=_check,
    fallbacks=FALLBACKS,
    adapt_defaults=lambda request, values: preset_values(request.preset, values),
    columns=lambda request: columns_of(request.schema),
    cells=lambda request, text: cells_of(request.schema, text),
    details=(
        "system_prompt",
        "answer_start",
        "seed",
        "preset",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "repetition_penalty",
        "max_tokens",
        "stop",
        "schema",
        "regex",
    ),
)
