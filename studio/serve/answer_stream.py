"""One answer while it is written: thoughts apart."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from studio.formats.chat.thoughts import closing_marks, is_undecided, split_thoughts


class Piece(Struct, frozen=True):
    """What is new of an answer: of its text, and of the thoughts before it."""

    content: str = ""
    reasoning: str = ""

    def __bool__(self) -> bool:
        return bool(self.content or self.reasoning)


class AnswerStream:
    """Turns the text of an answer into pieces to send.

    What may be the beginning of a mark is held back until that is known.
    After `restart` the same text comes again, of which only what is new is sent.
    """

    def __init__(self) -> None:
        self._text = ""
        self._content_sent = 0
        self._reasoning_sent = 0

    def restart(self) -> None:
        """Expect the text from its beginning."""
        self._text = ""

    def add(self, text: str) -> Piece:
        """Add text that was written; return what can be sent."""
        self._text += text
        return self._piece(has_ended=False)

    def finish(self, text: str) -> Piece:
        """Return what has not been sent of the whole text."""
        self._text = text
        return self._piece(has_ended=True)

    def _piece(self, *, has_ended: bool) -> Piece:
        if not has_ended and is_undecided(self._text):
            return Piece()
        found = split_thoughts(self._text)
        thoughts, answer = found.thoughts, found.answer
        if found.is_thinking:
            answer = ""
            if not has_ended:
                thoughts = _without_start_of(thoughts, closing_marks())
        content, self._content_sent = _new(answer, self._content_sent)
        reasoning, self._reasoning_sent = _new(thoughts, self._reasoning_sent)
        return Piece(content, reasoning)


def _new(text: str, sent: int) -> tuple[str, int]:
    """Return what of a text was not sent, and how much is sent with it."""
    return text[sent:], max(sent, len(text))


def _without_start_of(text: str, sequences: Iterable[str]) -> str:
    """Return a text without what may be the beginning of a sequence at its end."""
    held = max(
        (
            length
            for sequence in sequences
            for length in range(1, min(len(sequence), len(text) + 1))
            if text.endswith(sequence[:length])
        ),
        default=0,
    )
    return text[: len(text) - held]
