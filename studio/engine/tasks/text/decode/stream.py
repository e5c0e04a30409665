"""Tokens to text, piece by piece, without ever showing half a character."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_BROKEN = "\ufffd"
_LONGEST = 8
"""Tokens that wait for the rest of a character. None has more than four bytes, so that bytes
which still make none after so many tokens never will."""


class TextStream:
    """Turns the tokens of one row into text as they come.

    A character of several bytes (Chinese, emoji) may be spread over several tokens; it is held
    back until it is whole. Tokens are decoded with a few before them, since some tokenizers
    put a space before a word only when something stands in front of it.

    Args:
        decode: token ids to text, without special tokens.
        before: the last tokens of what the text continues; none for an answer in a chat.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], before: Sequence[int] = ()) -> None:
        self._decode = decode
        self._ids = list(before)
        self._start = 0
        self._shown = len(self._ids)
        self._before = decode(self._ids) if self._ids else ""
        self._parts: list[str] = []
        self.tokens = 0
        """Tokens taken in."""
        self.length = 0
        """Characters shown so far."""

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._parts)

    def push(self, token: int) -> str:
        """Add a token; return the text that it completes: mostly one word, often nothing."""
        self._ids.append(token)
        self.tokens += 1
        now = self._decode(self._ids[self._start :])
        if now.endswith(_BROKEN) and len(self._ids) - self._shown < _LONGEST:
            return ""
        return self._show(now)

    def finish(self) -> str:
        """Return what was held back, without the bytes that never became a character."""
        return self._show(self._decode(self._ids[self._start :]).rstrip(_BROKEN))

    def _show(self, now: str) -> str:
        fresh = now[len(self._before) :]
        if fresh:
            self._parts.append(fresh)
            self.length += len(fresh)
            self._start, self._shown = self._shown, len(self._ids)
            self._before = self._decode(self._ids[self._start :])
        return fresh
