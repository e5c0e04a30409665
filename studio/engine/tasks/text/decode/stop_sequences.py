"""Stop sequences: texts before which an answer ends, looked for while it is written."""

from __future__ import annotations

from collections.abc import Sequence

from studio.formats.chat.thoughts import is_undecided, split_thoughts


class StopSequences:
    """Looks for stop sequences in the text of one answer, but not in the thoughts before it.

    What may be the beginning of a stop sequence is held back until that is known.

    Args:
        stops: the sequences.
        begun: the start of the answer, which is not looked at but may open thoughts.
    """

    def __init__(self, stops: Sequence[str] = (), begun: str = "") -> None:
        self._stops = tuple(stops)
        self._begun = begun
        self._begun_sent = len(begun)
        self._is_answer = not stops
        self._held = ""
        self.is_stopped = False
        """Whether a stop sequence has come."""

    def push(self, text: str) -> str:
        """Add text; return what is certainly part of the answer."""
        if not self._stops or self.is_stopped:
            return "" if self.is_stopped else text
        return self._answer(text) if self._is_answer else self._thoughts(text)

    def finish(self) -> str:
        """Return what was held back."""
        ready = ""
        if not self._is_answer:
            rest, self._begun_sent = self._begun[self._begun_sent :], len(self._begun)
            if split_thoughts(self._begun).is_thinking:
                return rest
            ready = self._answer(rest)
        held, self._held = self._held, ""
        return ready + held

    def _thoughts(self, text: str) -> str:
        self._begun += text
        if is_undecided(self._begun):
            return ""
        found = split_thoughts(self._begun)
        is_over = not found.is_thinking and bool(found.answer)
        end = len(self._begun) - len(found.answer) if is_over else len(self._begun)
        first = max(end, self._begun_sent)
        sent, self._begun_sent = self._begun[self._begun_sent : first], first
        if not is_over:
            return sent
        self._is_answer = True
        return sent + self._answer(self._begun[first:])

    def _answer(self, text: str) -> str:
        self._held += text
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.is_stopped = True
            ready, self._held = self._held[: min(places)], ""
            return ready
        kept = max(
            (
                length
                for stop in self._stops
                for length in range(1, min(len(stop), len(self._held) + 1))
                if self._held.endswith(stop[:length])
            ),
            default=0,
        )
        end = len(self._held) - kept
        ready, self._held = self._held[:end], self._held[end:]
        return ready
