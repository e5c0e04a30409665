"""A small process that counts tokens: the tokenizers library holds the interpreter's lock while
it reads a vocabulary, and the window must not wait for that. Neither torch nor transformers.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import OrderedDict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from studio.formats.chat_template import Conversation, plain_text, read_template, render
from studio.formats.context_window import context_length, cut_turns

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_KEPT = 2
"""Vocabularies that stay loaded."""


class CountRequest(Struct, frozen=True):
    """What is to be counted, for the model in a folder.

    `max_tokens` is the longest answer asked for.
    """

    folder: str
    conversation: Conversation
    max_tokens: int


class ContextUse(Struct, frozen=True):
    """How full a model's context would be.

    Attributes:
        tokens: tokens of what would be sent.
        context: the model's context in tokens, None for no limit.
        room: tokens that the answer may have.
        left_out: the oldest turns that would be left out.
        fits: False where even the prompt alone leaves no room for an answer.
    """

    tokens: int
    context: int | None
    room: int
    left_out: int = 0
    fits: bool = True


class CountFailed(Struct, frozen=True):
    """Why it cannot be told."""

    reason: str


class _Counted(Struct, frozen=True):
    use: ContextUse | None = None
    failed: CountFailed | None = None


_decoder = msgspec.msgpack.Decoder(CountRequest)
_answers = msgspec.msgpack.Decoder(_Counted)
_encoder = msgspec.msgpack.Encoder()


def pack_question(asked: CountRequest) -> bytes:
    """Encode a question for the pipe."""
    return _encoder.encode(asked)


def unpack_answer(data: bytes) -> ContextUse | CountFailed:
    """Decode an answer. Raises `msgspec.DecodeError`."""
    counted = _answers.decode(data)
    return counted.use or counted.failed or CountFailed("no answer")


def serve(connection: Connection) -> None:
    """Answer questions until the app is gone."""
    threading.Thread(target=_end_with_app, name="end-with-app", daemon=True).start()
    tokenizers: OrderedDict[tuple[str, int], Tokenizer] = OrderedDict()
    while True:
        try:
            asked = _decoder.decode(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            answer = _Counted(use=count(asked, _tokenizer(Path(asked.folder), tokenizers)))
        except Exception as error:
            # A stranger's tokenizer or template may raise anything; the meter then shows nothing.
            answer = _Counted(failed=CountFailed(f"{type(error).__name__}: {error}"))
        try:
            connection.send_bytes(_encoder.encode(answer))
        except OSError:
            return


def _end_with_app() -> None:
    """End this process when the app is gone, even in the middle of a template without end."""
    app = multiprocessing.parent_process()
    if app is not None:
        app.join()
        os._exit(0)


def count(asked: CountRequest, tokenizer: Tokenizer) -> ContextUse:
    """Count as the engine will, and cut by the same rule.

    Raises `TemplateRefusedError` where the template does not take the conversation.
    """
    folder, said = Path(asked.folder), asked.conversation
    template, special = read_template(folder)
    config = msgspec.json.decode((folder / "config.json").read_bytes(), type=dict[str, object])
    context = context_length(config)

    def tokens_from(first: int) -> int:
        kept = said.messages[first:]
        if template is None:
            text = plain_text(said.system_prompt, kept, said.prompt)
            return len(tokenizer.encode(text, add_special_tokens=True).ids)
        text = render(template, special, said.system_prompt, kept, said.prompt)
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    roles = [turn.role for turn in said.messages]
    cut = cut_turns(tokens_from, roles, context, asked.max_tokens)
    return ContextUse(cut.tokens, context, cut.room, cut.first, cut.fits or template is None)


def _tokenizer(folder: Path, known: OrderedDict[tuple[str, int], Tokenizer]) -> Tokenizer:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    key = (str(file), file.stat().st_mtime_ns)
    if key not in known:
        known[key] = Tokenizer.from_file(str(file))
        while len(known) > _KEPT:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]
