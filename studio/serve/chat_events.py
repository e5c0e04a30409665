"""Chat completions in pieces, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from studio.protocol import ProblemError
from studio.serve.chat import Answered, Answers, Chat, completion_head
from studio.serve.errors import ApiError, api_error

QUIET_SECONDS = 10.0
"""After so long without a piece (a model is being loaded), a comment keeps the connection open."""

_COMMENT = b": working\n\n"
_DONE = b"data: [DONE]\n\n"


async def first_pieces(answers: Answers) -> tuple[AsyncIterator[Answered | None], Answered | None]:
    """Wait for the first piece, but not for ever; return the others and it.

    Until then an error has a status of its own. Raises `ApiError`.
    """
    pieces = answers.pieces(QUIET_SECONDS)
    return pieces, await anext(pieces, None)


async def chat_events(
    chat: Chat,
    answers: Answers,
    job: str,
    pieces: AsyncIterator[Answered | None],
    first: Answered | None,
) -> AsyncIterator[bytes]:
    """Yield the events of one completion; an error that comes later is the last one."""
    head = completion_head(chat, job, "chat.completion.chunk")
    for row in range(chat.request.count):
        yield _event(head, _choice(row, {"role": "assistant", "content": ""}))
    try:
        for event in _events(head, first):
            yield event
        async for answered in pieces:
            for event in _events(head, answered):
                yield event
    except ApiError as error:
        yield _data(error.content)
        return
    except ProblemError as error:
        yield _data(api_error(error.problem).content)
        return
    if chat.sends_usage:
        # Only then do clients expect an event without choices.
        last: dict[str, Any] = {"choices": [], "usage": answers.usage}
        yield _data(head | last | ({"warnings": answers.warnings} if answers.warnings else {}))
    yield _DONE


def _events(head: dict[str, Any], answered: Answered | None) -> list[bytes]:
    if answered is None:
        return [_COMMENT]
    events = []
    delta = {}
    if answered.piece.reasoning:
        delta["reasoning_content"] = answered.piece.reasoning
    if answered.piece.content:
        delta["content"] = answered.piece.content
    if delta:
        events.append(_event(head, _choice(answered.row, delta)))
    if answered.reason:
        events.append(_event(head, _choice(answered.row, {}, answered.reason)))
    return events


def _choice(row: int, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": row, "delta": delta, "logprobs": None, "finish_reason": reason}


def _event(head: dict[str, Any], choice: dict[str, Any]) -> bytes:
    return _data(head | {"choices": [choice]})


def _data(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"
