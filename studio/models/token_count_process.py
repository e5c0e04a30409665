"""A process that counts tokens, without torch and transformers.

It is a process of its own because the tokenizers library holds the GIL while it loads a
vocabulary, which would block the window.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import OrderedDict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from studio.formats.chat.chat_template import default_template, plain_text, read_template, render
from studio.formats.chat.context_window import context_length, cut_turns
from studio.models.token_count_messages import (
    ContextUse,
    CountFailed,
    CountRequest,
    Reply,
    decode_request,
    encode_reply,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from studio.formats.llama.vocabulary import LlamaVocabulary

    _Tokenizer: TypeAlias = Tokenizer | LlamaVocabulary

_CACHED_TOKENIZERS = 2


def serve(connection: Connection) -> None:
    """Reply to requests until the app ends."""
    threading.Thread(target=_end_with_app, name="end-with-app", daemon=True).start()
    tokenizers: OrderedDict[tuple[str, int], _Tokenizer] = OrderedDict()
    while True:
        try:
            request = decode_request(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            reply = Reply(use=count(request, _tokenizer(Path(request.folder), tokenizers)))
        except Exception as error:
            # Tokenizers and templates of a model can raise anything.
            reply = Reply(failed=CountFailed(f"{type(error).__name__}: {error}"))
        try:
            connection.send_bytes(encode_reply(reply))
        except OSError:
            return


def _end_with_app() -> None:
    """End this process when the app ends, even while a template loops endlessly."""
    app = multiprocessing.parent_process()
    if app is not None:
        app.join()
        os._exit(0)


def count(request: CountRequest, tokenizer: _Tokenizer) -> ContextUse:
    """Count and truncate in the same way as the engine.

    Raises `TemplateRefusedError` if the template rejects the conversation.
    """
    source, conversation = Path(request.folder), request.conversation
    if _is_gguf(source):
        header, special = tokenizer.header, tokenizer.special_tokens()  # type: ignore[union-attr]
        template = default_template(header.metadata.get("tokenizer.chat_template"))
        context = header.context
    else:
        template, special = read_template(source)
        config = msgspec.json.decode((source / "config.json").read_bytes(), type=dict[str, object])
        context = context_length(config)

    def encode(text: str, special: bool) -> int:
        if _is_gguf(source):
            return len(tokenizer.encode(text, special=special))  # type: ignore[call-arg]
        encoded = tokenizer.encode(text, add_special_tokens=special)  # type: ignore[call-arg]
        return len(encoded.ids)  # type: ignore[union-attr]

    def tokens_from(first: int) -> int:
        kept = conversation.messages[first:]
        system, prompt = conversation.system_prompt, conversation.prompt
        if template is None:
            return encode(plain_text(system, kept, prompt), True)
        return encode(render(template, special, system, kept, prompt), False)

    roles = [turn.role for turn in conversation.messages]
    cut = cut_turns(tokens_from, roles, context, request.max_tokens)
    return ContextUse(cut.tokens, context, cut.room, cut.first, cut.fits or template is None)


def _is_gguf(source: Path) -> bool:
    return source.suffix.lower() == ".gguf"


def _tokenizer(source: Path, cache: OrderedDict[tuple[str, int], _Tokenizer]) -> _Tokenizer:
    file = source if _is_gguf(source) else source / "tokenizer.json"
    key = (str(file), file.stat().st_mtime_ns)
    if key not in cache:
        cache[key] = _read_tokenizer(file)
        while len(cache) > _CACHED_TOKENIZERS:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return cache[key]


def _read_tokenizer(file: Path) -> _Tokenizer:
    if _is_gguf(file):
        from studio.formats.llama.vocabulary import read_vocabulary

        return read_vocabulary(file)
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(file))
