"""The decoding loop: the prompt once, then a token a step for all rows together.

transformers' own `generate` reads the prompt once for each row, copies the whole cache at each
token, sorts the vocabulary to sample, and draws from one generator for all rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from studio.engine.tasks.text.decode.batch_invariance import Agreement, widths_that_agree
from studio.engine.tasks.text.decode.kv_cache import (
    can_be_shortened,
    copy_of,
    nbytes,
    new_cache,
    reads_in_parts,
    rows_of,
    shortened,
)
from studio.engine.tasks.text.decode.packed_weights import pack
from studio.engine.tasks.text.decode.ragged import RaggedRows, attending, ragged, takes_ragged_rows
from studio.engine.tasks.text.decode.sampling import Sampling, Seen, pick

_CACHES = ("cache", "past_key_values", "cache_params")
"""What models call the cache that they are given: those with attention, and the others."""

_PART = {"cpu": 256}
_PART_ELSEWHERE = 2048
"""Prompt tokens a forward pass. What was read is used again for the next prompt, in whole
parts, so that everything is computed in the same shapes and comes out the same."""

_TRIED = {"cpu": (3, 40)}
_TRIED_ELSEWHERE = (3, 900)
"""Tokens of the prompts that mixing is tried with. GPUs add up long ones in pieces, whose number
depends on the rows."""


@dataclass
class ReadPrompt:
    """A prompt as the model remembers it: `cache` of one row, `logits` (1, vocabulary) after it."""

    ids: list[int]
    cache: Any
    logits: torch.Tensor

    @property
    def row_bytes(self) -> float:
        """Bytes of the cache for each token of each row."""
        return nbytes(self.cache) / max(1, len(self.ids))


@dataclass(frozen=True)
class Row:
    """An answer to be written: the prompt it follows, its seed, and the tokens it may have."""

    read: ReadPrompt
    seed: int
    room: int


class Decoder:
    """Runs one loaded model. On a CPU it rearranges the model's weights, see `packed`.

    Args:
        model: a transformers causal language model, in evaluation mode.
        device: torch's name of where it lies.
    """

    def __init__(self, model: Any, device: str) -> None:
        self._model = model
        self._device = device
        takes = inspect.signature(model.forward).parameters
        self._cache_name = next(name for name in _CACHES if name in takes)
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self._read: ReadPrompt | None = None
        self._check: Callable[[], None] = _go_on
        self._mixes: bool | None = None
        self._watch_layers()
        if device == "cpu":
            pack(model, lambda: self._probe(1))
        self.agreement = Agreement(self._probe, widths_that_agree(model))

    def forget(self) -> None:
        """Give back the memory of the last prompt."""
        self._read = None

    def close(self) -> None:
        """Let go of the model."""
        self._read = self._model = None

    def read(self, prompt: Sequence[int], check: Callable[[], None]) -> ReadPrompt:
        """Have the model read a prompt, as far as it did not just read the same.

        Args:
            prompt: token ids, at least one.
            check: called often; raises to stop.
        """
        self._check = check
        ids = list(prompt)
        last, self._read = self._read, None
        if last is not None and last.ids == ids:
            self._read = last
            return last
        part = _PART.get(self._device.partition(":")[0], _PART_ELSEWHERE)
        cache, done = new_cache(self._model.config), 0
        if last is not None and can_be_shortened(last.cache):
            # The last token is read again in any case, for its logits.
            done = min(_shared(last.ids, ids), len(ids) - 1) // part * part
            if done:
                cache = last.cache
                shortened(cache, done)
        if not reads_in_parts(cache):
            part = len(ids)
        logits = torch.empty(0)
        for start in range(done, len(ids), part):
            check()
            piece = torch.tensor([ids[start : start + part]], device=self._device)
            logits = self._forward(piece, cache)
        self._read = ReadPrompt(ids, cache, logits)
        return self._read

    def kept(self, read: ReadPrompt) -> ReadPrompt:
        """Return a copy of a prompt that stays as it is when the next one is read.

        Only where the model `mixes` prompts.
        """
        with torch.inference_mode():
            return ReadPrompt(read.ids, copy_of(read.cache), read.logits)

    def mixes(self, check: Callable[[], None]) -> bool:
        """Whether rows that follow different prompts come out in one batch as they do alone.

        Tried out once, bit for bit. `check` is called often; raises to stop.
        """
        self._check = check
        if self._mixes is None:
            self._mixes = self._try_mixing()
        return self._mixes

    def rows(
        self,
        rows: Sequence[Row],
        how: Sampling,
        ends: frozenset[int],
        check: Callable[[], None],
        wanted: Callable[[int], bool] = lambda _: True,
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield, a step at a time, (row, token id) for each row that has not ended.

        Rows that have ended leave the batch. A token that ends a row is yielded as its last.

        Args:
            rows: what to write; of different prompts only where the model `mixes` them.
            how: how tokens are picked.
            ends: tokens that end a row.
            check: called often; raises to stop.
            wanted: asked at each token whether a row is to go on.
        """
        self._check = check
        # The rows of one length stand side by side, see `ragged`.
        alive = sorted(range(len(rows)), key=lambda row: len(rows[row].read.ids))
        # The row that each place of the batch computes: a living one, its copy, or an ended one.
        places = list(alive)
        reads = [rows[row].read for row in places]
        seed = torch.tensor([rows[row].seed for row in places], device=self._device)
        longest = max(row.room for row in rows)
        seen = Seen([read.ids for read in reads], longest, self._device)
        logits, cache = torch.cat([read.logits for read in reads]), None
        for step in range(longest):
            check()
            tokens = self._pick(logits, seen, seed, step, how)
            chosen = dict(zip(places, tokens.tolist(), strict=True))
            yield [(row, chosen[row]) for row in alive]
            alive = [
                row
                for row in alive
                if chosen[row] not in ends and step + 1 < rows[row].room and wanted(row)
            ]
            if not alive:
                return
            width = self.agreement.width(len(alive))
            if cache is None or width < len(places):
                kept = [places.index(row) for row in alive]
                kept += kept[-1:] * (width - len(kept))
                places = [places[place] for place in kept]
                index = torch.tensor(kept, device=self._device)
                if cache is None:
                    cache = self._begun([rows[row].read for row in places], index)
                else:
                    cache = self._rows(cache, index)
                tokens, seed = tokens[index], seed[index]
                seen.keep(index)
            logits = self._forward(tokens[:, None], cache)

    def _watch_layers(self) -> None:
        """Have every layer look first whether to stop: a step of a large model takes seconds."""
        number = getattr(self._model.config.get_text_config(), "num_hidden_layers", 0)
        for part in self._model.modules():
            if isinstance(part, torch.nn.ModuleList) and len(part) == number:
                for layer in part:
                    layer.register_forward_pre_hook(lambda *_: self._check())

    @torch.inference_mode()
    def _pick(
        self, logits: torch.Tensor, seen: Seen, seed: torch.Tensor, step: int, how: Sampling
    ) -> torch.Tensor:
        scores = logits.to(torch.float32, copy=True)
        seen.penalise(scores, how.repetition_penalty)
        tokens = pick(scores, seed, step, how)
        seen.add(tokens)
        return tokens

    @torch.inference_mode()
    def _begun(self, reads: Sequence[ReadPrompt], index: torch.Tensor) -> Any:
        """Return what rows that follow these prompts remember; `index` numbers them."""
        if all(read is reads[0] for read in reads):
            return rows_of(reads[0].cache, torch.zeros_like(index))
        return ragged([read.cache for read in reads])

    @torch.inference_mode()
    def _rows(self, cache: Any, index: torch.Tensor) -> Any:
        return cache.chosen(index) if isinstance(cache, RaggedRows) else rows_of(cache, index)

    @torch.inference_mode()
    def _forward(self, ids: torch.Tensor, cache: Any) -> torch.Tensor:
        """Return the logits (rows, vocabulary) after `ids` (rows, tokens); `cache` grows."""
        options = {"input_ids": ids, "use_cache": True, **self._last_only}
        if isinstance(cache, RaggedRows):
            cache.lengths.advance()
            options |= {
                self._cache_name: cache.cache,
                "position_ids": cache.lengths.places[:, None],
            }
            with attending(self._model):
                answer = self._model(**options)
        else:
            answer = self._model(**options, **{self._cache_name: cache})
        logits: torch.Tensor = answer.logits[:, -1]
        return logits

    def _probe(self, rows: int) -> torch.Tensor:
        """Return the logits of `rows` equal rows after a token that follows a short prompt."""
        vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        ids = torch.tensor([[1, 5, 3, 7]], device=self._device) % vocabulary
        cache = new_cache(self._model.config)
        self._forward(ids[:, :3], cache)
        cache = self._rows(cache, torch.zeros(rows, dtype=torch.int64, device=self._device))
        return self._forward(ids[:, 3:].expand(rows, -1), cache)

    def _try_mixing(self) -> bool:
        """Compare two rows of different prompts with what each gets alone, for two tokens."""
        if not self.agreement.exact:
            return False
        vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", 1024)
        reads = []
        for length in _TRIED.get(self._device.partition(":")[0], _TRIED_ELSEWHERE):
            length = min(length, most - 8)
            ids = torch.arange(length, device=self._device)[None] * 7 % vocabulary
            cache = new_cache(self._model.config)
            reads.append(ReadPrompt(ids[0].tolist(), cache, self._forward(ids, cache)))
        if not takes_ragged_rows(self._model, reads[0].cache):
            return False
        width = self.agreement.width(len(reads))
        first = torch.arange(width, device=self._device)
        try:
            mixed = self._begun([*reads, *reads[-1:] * (width - len(reads))], first)
            together = [self._forward((first + 3)[:, None], mixed) for _ in range(2)]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError):
            # Its attention does not work through the common interface.
            return False
        for row, read in enumerate(reads):
            cache = self._begun([read], first[: self.agreement.width(1)])
            token = first[row].expand(self.agreement.width(1))[:, None] + 3
            for mine in together:
                if not torch.equal(self._forward(token, cache)[0], mine[row]):
                    return False
        return True


def can_run(kind: Any) -> bool:
    """Whether a class of models keeps what it read in a cache of the common kind."""
    return any(name in inspect.signature(kind.forward).parameters for name in _CACHES)


def _go_on() -> None:
    """Never stop."""


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two prompts have in common at their beginning."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
