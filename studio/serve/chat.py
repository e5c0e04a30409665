"""Chat completions: a conversation in, one or several answers out, whole or in pieces."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from studio.jobs.runner import AssetSaved
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, prompted_kind
from studio.protocol import Accepted, ModelRef, Request, TextDelta, Warned, sentence
from studio.serve.answer_stream import AnswerStream, Piece
from studio.serve.bodies import job_request
from studio.serve.errors import ApiError
from studio.serve.job_board import JobEnded
from studio.serve.job_feed import JobFeed, Report, raise_if_failed

USUAL_MAX_TOKENS = 2048
"""Where the client sets no limit, which for others means as long as the model wants."""

MAX_ANSWERS = 128
_PLAIN = "text"
_SYSTEM = ("system", "developer")
_CONTINUED = ("user", "assistant")
_NAMES = {
    "count": "n",
    "messages": "messages",
    "prompt": "messages",
    "system_prompt": "messages",
    "schema": "response_format",
}
_LIKE_OURS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed")
_PENALTIES = ("frequency_penalty", "presence_penalty")


class Part(Struct):
    """A part of a message."""

    type: str
    text: str = ""


class Turn(Struct):
    """A message."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(Struct):
    """What is sent beside the answer."""

    include_usage: bool | None = None


class NamedSchema(Struct):
    """A JSON schema, and what the client calls it."""

    schema: dict[str, Any]


class Format(Struct):
    """The form of the answer."""

    type: str = _PLAIN
    json_schema: NamedSchema | None = None


class ChatBody(Struct):
    """The body of a request, as far as it is used. Other fields are ignored."""

    messages: list[Turn]
    model: str = ""
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: Format | None = None
    logprobs: bool | None = None
    logit_bias: dict[str, Any] | None = None


class Chat(Struct, frozen=True):
    """A checked request. `start` is the beginning of the answer that the client gave."""

    request: Request
    model: ModelRef
    start: str
    streams: bool
    sends_usage: bool
    warnings: tuple[str, ...]


class Answered(Struct, frozen=True):
    """What is new of the answer `row`. The last one of a row has a `reason`."""

    row: int
    piece: Piece
    reason: str = ""


def chat_kind() -> AnyKind:
    """Return the kind of work that answers."""
    return prompted_kind(Medium.TEXT)


def read_chat(body: ChatBody, model: ModelRef) -> Chat:
    """Check a request. Raises `ApiError`."""
    _check_supported(body)
    kind = chat_kind()
    warnings: list[str] = []
    system, turns, prompt, start = _conversation(body.messages)
    fields: dict[str, Any] = {
        "prompt": prompt,
        "system_prompt": system,
        "messages": turns,
        "answer_start": start,
        "model": model.id,
        "count": 1 if body.n is None else body.n,
        "max_tokens": _max_tokens(body, kind, warnings),
        "schema": _schema(body.response_format),
        "stop": [body.stop] if isinstance(body.stop, str) else body.stop or [],
    }
    fields |= {name: value for name in _LIKE_OURS if (value := getattr(body, name)) is not None}
    warnings.extend(
        f"{name} is not supported and was ignored. Use repetition_penalty."
        for name in _PENALTIES
        if getattr(body, name)
    )
    if fields["count"] > MAX_ANSWERS:
        raise ApiError(
            400,
            sentence("n must be a whole number of at most {most}.", most=MAX_ANSWERS),
            param="n",
        )
    names = _NAMES | {"max_tokens": _limit_name(body)}
    options = body.stream_options
    return Chat(
        request=job_request(kind, fields, names),
        model=model,
        start=start,
        streams=bool(body.stream),
        sends_usage=options is not None and bool(options.include_usage),
        warnings=tuple(warnings),
    )


def _check_supported(body: ChatBody) -> None:
    """Raise `ApiError` for what would give another answer than the client expects."""
    unsupported = {
        "tools": bool(body.tools),
        "functions": bool(body.functions),
        "logprobs": bool(body.logprobs),
        "logit_bias": bool(body.logit_bias),
    }
    for name, is_wanted in unsupported.items():
        if is_wanted:
            raise ApiError(
                400,
                sentence("{name} is not supported by this server. Leave it out.", name=name),
                param=name,
                code="unsupported_parameter",
            )


def _schema(wanted: Format | None) -> str:
    """Return the JSON schema of the answer, "" if its form is free. Raises `ApiError`."""
    if wanted is None or wanted.type == _PLAIN:
        return ""
    if wanted.type == "json_object":
        return '{"type": "object"}'
    if wanted.type != "json_schema" or wanted.json_schema is None:
        raise ApiError(
            400,
            sentence(
                "response_format must be of the type text, json_object, or json_schema with a"
                " schema."
            ),
            param="response_format",
        )
    return msgspec.json.encode(wanted.json_schema.schema).decode()


def _limit_name(body: ChatBody) -> str:
    return "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"


def _max_tokens(body: ChatBody, kind: AnyKind, warnings: list[str]) -> int:
    name = _limit_name(body)
    wanted: int | None = getattr(body, name)
    most = kind.fields["max_tokens"].maximum
    if wanted is None:
        return USUAL_MAX_TOKENS
    if most is not None and wanted > most:
        warnings.append(f"{name} was lowered to {most:.0f}.")
        return int(most)
    return wanted


def _conversation(turns: Sequence[Turn]) -> tuple[str, list[dict[str, str]], str, str]:
    """Return system prompt, earlier turns, the last prompt, and the start of the answer."""
    system: list[str] = []
    said: list[dict[str, str]] = []
    for turn in turns:
        if turn.role in _SYSTEM:
            system.append(_content(turn))
        elif turn.role in _CONTINUED:
            said.append({"role": turn.role, "content": _content(turn)})
        else:
            raise ApiError(
                400,
                sentence(
                    "Messages with the role {role} are not supported.", role=repr(turn.role[:40])
                ),
                param="messages",
            )
    start = said.pop()["content"] if said and said[-1]["role"] != _CONTINUED[0] else ""
    if not said or said[-1]["role"] != _CONTINUED[0]:
        raise ApiError(
            400,
            sentence("The last message must be the user's, or the start of an answer to it."),
            param="messages",
        )
    prompt = said.pop()["content"]
    return "\n\n".join(system), said, prompt, start


def _content(turn: Turn) -> str:
    if not isinstance(turn.content, list):
        return turn.content or ""
    for part in turn.content:
        if part.type != _PLAIN:
            raise ApiError(
                400,
                sentence(
                    "Messages may contain only text here, not {part}.", part=repr(part.type[:40])
                ),
                param="messages",
            )
    return "\n".join(part.text for part in turn.content)


# ---- answers


class Answers:
    """The answers to one request, and what they took."""

    def __init__(self, chat: Chat, feed: JobFeed) -> None:
        self._chat = chat
        self._feed = feed
        rows = range(chat.request.count)
        self._streams = {row: AnswerStream() for row in rows}
        self._open = set(rows)
        self._prompt_tokens = 0
        self._tokens = 0
        self.warnings = list(chat.warnings)
        """Sentences about what is different from what was asked for."""

    @property
    def usage(self) -> dict[str, int]:
        """The tokens that were read and written, as far as they are known."""
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._tokens,
            "total_tokens": self._prompt_tokens + self._tokens,
        }

    async def pieces(self, seconds: float | None = None) -> AsyncIterator[Answered | None]:
        """Yield the answers as they are written; None where nothing comes for some seconds.

        Raises `ApiError` if the job fails.
        """
        while True:
            report = await self._feed.next(seconds)
            if report is None:
                yield None
                continue
            if isinstance(report, JobEnded):
                if self._open:
                    raise_if_failed(report)
                return
            for answered in self._read(report):
                yield answered

    def _read(self, report: Report) -> Sequence[Answered]:
        match report:
            case Accepted():
                for row in self._open:
                    self._streams[row].restart()
            case Warned():
                self.warnings.append(str(report.message))
            case TextDelta() if report.row in self._open:
                piece = self._streams[report.row].add(report.text)
                return self._answered(report.row, piece, "")
            case AssetSaved():
                stats = report.asset.recipe.stats
                self._tokens += int(stats.get("tokens", 0))
                self._prompt_tokens = int(stats.get("prompt_tokens", 0))
                if report.row in self._open:
                    whole = report.asset.text.removeprefix(self._chat.start)
                    piece = self._streams[report.row].finish(whole)
                    reason = "length" if stats.get("reached_limit") else "stop"
                    return self._answered(report.row, piece, reason)
        return ()

    def _answered(self, row: int, piece: Piece, reason: str) -> Sequence[Answered]:
        if reason:
            self._open.discard(row)
        return (Answered(row, piece, reason),) if piece or reason else ()


def completion_head(chat: Chat, job: str, kind: str) -> dict[str, Any]:
    """Return what all objects of one completion have in common."""
    return {
        "id": f"chatcmpl-{job}",
        "object": kind,
        "created": int(time.time()),
        "model": chat.model.id,
    }


async def whole_completion(chat: Chat, answers: Answers, job: str) -> dict[str, Any]:
    """Return all answers at once, when they are finished."""
    content = dict.fromkeys(range(chat.request.count), "")
    reasoning = dict(content)
    reasons = dict(content)
    async for each in answers.pieces():
        if each is not None:
            content[each.row] += each.piece.content
            reasoning[each.row] += each.piece.reasoning
            reasons[each.row] = each.reason or reasons[each.row]
    choices = []
    for row, answer in content.items():
        message = {"role": "assistant", "content": answer}
        if reasoning[row]:
            message["reasoning_content"] = reasoning[row]
        choices.append(
            {"index": row, "message": message, "logprobs": None, "finish_reason": reasons[row]}
        )
    made = completion_head(chat, job, "chat.completion")
    made |= {"choices": choices, "usage": answers.usage}
    return made | ({"warnings": answers.warnings} if answers.warnings else {})
