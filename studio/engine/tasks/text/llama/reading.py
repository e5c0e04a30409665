"""Reads prompts into the sequences of a context, and keeps what later prompts begin with.

A prompt is read in chunks of a fixed size. Where the model gives the same result bit for bit for
pieces of other sizes, any common beginning of two prompts is read once, and the ends of several
prompts are read in one call. Pieces of a single token are computed in another way, so that a
prompt is divided into them only where it always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext

_LEAST_SHARED = 8
"""Length of a common beginning that is worth a copy of the sequence."""

_FILLING = 0.25
"""Part of a call that may be spent on tokens that only fill it."""

Check = Callable[[], None]


@dataclass(frozen=True)
class KeptPrompt:
    """A copy of sequence 0: its tokens, the prompt that it has the logits of, and its cache."""

    cached: list[int]
    read: tuple[list[int], NDArray[np.float32]] | None
    state: Any


class PromptReader:
    """A context, and the tokens of its sequence 0.

    Args:
        context: the context, closed by `close`.
    """

    def __init__(self, context: LlamaContext) -> None:
        self.context = context
        self.cached: list[int] = []
        """The tokens of sequence 0."""
        self._read: tuple[list[int], NDArray[np.float32]] | None = None
        """The last prompt that was read into sequence 0, and its logits."""

    def close(self) -> None:
        """Release the memory."""
        self.context.close()
        self.cached, self._read = [], None

    def keep(self) -> KeptPrompt | None:
        """Return a copy of sequence 0 for another context, None if there is none."""
        state = self.context.state(0) if self.cached else None
        return None if state is None else KeptPrompt(list(self.cached), self._read, state)

    def take_over(self, kept: KeptPrompt) -> None:
        """Put a copy from another context into sequence 0, if possible."""
        if self.context.restore(0, kept.state):
            self.cached, self._read = kept.cached, kept.read

    def knows(self, ids: Sequence[int]) -> bool:
        """Whether nothing of a prompt has to be read."""
        return self._read is not None and self._read[0] == list(ids) == self.cached

    def common(self, ids: Sequence[int]) -> int:
        """Return how many of the first tokens of a prompt are in sequence 0, as it has them.

        The last one may have been read alone, which it would not be in a longer prompt.
        """
        known = common_prefix(self.cached, ids)
        ends_alone = known == len(self.cached) < len(ids) and known % CHUNK == 1
        return known - 1 if ends_alone else known

    def read(self, prompt: Sequence[int], check: Check, *, in_pieces: bool) -> NDArray[np.float32]:
        """Read a prompt into sequence 0, as far as it is not there; empty all other sequences.

        Returns the logits after it, (1, vocabulary).
        """
        ids = list(prompt)
        last, self._read = self._read, None
        if last is not None and last[0] == ids == self.cached:
            self._read = last
            self.truncate(len(ids))
            return last[1]
        known = self.common(ids)
        self.truncate(_kept(known, len(ids)) if in_pieces else _whole_chunks(known, len(ids)))
        for start, end in pieces(len(self.cached), len(ids)):
            check()
            self._append(ids[start:end], start, 0, check)
            self.cached += ids[start:end]
        logits = self.context.logits(1).copy()
        self._read = ids, logits
        return logits

    def read_several(
        self, prompts: Sequence[Sequence[int]], check: Check, *, in_pieces: bool
    ) -> list[NDArray[np.float32]]:
        """Read prompts into the sequences from 0 on. Returns the logits after each.

        With `in_pieces`, prompts of about the same length should be adjacent.
        """
        found = {0: self.read(prompts[0], check, in_pieces=in_pieces)}
        places = range(1, len(prompts))
        if not in_pieces:
            for place in places:
                found[place] = self._read_alone(prompts[place], 0, place, check)
            return [found[place] for place in sorted(found)]
        rooms = [len(prompt) - 2 for prompt in prompts]
        shared = min(rooms + [common_prefix(prompts[0], prompts[place]) for place in places])
        if shared < _LEAST_SHARED:
            shared = 0
        for place in places if shared else ():
            self.context.copy(0, place)
            if not self.context.truncate(place, shared):
                raise RuntimeError("a sequence that could be cut cannot be cut")
        lengths = {
            place: len(prompts[place]) - shared
            for place in places
            if len(prompts[place]) % CHUNK != 1
        }
        for group in shared_calls(lengths, CHUNK):
            if len(group) > 1:
                check()
                found |= self._read_together({each: prompts[each] for each in group}, shared, check)
        for place in places:
            if place not in found:
                found[place] = self._read_alone(prompts[place], shared, place, check)
        return [found[place] for place in sorted(found)]

    def _read_alone(
        self, ids: Sequence[int], start: int, sequence: int, check: Check
    ) -> NDArray[np.float32]:
        for first, end in pieces(start, len(ids)):
            check()
            self._append(ids[first:end], first, sequence, check)
        return self.context.logits(1).copy()

    def _read_together(
        self, prompts: dict[int, Sequence[int]], start: int, check: Check
    ) -> dict[int, NDArray[np.float32]]:
        """Read the rests of prompts in one call, filled up to the same length."""
        longest = max(map(len, prompts.values()))
        tokens: list[int] = []
        wanted: list[bool] = []
        for ids in prompts.values():
            filling = longest - len(ids)
            tokens += [*ids[start:], *[ids[0]] * filling]
            wanted += [False] * (len(ids) - start - 1) + [True] + [False] * filling
        places = [*range(start, longest)] * len(prompts)
        sequences = [each for each in prompts for _ in range(start, longest)]
        self.decode(tokens, places, sequences, wanted, check)
        logits = self.context.logits(len(prompts)).copy()
        for sequence, ids in prompts.items():
            if len(ids) < longest and not self.context.truncate(sequence, len(ids)):
                raise RuntimeError("a sequence that could be cut cannot be cut")
        return {place: logits[row : row + 1] for row, place in enumerate(prompts)}

    def _append(self, tokens: Sequence[int], start: int, sequence: int, check: Check) -> None:
        number = len(tokens)
        places = range(start, start + number)
        self.decode(tokens, places, [sequence] * number, [False] * (number - 1) + [True], check)

    def decode(
        self,
        tokens: Sequence[int],
        places: Sequence[int],
        sequences: Sequence[int],
        wanted: Sequence[bool],
        check: Check,
    ) -> None:
        """Append tokens to sequences, see `LlamaContext.decode`."""
        try:
            self.context.decode(tokens, places, sequences, wanted)
        except (MemoryError, RuntimeError):
            # What was computed before the end stays in the cache.
            self.truncate(len(self.cached))
            check()
            raise

    def truncate(self, tokens: int) -> None:
        """Keep the first tokens of sequence 0, or none if the model's cache cannot be cut."""
        if self.context.is_closed:
            return
        for sequence in range(1, self.context.sequences):
            self.context.clear(sequence)
        if tokens and self.context.truncate(0, tokens):
            del self.cached[tokens:]
        else:
            self.context.clear(0)
            self.cached = []


def pieces(start: int, length: int) -> Iterator[tuple[int, int]]:
    """Divide the tokens of a prompt from `start` on into calls.

    From its beginning on, these are whole chunks and a rest. From elsewhere on, a piece has a
    single token only if it would have one from the beginning on.
    """
    end = length - 1 if length > 1 and length % CHUNK == 1 else length
    while start < end:
        left = end - start
        size = CHUNK - 1 if left == CHUNK + 1 else min(left, CHUNK)
        yield start, start + size
        start += size
    if end < length:
        yield end, length


def _kept(known: int, length: int) -> int:
    """Return how much of a known beginning is kept; the last token is always read again."""
    end = length - 1 if length > 1 and length % CHUNK == 1 else length
    if known >= end and end < length:
        return end
    return max(0, min(known, end - 2))


def _whole_chunks(known: int, length: int) -> int:
    return min(known, length - 1) // CHUNK * CHUNK


def shared_calls(lengths: dict[int, int], most: int) -> list[list[int]]:
    """Divide sequences into groups that are read in one call each.

    Args:
        lengths: sequence → number of tokens to read; adjacent ones are put together.
        most: number of tokens in a call.
    """
    groups: list[list[int]] = []
    for sequence in lengths:
        group = [*groups[-1], sequence] if groups else []
        size = max((lengths[each] for each in group), default=0) * len(group)
        used = sum(lengths[each] for each in group)
        if group and size <= most and size - used <= _FILLING * size:
            groups[-1] = group
        else:
            groups.append([sequence])
    return groups


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two prompts, in tokens."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
