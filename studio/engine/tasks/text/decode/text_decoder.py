"""What runs a loaded language model, whatever the format of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from studio.engine.tasks.text.decode.grammar import RowGrammar
from studio.engine.tasks.text.decode.sampling import Sampling


class PrefilledPrompt(Protocol):
    """A prompt that the model has read, or will read where it is continued."""

    @property
    def ids(self) -> list[int]:
        """Its token ids."""
        ...

    @property
    def row_bytes(self) -> float:
        """Bytes of the KV cache per token."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the model can choose from."""
        ...


@dataclass(frozen=True)
class Row:
    """A row to generate: its prompt, seed and maximum length."""

    prompt: Any
    """The `PrefilledPrompt` of the same decoder."""
    seed: int
    max_tokens: int
    grammar: RowGrammar | None = None
    """What its answer may look like."""


class TextDecoder(Protocol):
    """A language model in memory."""

    def prefill(
        self, prompt: Sequence[int], check: Callable[[], None], room: int = 0
    ) -> PrefilledPrompt:
        """Read a prompt, reusing what is known of the last one. Valid until the next one is read.

        Args:
            prompt: token ids, at least one.
            check: called often; raises to stop.
            room: number of tokens that will be generated after it.
        """
        ...

    def read_on(self, prompt: Sequence[int], check: Callable[[], None], room: int) -> None:
        """Read a prompt with which later ones will begin; does nothing if it could not be kept.

        What was read before `check` raises is kept, and so is the last prompt.

        Args:
            prompt: token ids, at least one.
            check: called often; raises to stop.
            room: number of tokens that will be generated after it.
        """
        ...

    def prepare(
        self, prompt: Sequence[int], check: Callable[[], None], *, is_only: bool = False
    ) -> PrefilledPrompt:
        """Return a prompt for `generate`. It is read now, or where it is continued.

        Args:
            prompt: token ids, at least one.
            check: called often; raises to stop.
            is_only: whether no other prompt is prepared before it is used; other prompts only
                for models that can mix prompts.
        """
        ...

    def can_mix_prompts(self, check: Callable[[], None]) -> bool:
        """Return whether rows with different prompts give the same tokens together as alone."""
        ...

    def batch_class(self, cells: int) -> int:
        """Return a number that all rows of a batch must have in common.

        Args:
            cells: length of a row's prompt and answer in tokens.
        """
        ...

    def largest_batch(self, most: int, cells: int, check: Callable[[], None]) -> int:
        """Return the largest batch whose rows have the same result as alone.

        Args:
            most: limit, at least 1.
            cells: length of the longest prompt and answer in tokens.
            check: called often; raises to stop.
        """
        ...

    def generate(
        self,
        rows: Sequence[Row],
        sampling: Sampling,
        stop_tokens: frozenset[int],
        check: Callable[[], None],
        is_wanted: Callable[[int], bool] = lambda _: True,
        on_read: Callable[[], None] = lambda: None,
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield at each step a list of (row, token id) for all rows that have not ended.

        Rows that have ended leave the batch. The stop token of a row is yielded as its last.

        Args:
            rows: the rows; with different prompts only if `can_mix_prompts`.
            sampling: how tokens are picked.
            stop_tokens: tokens that end a row.
            check: called often; raises to stop.
            is_wanted: called for each row and token; False ends the row.
            on_read: called once all prompts are read.
        """
        ...

    def forget(self) -> None:
        """Release the KV cache of the last prompt."""
        ...

    def close(self) -> None:
        """Release the model."""
        ...
