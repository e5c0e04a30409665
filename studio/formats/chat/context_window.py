"""Truncation of conversations to a model's context, shared by the engine and the context meter.

The oldest turns are dropped first; the system prompt and the last prompt are always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

MIN_ANSWER_TOKENS = 16
"""A prompt that leaves fewer tokens than this for the answer is too long."""

_CONTEXT_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
)


class Cut(Struct, frozen=True):
    """The part of a conversation that is sent to the model.

    Attributes:
        first: index of the first turn that is sent; earlier turns are dropped.
        tokens: number of tokens sent.
        room: tokens available for the answer.
        fits: False if there is no room for an answer even without any earlier turn.
    """

    first: int
    tokens: int
    room: int
    fits: bool = True


def context_length(config: Mapping[str, Any]) -> int | None:
    """Return a model's context length in tokens from its `config.json`.

    None if the configuration sets no limit (e.g. state space models).
    """
    for part in (config.get("text_config"), config):
        if not isinstance(part, Mapping):
            continue
        for key in _CONTEXT_KEYS:
            value = part.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return None


def prompt_budget(context: int, max_tokens: int) -> int:
    """Return how many tokens a conversation may have before its oldest turns are dropped.

    The rest is reserved for the answer, up to half of the context: turns should not be dropped
    for a long answer that may never be generated.
    """
    return context - min(max_tokens, context // 2)


def cut_turns(
    count: Callable[[int], int], roles: Sequence[str], context: int | None, max_tokens: int
) -> Cut:
    """Drop the oldest turns until the rest fits.

    If the prompt alone exceeds its budget, it may use the tokens reserved for the answer as long
    as `MIN_ANSWER_TOKENS` are left.

    Args:
        count: maps the index of the first turn sent → total tokens of system prompt, turns and
            prompt. Called O(log n) times.
        roles: `user` or `assistant` for each earlier turn. The first turn sent is the user's.
        context: context length in tokens, None for no limit.
        max_tokens: the requested maximum length of the answer.
    """
    total = count(0)
    if context is None:
        return Cut(0, total, max_tokens)
    budget = prompt_budget(context, max_tokens)
    if total <= budget:
        return Cut(0, total, min(max_tokens, context - total))
    starts = [i for i, role in enumerate(roles) if i > 0 and role == "user"]
    if roles:
        starts.append(len(roles))
    low, high = 0, len(starts)
    tokens = {len(starts): total}
    while low < high:
        middle = (low + high) // 2
        tokens[middle] = count(starts[middle])
        if tokens[middle] <= budget:
            high = middle
        else:
            low = middle + 1
    if low < len(starts):
        return Cut(starts[low], tokens[low], min(max_tokens, context - tokens[low]))
    alone = tokens[len(starts) - 1] if starts else total
    room = max(0, min(max_tokens, context - alone))
    return Cut(len(roles), alone, room, fits=room >= min(max_tokens, MIN_ANSWER_TOKENS))
