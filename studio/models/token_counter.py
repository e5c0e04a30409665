"""Client of the token count process, for showing context use before a prompt is sent."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from studio.formats.weights.gguf_cache import converted_folder
from studio.models.token_count_messages import (
    ContextUse,
    Conversation,
    CountFailed,
    CountRequest,
    decode_reply,
    encode_request,
)
from studio.protocol import ModelRef

__all__ = ["ContextUse", "TokenCounter"]

_TIMEOUT = 20.0
"""Seconds after which a process that does not reply is restarted."""


class TokenCounter:
    """Owns the token count process, which starts on first use and ends with the app.

    Args:
        cache: the cache folder (`Paths.cache`), which contains converted GGUF models.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process id, None if the process is not running."""
        return self._process.pid if self._process is not None else None

    def count(
        self, model: ModelRef, conversation: Conversation, max_tokens: int
    ) -> ContextUse | None:
        """Return how much of the context would be used, None if unknown.

        `max_tokens` is the requested maximum length of the answer. Blocks, for about a second on
        the first call, so do not call it on the window's thread.
        """
        with self._lock:
            for source in self._sources(model):
                for _ in range(2):
                    if self._stopped:
                        return None
                    reply = self._send(CountRequest(str(source), conversation, max_tokens))
                    if isinstance(reply, ContextUse):
                        return reply
                    if reply is not None:
                        break
        return None

    def _sources(self, model: ModelRef) -> list[Path]:
        """Return where the tokenizer of a model may be read."""
        path = Path(model.path)
        if model.format == "transformers":
            return [path] if (path / "tokenizer.json").is_file() else []
        if model.format != "gguf":
            return []
        found = [path]
        if self._cache is not None:
            with contextlib.suppress(OSError):
                # Where llama.cpp is missing, the engine has converted the model.
                folder = converted_folder(self._cache, path)
                found += [folder] if (folder / "tokenizer.json").is_file() else []
        return found

    def stop(self) -> None:
        """End the process permanently; `count` returns None from now on."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _send(self, request: CountRequest) -> ContextUse | CountFailed | None:
        """Send one request. Returns None if the process crashed or hung, after ending it."""
        connection = self._start()
        if self._stopped:
            # `stop` was called while the process was starting, and could not end it.
            self._end()
            return None
        try:
            connection.send_bytes(encode_request(request))
            if connection.poll(_TIMEOUT):
                return decode_reply(connection.recv_bytes())
        except (EOFError, OSError, msgspec.DecodeError):
            pass
        self._end()
        return None

    def _start(self) -> Connection:
        if self._connection is not None and self._process is not None:
            return self._connection
        # Not on the window's thread, as it would be at the top: jinja2 takes 75 ms to import.
        from studio.models.token_count_process import serve

        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs,), name="studio-token-counter", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._connection = process, ours
        return ours

    def _end(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._connection = None
