"""The decoding loop with llama.cpp.

The prompt is read once, as sequence 0 of a context; the rows continue it and copies of it. Rows
with different prompts continue sequences of their own, restored from copies of what was read.
Tokens are picked by the same code as with transformers, so that the seed of a row means the same.

Rows of a batch are to have the same result as alone. With quantised weights the library computes
each row by itself, so only attention matters: every sequence has a KV cache of its own. Flash
attention splits a longer cache for a single row only, so it is used up to a length where it does
not and is faster, and beyond one where the memory of plain attention counts. Whether rows agree is
tested for each model, bit for bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from studio.engine.tasks.text.decode.grammar import restrict_rows
from studio.engine.tasks.text.decode.sampling import Sampling, SeenTokens, pick
from studio.engine.tasks.text.decode.text_decoder import Row
from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext
from studio.engine.tasks.text.llama.exact_rows import (
    SHORT_PROMPT,
    exact_width,
    is_exact_for_different_prompts,
    longest_prompt,
)
from studio.formats.llama.library import LlamaLibrary

_CELLS = 512
"""The size of the KV cache is a multiple of this, so that it is not made anew for each turn."""

_WHOLE_FLASH_CELLS = 256
"""Longest prompt and answer that flash attention reads in one piece, as it does with more rows."""

_PLAIN_CELLS = 8192
"""Longest prompt and answer with plain attention, whose scores would fill the memory beyond."""


@dataclass(frozen=True)
class LlamaPrompt:
    """A prompt in the KV cache, and the `logits` (1, vocabulary) after it.

    `state` is a copy of its part of the cache, if there is one.
    """

    ids: list[int]
    row_bytes: float
    logits: torch.Tensor
    state: Any = None

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the model can choose from."""
        return int(self.logits.shape[-1])


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
        self._context: LlamaContext | None = None
        self._widths: dict[bool, tuple[int, int]] = {}
        """The largest batch tested and the largest exact one, with plain attention and without."""
        self._can_mix: bool | None = None
        self._cached: list[int] = []
        """The tokens of sequence 0."""
        self._last_prompt: LlamaPrompt | None = None

    def forget(self) -> None:
        """Release the KV cache."""
        self._last_prompt, self._cached = None, []
        if self._context is not None:
            self._context.close()
        self._context = None

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
        last, self._last_prompt = self._last_prompt, None
        context = self._reserve(len(ids) + room, 1)
        if last is not None and last.ids == ids == self._cached:
            self._last_prompt = last
            return last
        # Only whole chunks are reused, so that everything is computed in the same shapes and with
        # the same result. The last token is always processed again, for its logits.
        known = min(_common_prefix(self._cached, ids), len(ids) - 1) // CHUNK * CHUNK
        self._truncate(known)
        with context.stopped_by(check):
            self._read(ids, 0, check)
        row_bytes = context.size(0) / len(ids)
        self._last_prompt = LlamaPrompt(ids, row_bytes, context.logits(1).clone())
        return self._last_prompt

    def _read(self, ids: list[int], sequence: int, check: Callable[[], None]) -> None:
        """Read the rest of a prompt into sequence 0, or a whole one into another sequence."""
        for start in range(0 if sequence else len(self._cached), len(ids), CHUNK):
            check()
            tokens = ids[start : start + CHUNK]
            places = range(start, start + len(tokens))
            wanted = [False] * (len(tokens) - 1) + [True]
            self._decode(tokens, places, [sequence] * len(tokens), wanted, check)
            if sequence == 0:
                self._cached += tokens

    def copy_of(self, prompt: LlamaPrompt) -> LlamaPrompt:
        """Return a copy that survives the next call of `prefill`. See `TextDecoder`."""
        if self._context is None or self._cached != prompt.ids:
            return prompt
        return replace(prompt, state=self._context.state(0))

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
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield the tokens of each step. See `TextDecoder`."""
        cells = max(len(row.prompt.ids) + row.max_tokens for row in rows)
        context = self._reserve(cells, len(rows))
        self._start_sequences([row.prompt for row in rows], context, check)
        first: LlamaPrompt = rows[0].prompt
        try:
            with context.stopped_by(check):
                yield from self._steps(rows, context, sampling, stop_tokens, check, is_wanted)
        finally:
            self._truncate(len(first.ids))

    def _start_sequences(
        self, prompts: Sequence[LlamaPrompt], context: LlamaContext, check: Callable[[], None]
    ) -> None:
        """Put the prompt of each row into a sequence, that of the first row into sequence 0."""
        places: dict[int, int] = {}
        for sequence, prompt in enumerate(prompts):
            known = places.setdefault(id(prompt), sequence)
            if known != sequence:
                context.copy(known, sequence)
            elif sequence or self._cached != prompt.ids:
                self._restore(context, prompt, sequence, check)

    def _restore(
        self,
        context: LlamaContext,
        prompt: LlamaPrompt,
        sequence: int,
        check: Callable[[], None],
    ) -> None:
        """Put a prompt into a sequence; read it again if there is no copy of its cache."""
        if sequence == 0:
            self._last_prompt = None
            self._truncate(0)
        if prompt.state is None or not context.restore(sequence, prompt.state):
            context.clear(sequence)
            with context.stopped_by(check):
                self._read(prompt.ids, sequence, check)
        elif sequence == 0:
            self._cached = list(prompt.ids)

    def _steps(
        self,
        rows: Sequence[Row],
        context: LlamaContext,
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool],
    ) -> Iterator[list[tuple[int, int]]]:
        prompts: list[LlamaPrompt] = [row.prompt for row in rows]
        active = list(range(len(rows)))
        seeds = torch.tensor([row.seed for row in rows])
        longest = max(row.max_tokens for row in rows)
        seen = SeenTokens([prompt.ids for prompt in prompts], longest, "cpu")
        logits = torch.cat([prompt.logits for prompt in prompts])
        for step in range(longest):
            check()
            with _one_thread(), torch.inference_mode():
                # The scores are changed in place, and the library's array is used again.
                scores = logits.to(torch.float32, copy=True)
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
                kept = _close_gaps(context, len(active), ended)
                index = torch.tensor(kept)
                seeds = seeds[index]
                seen.keep(index)
                active = [active[place] for place in kept]
                chosen = [chosen[place] for place in kept]
            number = len(active)
            places = [len(prompts[row].ids) + step for row in active]
            self._decode(chosen, places, range(number), [True] * number, check)
            logits = context.logits(number)

    def _decode(
        self,
        tokens: Sequence[int],
        places: Sequence[int],
        sequences: Sequence[int],
        wanted: Sequence[bool],
        check: Callable[[], None],
    ) -> None:
        assert self._context is not None
        try:
            self._context.decode(tokens, places, sequences, wanted)
        except (MemoryError, RuntimeError):
            # What was computed before the end stays in the cache.
            self._truncate(len(self._cached))
            check()
            raise

    def _truncate(self, tokens: int) -> None:
        """Keep the first tokens of sequence 0, or none if the model's cache cannot be cut."""
        if self._context is None:
            return
        for sequence in range(1, self._context.sequences):
            self._context.clear(sequence)
        if tokens and self._context.truncate(0, tokens):
            del self._cached[tokens:]
        else:
            self._context.clear(0)
            self._cached = []

    def _reserve(self, cells: int, sequences: int) -> LlamaContext:
        """Return a context of at least this size. Sequence 0 is kept if possible.

        Raises:
            MemoryError: there is not enough memory.
        """
        old, is_plain = self._context, _is_plain(cells)
        if (
            old is not None
            and old.cells >= cells
            and old.sequences >= sequences
            and old.is_plain == is_plain
        ):
            return old
        cached, last, state = self._cached, self._last_prompt, None
        if old is not None and cached and old.is_plain == is_plain:
            state = old.state(0)
        self.forget()
        context = self._context = self._open(is_plain, -(-cells // _CELLS) * _CELLS, sequences)
        if state is not None and context.restore(0, state):
            self._cached, self._last_prompt = cached, last
        return context

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


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch compute in this thread only.

    There is little to do, and the other threads may have lost their core since the last token.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the length of the common prefix of two prompts, in tokens."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
