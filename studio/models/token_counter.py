"""The app's side of counting tokens: before anything is sent, what would be cut."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from studio.formats.chat_template import Conversation
from studio.formats.gguf_cache import converted_folder
from studio.models.token_count_process import (
    ContextUse,
    CountFailed,
    CountRequest,
    pack_question,
    serve,
    unpack_answer,
)
from studio.protocol import ModelRef

__all__ = ["ContextUse", "TokenCounter"]

_PATIENCE = 20.0
"""Seconds after which a counter that does not answer is started again."""


class TokenCounter:
    """Owns the counting process. It is started by the first question and ends with the app.

    Args:
        cache: the folder of caches (`Paths.cache`), in which converted GGUF models lie.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self._process.pid if self._process is not None else None

    def count(
        self, model: ModelRef, conversation: Conversation, max_tokens: int
    ) -> ContextUse | None:
        """Return how full the context would be; None where that cannot be told.

        `max_tokens` is the longest answer asked for.

        Blocks (the first time for a second): call it off the window's thread. A GGUF file's
        tokenizer is only known once the engine has converted it.
        """
        folder = self._folder(model)
        if folder is None or not (folder / "tokenizer.json").is_file():
            return None
        with self._lock:
            for _ in range(2):
                if self._stopped:
                    return None
                answer = self._ask(CountRequest(str(folder), conversation, max_tokens))
                if answer is not None:
                    return None if isinstance(answer, CountFailed) else answer
        return None

    def _folder(self, model: ModelRef) -> Path | None:
        if model.format == "transformers":
            return Path(model.path)
        if model.format != "gguf" or self._cache is None:
            return None
        try:
            return converted_folder(self._cache, Path(model.path))
        except OSError:
            return None

    def stop(self) -> None:
        """End the process. No question is answered any more."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _ask(self, asked: CountRequest) -> ContextUse | CountFailed | None:
        """Ask once; None when the process died or hung, and was ended."""
        connection = self._started()
        if self._stopped:
            # `stop` came while the process was being started, and could not end it.
            self._end()
            return None
        try:
            connection.send_bytes(pack_question(asked))
            if connection.poll(_PATIENCE):
                return unpack_answer(connection.recv_bytes())
        except (EOFError, OSError, msgspec.DecodeError):
            pass
        self._end()
        return None

    def _started(self) -> Connection:
        if self._connection is not None and self._process is not None:
            return self._connection
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
