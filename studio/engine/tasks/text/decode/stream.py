"""Streaming detokenization that never emits incomplete characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from studio.engine.tasks.text.decode.stop_sequences import StopSequences

_REPLACEMENT_CHARACTER = "\ufffd"
_MAX_PENDING_TOKENS = 8
"""Maximum number of tokens held back for an incomplete character. A character has at most four
bytes, so bytes that form none after this many tokens never will."""


class TextStream:
    """Converts the tokens of one row to text incrementally.

    A character of several bytes (Chinese, emoji) may be split over several tokens; it is held
    back until it is complete. Tokens are decoded together with preceding ones, since some
    tokenizers put a space before a word only if something precedes it.

    Args:
        decode: token ids to text, without special tokens.
        before: the last tokens of the text that is continued; none for an answer in a chat.
        opening: text before the first token.
        stops: the stop sequences before which the text ends.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        before: Sequence[int] = (),
        opening: str = "",
        stops: StopSequences | None = None,
    ) -> None:
        self._decode = decode
        self._ids = list(before)
        self._start = 0
        self._emitted = len(self._ids)
        self._before = decode(self._ids) if self._ids else ""
        self._parts: list[str] = []
        self._opening = opening
        self._stops = stops or StopSequences()
        self.tokens = 0
        """Number of tokens pushed so far."""
        self.length = 0
        """Number of characters emitted so far."""

    @property
    def is_stopped(self) -> bool:
        """Whether a stop sequence has come."""
        return self._stops.is_stopped

    @property
    def text(self) -> str:
        """All text emitted so far."""
        return "".join(self._parts)

    def push(self, token: int) -> str:
        """Add a token; return the text that it completes, which may be empty."""
        self._ids.append(token)
        self.tokens += 1
        now = self._decode(self._ids[self._start :])
        if (
            now.endswith(_REPLACEMENT_CHARACTER)
            and len(self._ids) - self._emitted < _MAX_PENDING_TOKENS
        ):
            return ""
        return self._emit(now)

    def finish(self) -> str:
        """Return the text that was held back, without bytes that form no character."""
        last = self._emit(self._decode(self._ids[self._start :]).rstrip(_REPLACEMENT_CHARACTER))
        return last + self._add(self._stops.finish())

    def _emit(self, now: str) -> str:
        new = now[len(self._before) :]
        if new:
            if self._opening:
                new, self._opening = self._opening + new, ""
            self._start, self._emitted = self._emitted, len(self._ids)
            self._before = self._decode(self._ids[self._start :])
        return self._add(self._stops.push(new))

    def _add(self, text: str) -> str:
        if text:
            self._parts.append(text)
            self.length += len(text)
        return text
