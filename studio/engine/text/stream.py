"""Tokens to text, piece by piece, without ever showing half a character."""

from __future__ import annotations

from collections.abc import Callable

_BROKEN = "\ufffd"
_LONGEST = 16
"""Tokens that may wait for the rest of a character before they are shown as they are."""


class TextStream:
    """Turns the tokens of one row into text as they come.

    A character of several bytes (Chinese, emoji) may be spread over several tokens; it is held
    back until it is whole. Tokens are decoded with a few before them, since some tokenizers
    put a space before a word only when something stands in front of it.

    Args:
        decode: token ids to text, without special tokens.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self.tokens: list[int] = []
        self.text = ""
        self._start = 0
        self._shown = 0

    def push(self, token: int) -> str:
        """Add a token; return the text that it completes, often empty or one word."""
        self.tokens.append(token)
        before = self._decode(self.tokens[self._start : self._shown])
        now = self._decode(self.tokens[self._start :])
        waiting = len(self.tokens) - self._shown
        if now.endswith(_BROKEN) and waiting < _LONGEST:
            return ""
        if not now.startswith(before):
            return ""
        fresh = now[len(before) :]
        if fresh:
            self._start, self._shown = self._shown, len(self.tokens)
            self.text += fresh
        return fresh

    def finish(self) -> str:
        """Return what was still held back; `text` is the whole answer afterwards."""
        whole = self._decode(self.tokens).rstrip(_BROKEN)
        fresh = whole[len(self.text) :] if whole.startswith(self.text) else ""
        self.text = whole if whole.startswith(self.text) else self.text
        return fresh
