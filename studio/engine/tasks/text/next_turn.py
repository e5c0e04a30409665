"""Reads a conversation on while the engine waits, so that the next turn begins at once.

A model reads an answer in other calculations than those that wrote it, token by token. For the
same result as without a cache it has to be read like any other part of a prompt, which needs not
wait for the next prompt.
"""

from __future__ import annotations

from collections.abc import Callable

from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.text.model.loaded import LoadedText
from studio.engine.tasks.text.prompt import build_prompt
from studio.formats.chat.thoughts import without_thoughts
from studio.kinds.text import TextRequest
from studio.protocol import Message, ProblemError

_NEXT_PROMPTS = ("a", "1")
"""What both have in common does not depend on the next prompt."""

_QUESTION = 256
"""Tokens of a next prompt that the KV cache has room for, so that it need not be enlarged then."""

_COPIES = 3
"""KV caches that need room: a larger one is made beside the one before, with a copy of it."""


def common_beginning(request: TextRequest, answer: str, loaded: LoadedText) -> list[int]:
    """Return the tokens with which all prompts begin that continue a conversation.

    Empty if there are none: the model has no chat template, or earlier turns would be left out.
    """
    answer = without_thoughts(answer)
    if loaded.template is None or not answer:
        return []
    turns = (*request.messages, Message("user", request.prompt), Message("assistant", answer))
    found = []
    for prompt in _NEXT_PROMPTS:
        next_turn = request.with_values(messages=turns, prompt=prompt, answer_start="")
        try:
            built = build_prompt(
                next_turn, loaded.encode, loaded.template, loaded.special, loaded.context
            )
        except ProblemError:
            return []
        if built.left_out:
            return []
        found.append(built.ids)
    pairs = enumerate(zip(*found, strict=False))
    return found[0][: next((place for place, (one, other) in pairs if one != other), 0)]


def read_on(
    request: TextRequest,
    answer: str,
    loaded: LoadedText,
    memory: MemoryArbiter,
    row_bytes: float,
    check: Callable[[], None],
) -> None:
    """Read an answer, as far as memory allows. What was read before `check` raises is kept."""
    if memory.find(loaded.key) is not loaded:
        return
    ids = common_beginning(request, answer, loaded)
    check()
    room = _QUESTION + request.max_tokens
    if loaded.context is not None:
        room = max(0, min(room, loaded.context - len(ids)))
    if ids and memory.available() > _COPIES * row_bytes * (len(ids) + room):
        loaded.decoder.read_on(ids, check, room)
