"""What of a conversation fits into a model's context: pure arithmetic, shared by both sides.

The engine cuts by this rule, and the window's meter says by it, before anything is sent, what
would be cut. Oldest turns go first; the system prompt and the last prompt always stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

MIN_ANSWER_TOKENS = 16
"""Tokens that an answer must have room for: with less, a prompt counts as too long."""

_CONTEXT_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
)


class Cut(Struct, frozen=True):
    """What is sent of a conversation.

    Attributes:
        first: the turns from this index on are sent; the ones before are left out.
        tokens: tokens that are sent.
        room: tokens that the answer may have.
        fits: False where even without any earlier turn there is no room for an answer.
    """

    first: int
    tokens: int
    room: int
    fits: bool = True


def context_length(config: Mapping[str, Any]) -> int | None:
    """Return the tokens that a model reads and writes in all, from its `config.json`.

    None means that the files name no limit (as with state space models).
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
    """Return how many tokens a conversation may have before its oldest turns are cut.

    The rest is kept free for the answer, but never more than half of the context: a long
    answer that may never come should not cost the memory of the conversation.
    """
    return context - min(max_tokens, context // 2)


def cut_turns(
    count: Callable[[int], int], roles: Sequence[str], context: int | None, max_tokens: int
) -> Cut:
    """Leave out the oldest turns until the rest fits.

    A prompt that is too long for its budget even alone may use the room kept for the answer,
    as long as `MIN_ANSWER_TOKENS` tokens are left.

    Args:
        count: index of the first turn that is sent → tokens of all that is then sent: system
            prompt, turns and prompt. Asked a few times only.
        roles: `user` or `assistant` for each earlier turn. What is kept begins with the user.
        context: tokens of the model's context; None for no limit.
        max_tokens: the longest answer asked for.
    """
    everything = count(0)
    if context is None:
        return Cut(0, everything, max_tokens)
    budget = prompt_budget(context, max_tokens)
    if everything <= budget:
        return Cut(0, everything, min(max_tokens, context - everything))
    starts = [i for i, role in enumerate(roles) if i > 0 and role == "user"]
    if roles:
        starts.append(len(roles))
    low, high = 0, len(starts)
    tokens = {len(starts): everything}
    while low < high:
        middle = (low + high) // 2
        tokens[middle] = count(starts[middle])
        if tokens[middle] <= budget:
            high = middle
        else:
            low = middle + 1
    if low < len(starts):
        return Cut(starts[low], tokens[low], min(max_tokens, context - tokens[low]))
    alone = tokens[len(starts) - 1] if starts else everything
    room = max(0, min(max_tokens, context - alone))
    return Cut(len(roles), alone, room, fits=room >= min(max_tokens, MIN_ANSWER_TOKENS))
