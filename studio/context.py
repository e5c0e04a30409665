"""What of a conversation fits into a model's context: pure arithmetic, shared by both sides.

The engine cuts by this rule, and the window's meter says before sending what it will cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from studio.protocol import Message

ELLIPSIS = "\n[…]\n"
"""Stands where the middle of a prompt was left out."""

Count = Callable[[Sequence[Message], str], int]
"""Tokens of the earlier turns and the prompt together, as the model will see them."""


class Fitted(Struct, frozen=True):
    """What is sent. `dropped` are the oldest turns left out, `cut` characters of the prompt."""

    messages: tuple[Message, ...]
    prompt: str
    tokens: int
    budget: int
    dropped: int = 0
    cut: int = 0


def prompt_budget(context: int, max_tokens: int) -> int:
    """Return the tokens that a prompt may have so that the answer has room.

    Args:
        context: the model's context in tokens, prompt and answer together.
        max_tokens: the longest answer asked for; at most half the context is reserved for it.
    """
    return max(1, context - min(max_tokens, context // 2))


def fit(count: Count, messages: Sequence[Message], prompt: str, budget: int) -> Fitted:
    """Leave out the oldest turns, then the middle of the prompt, until `budget` is kept.

    The system prompt always stays (`count` includes it); so do both ends of the prompt, since
    instructions stand at either. Turns leave in pairs, so that the rest begins with the user.
    """
    everything = tuple(messages)
    tokens = count(everything, prompt)
    if tokens <= budget:
        return Fitted(everything, prompt, tokens, budget)
    starts = [
        *(place for place, turn in enumerate(everything) if turn.role == "user" and place),
        len(everything),
    ]
    first = _first_that(lambda place: count(everything[starts[place] :], prompt) <= budget, starts)
    if first is not None:
        kept = everything[starts[first] :]
        return Fitted(kept, prompt, count(kept, prompt), budget, len(everything) - len(kept))
    kept_characters = _most_that_fits(lambda n: count((), shortened(prompt, n)) <= budget, prompt)
    short = shortened(prompt, kept_characters)
    return Fitted(
        (), short, count((), short), budget, len(everything), len(prompt) - kept_characters
    )


def shortened(prompt: str, kept: int) -> str:
    """Return a prompt of which `kept` characters stay, half at each end."""
    if kept >= len(prompt):
        return prompt
    front = kept - kept // 2
    return prompt[:front] + ELLIPSIS + (prompt[-(kept // 2) :] if kept // 2 else "")


def _first_that(fits: Callable[[int], bool], places: Sequence[int]) -> int | None:
    """Return the first index that fits, where all after it fit too; None where none does."""
    if not fits(len(places) - 1):
        return None
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _most_that_fits(fits: Callable[[int], bool], prompt: str) -> int:
    """Return how many characters of the prompt fit."""
    low, high = 0, len(prompt)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
