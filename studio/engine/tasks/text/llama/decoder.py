"""The decoding loop with llama.cpp.

A prompt is read where it is continued, as sequence 0 of a context that has room for all rows; the
rows continue it and copies of it. Rows with different prompts continue sequences of their own.
Tokens are picked by the same code as with transformers, so that the seed of a row means the same.

Rows of a batch are to have the same result as alone. With quantised weights the library computes
each row by itself, so only attention matters: every sequence has a KV cache of its own. Flash
attention splits a longer cache for a single row only, so it is used up to a length where it does
not and is faster, and beyond one where the memory of plain attention counts. Whether rows agree is
tested for each model, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.engine.tasks.text.decode.grammar import restrict_rows
from studio.engine.tasks.text.decode.sampling import Sampling, SeenTokens, pick
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext
from studio.engine.tasks.text.llama.exact_rows import (
    SHORT_PROMPT,
    exact_width,
    is_exact_for_different_prompts,
    is_exact_in_pieces,
    longest_prompt,
)
from studio.engine.tasks.text.llama.reading import PromptReader, common_prefix
from studio.formats.llama.library import LlamaLibrary

_CELLS = 512
"""The size of the KV cache is a multiple of this, so that it is not made anew for each turn."""

_WHOLE_FLASH_CELLS = 256
"""Longest prompt and answer that flash attention reads in one piece, as it does with more rows."""

_PLAIN_CELLS = 8192
"""Longest prompt and answer with plain attention, whose scores would fill the memory beyond."""

_FLASH_PIECES = 63
"""Longest prompt that flash attention reads like each of its pieces: from 64 tokens on, it reads
them in tiles."""

_PIECES = 12
"""Length of the prompts with which reading in pieces is tested for plain attention."""


@dataclass(frozen=True)
class LlamaPrompt:
    """A prompt, which is read where it is continued.

    `logits` (1, vocabulary) are there if it was read already.
    """

    ids: list[int]
    row_bytes: float
    vocabulary: int
    logits: NDArray[np.float32] | None = None

    def scores(self) -> NDArray[np.float32]:
        """Return the logits after a prompt that was read, (vocabulary)."""
        assert self.logits is not None
        return np.array(self.logits[0], np.float32)


class LlamaDecoder:
    """Runs a model of llama.cpp.

    Args:
        library: llama.cpp.
        model: the loaded model, freed by `close`.
        vocabulary: number of tokens in its vocabulary.
        threads: number of threads to compute with.
        longest: length of the model's context in tokens, None for no limit.
    """

    def __init__(
        self, library: LlamaLibrary, model: Any, vocabulary: int, threads: int, longest: int | None
    ) -> None:
        self._library = library
        self._model = model
        self._vocabulary = vocabulary
        self._threads = threads
        self._longest = longest
        self._reader: PromptReader | None = None
        self._widths: dict[bool, tuple[int, int]] = {}
        """The largest batch tested and the largest exact one, with plain attention and without."""
        self._can_mix: bool | None = None
        self._can_divide: dict[bool, bool] = {}
        self._row_bytes = 0.0

    def forget(self) -> None:
        """Release the KV cache."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def close(self) -> None:
        """Release the model."""
        self.forget()
        if self._model is not None:
            self._library.model_free(self._model)
        self._model = None

    def prefill(
        self, prompt: Sequence[int], check: Callable[[], None], room: int = 0
    ) -> LlamaPrompt:
        """Read a prompt. See `TextDecoder`."""
        ids = list(prompt)
        reader = self._reserve(len(ids) + room, 1)
        in_pieces = self._reads_in_pieces([ids], reader, check)
        with reader.context.stopped_by(check):
            logits = reader.read(ids, check, in_pieces=in_pieces)
        return replace(self.prepare(ids, check), logits=logits)

    def read_on(self, prompt: Sequence[int], check: Callable[[], None], room: int) -> None:
        """Read a prompt, if that can be used by prompts that go on from it. See `TextDecoder`."""
        ids = list(prompt)
        cells = len(ids) + room
        is_plain = _is_plain(cells)
        if self._reader is None or self._reader.context.is_plain != is_plain:
            return
        reader = self._reserve(cells, 1)
        if is_plain and self._reads_in_pieces([ids], reader, check):
            self.prefill(ids, check, room)

    def prepare(
        self,
        prompt: Sequence[int],
        check: Callable[[], None],
        *,
        is_only: bool = False,  # noqa: ARG002 no prompt is read here
    ) -> LlamaPrompt:
        """Return a prompt, to be read where it is continued. See `TextDecoder`."""
        if not self._row_bytes:
            self._row_bytes = self._measure_row(check)
        return LlamaPrompt(list(prompt), self._row_bytes, self._vocabulary)

    def _measure_row(self, check: Callable[[], None]) -> float:
        """Return the size of a token in the KV cache, in bytes."""
        context = self._open(False, SHORT_PROMPT, 1)
        try:
            with context.stopped_by(check):
                tokens = [1 % self._vocabulary] * SHORT_PROMPT
                places = range(SHORT_PROMPT)
                context.decode(tokens, places, [0] * SHORT_PROMPT, [True] * SHORT_PROMPT)
            return context.size(0) / SHORT_PROMPT
        finally:
            context.close()

    def can_mix_prompts(self, check: Callable[[], None]) -> bool:
        """Return whether rows with different prompts have the same result together as alone.

        Tested once, bit for bit.
        """
        check()
        if self._can_mix is None:
            lengths = {False: SHORT_PROMPT, True: longest_prompt(self._longest)}
            try:
                self._can_mix = all(
                    is_exact_for_different_prompts(
                        partial(self._open, is_plain), self._vocabulary, longest, check
                    )
                    for is_plain, longest in lengths.items()
                )
            except MemoryError:
                return False
        return self._can_mix

    def _reads_in_pieces(
        self, prompts: Sequence[list[int]], reader: PromptReader, check: Callable[[], None]
    ) -> bool:
        """Return whether prompts give the same result in pieces of any size.

        Tested once for each kind of attention, bit for bit, when something could be gained.
        """
        is_plain, longest = reader.context.is_plain, max(map(len, prompts))
        if longest > _PLAIN_CELLS or not (is_plain or longest <= _FLASH_PIECES):
            return False
        known = self._can_divide.get(is_plain)
        if known is not None:
            return known
        first = prompts[0]
        shared = [common_prefix(first, prompt) for prompt in prompts[1:]]
        gained = min(reader.common(first), len(first)) % CHUNK + sum(shared)
        if reader.knows(first) and not shared:
            return False
        tested = _PIECES if is_plain else _FLASH_PIECES
        if gained < 2 * tested or (self._longest or tested) < tested:
            return False
        try:
            can_divide = is_exact_in_pieces(
                partial(self._open, is_plain), self._vocabulary, tested, check
            )
        except MemoryError:
            return False
        self._can_divide[is_plain] = can_divide
        return can_divide

    def batch_class(self, cells: int) -> int:
        """Return 0, 1 or 2 for the kinds of attention. See `TextDecoder`."""
        return 0 if cells <= _WHOLE_FLASH_CELLS else 1 if cells <= _PLAIN_CELLS else 2

    def largest_batch(self, most: int, cells: int, check: Callable[[], None]) -> int:
        """Return the largest batch. See `TextDecoder`."""
        if most == 1 or cells > _PLAIN_CELLS:
            return 1
        is_plain = _is_plain(cells)
        tested, exact = self._widths.get(is_plain, (1, 1))
        if tested < most and exact == tested:
            try:
                tested, exact = exact_width(
                    partial(self._open, is_plain), self._vocabulary, most, check
                )
            except MemoryError:
                return exact
            self._widths[is_plain] = tested, exact
        return min(most, exact)

    def generate(
        self,
        rows: Sequence[Row],
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool] = lambda _: True,
        on_read: Callable[[], None] = lambda: None,
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield the tokens of each step. See `TextDecoder`."""
        # Prompts that begin alike or are about as long are read together, see `reading`.
        order = sorted(range(len(rows)), key=lambda row: (len(rows[row].prompt.ids), row))
        prompts = [rows[row].prompt.ids for row in order]
        cells = max(len(row.prompt.ids) + row.max_tokens for row in rows)
        reader = self._reserve(cells, len(rows))
        try:
            with reader.context.stopped_by(check):
                logits = self._start_sequences(prompts, reader, check)
                on_read()
                yield from self._steps(
                    rows, order, logits, reader, sampling, stop_tokens, check, is_wanted
                )
        finally:
            reader.truncate(len(prompts[0]))

    def _start_sequences(
        self, prompts: Sequence[list[int]], reader: PromptReader, check: Callable[[], None]
    ) -> NDArray[np.float32]:
        """Put the prompt of each row into a sequence. Returns the logits after them."""
        numbers: dict[tuple[int, ...], int] = {}
        of_row = [numbers.setdefault(tuple(prompt), len(numbers)) for prompt in prompts]
        distinct = [list(prompt) for prompt in numbers]
        in_pieces = self._reads_in_pieces(distinct, reader, check)
        logits = reader.read_several(distinct, check, in_pieces=in_pieces)
        # From the last row on, so that a prompt is copied before its place is taken.
        for row in reversed(range(len(prompts))):
            if of_row[row] != row:
                reader.context.copy(of_row[row], row)
        return np.concatenate([logits[number] for number in of_row])

    def _steps(
        self,
        rows: Sequence[Row],
        order: Sequence[int],
        logits: NDArray[np.float32],
        reader: PromptReader,
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool],
    ) -> Iterator[list[tuple[int, int]]]:
        active = list(order)
        seeds = np.array([rows[row].seed for row in active], np.int64)
        longest = max(row.max_tokens for row in rows)
        seen = SeenTokens([rows[row].prompt.ids for row in active], longest)
        for step in range(longest):
            check()
            # The scores are changed in place, and the library's array is used again.
            scores = logits.copy()
            seen.penalise(scores, sampling.repetition_penalty)
            restrict_rows(scores, [rows[row].grammar for row in active])
            tokens = pick(scores, seeds, step, sampling)
            seen.add(tokens)
            chosen = tokens.tolist()
            yield list(zip(active, chosen, strict=True))
            ended = [
                place
                for place, (row, token) in enumerate(zip(active, chosen, strict=True))
                if token in stop_tokens or step + 1 == rows[row].max_tokens or not is_wanted(row)
            ]
            if len(ended) == len(active):
                return
            if ended:
                kept = _close_gaps(reader.context, len(active), ended)
                seeds = seeds[kept]
                seen.keep(kept)
                active = [active[place] for place in kept]
                chosen = [chosen[place] for place in kept]
            number = len(active)
            places = [len(rows[row].prompt.ids) + step for row in active]
            reader.decode(chosen, places, range(number), [True] * number, check)
            logits = reader.context.logits(number)

    def _reserve(self, cells: int, sequences: int) -> PromptReader:
        """Return a context of at least this size. Sequence 0 is kept if possible.

        Raises:
            MemoryError: there is not enough memory.
        """
        old, is_plain = self._reader, _is_plain(cells)
        if (
            old is not None
            and old.context.cells >= cells
            and old.context.sequences >= sequences
            and old.context.is_plain == is_plain
        ):
            return old
        kept = None
        if old is not None and old.context.is_plain == is_plain:
            kept = old.keep()
        self.forget()
        size = -(-cells // _CELLS) * _CELLS
        self._reader = PromptReader(self._open(is_plain, size, sequences))
        if kept is not None:
            self._reader.take_over(kept)
        return self._reader

    def _open(self, is_plain: bool, cells: int, sequences: int) -> LlamaContext:
        return LlamaContext(
            self._library,
            self._model,
            cells,
            sequences,
            is_plain=is_plain,
            threads=self._threads,
        )


def _is_plain(cells: int) -> bool:
    return _WHOLE_FLASH_CELLS < cells <= _PLAIN_CELLS


def _close_gaps(context: LlamaContext, number: int, ended: Sequence[int]) -> list[int]:
    """Move the last sequences to the places of those that ended.

    Returns the former place of each sequence that is left. The library computes only adjacent
    sequences together.
    """
    kept = list(range(number))
    for place in reversed(ended):
        last = kept.pop()
        if place < len(kept):
            context.copy(len(kept), place)
            kept[place] = last
    return kept
