"""The decoding loop: the prompt once, then a token a step for all rows together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from studio.engine.text.load import LoadedText
from studio.engine.text.sampling import Sampling, penalised, pick

_PREFILL = 512
"""Prompt tokens a forward pass: between two of them a job can be cancelled."""


def decode(
    loaded: LoadedText,
    prompt: Sequence[int],
    seeds: Sequence[int],
    max_tokens: int,
    how: Sampling,
    check: Callable[[], None],
) -> Iterator[dict[int, int]]:
    """Yield, a step at a time, the next token of each row that has not ended.

    The prompt is read once for all rows. Rows that have ended leave the batch as soon as that
    halves it. Every row is computed as it would be alone: see `agreement` and `sampling`.

    Args:
        loaded: the model.
        prompt: token ids.
        seeds: one for each row.
        max_tokens: the longest answer.
        how: how tokens are picked.
        check: called between steps; raises to stop.

    Yields:
        row → token id; an ending token is yielded too, as the row's last.
    """
    model, device = loaded.model, loaded.device
    with torch.inference_mode():
        cache, logits = _read_prompt(model, prompt, device, check)
        rows = list(range(len(seeds)))
        width = max(loaded.width, len(rows))
        slots = [*rows, *([rows[-1]] * (width - len(rows)))]
        cache = _spread(cache, width)
        seed = torch.tensor([seeds[row] for row in slots], dtype=torch.int64, device=device)
        logits = logits.expand(width, -1)
        seen = torch.zeros_like(logits, dtype=torch.bool)
        seen[:, torch.tensor(prompt, device=device)] = True
        ended: set[int] = set()
        for step in range(max_tokens):
            check()
            scores = penalised(logits.float(), seen, how.repetition_penalty)
            tokens = pick(scores, seed, step, how)
            seen.scatter_(1, tokens[:, None], True)
            picked = tokens.tolist()
            fresh = {row: picked[slots.index(row)] for row in rows if row not in ended}
            yield fresh
            ended |= {row for row, token in fresh.items() if token in loaded.ends}
            alive = [row for row in rows if row not in ended]
            if not alive or step + 1 == max_tokens:
                return
            wanted = max(loaded.width, len(alive))
            if wanted * 2 <= len(slots):
                kept = [slots.index(row) for row in alive]
                kept += [kept[-1]] * (wanted - len(kept))
                slots = [slots[place] for place in kept]
                rows = alive
                index = torch.tensor(kept, device=device)
                cache.batch_select_indices(index)
                tokens, seed, seen = tokens[index], seed[index], seen[index]
            answer = model(input_ids=tokens[:, None], past_key_values=cache, use_cache=True)
            cache, logits = answer.past_key_values, answer.logits[:, -1]


def _read_prompt(
    model: Any, prompt: Sequence[int], device: str, check: Callable[[], None]
) -> tuple[Any, torch.Tensor]:
    """Return the cache of one row and the logits (1, vocabulary) after the prompt."""
    ids = torch.tensor([list(prompt)], device=device)
    cache = None
    answer: Any = None
    for start in range(0, ids.shape[1], _PREFILL):
        check()
        answer = model(
            input_ids=ids[:, start : start + _PREFILL],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = answer.past_key_values
    return cache, answer.logits[:, -1]


def _spread(cache: Any, rows: int) -> Any:
    """Return the cache of one row repeated for `rows` rows."""
    if rows > 1:
        cache.batch_repeat_interleave(rows)
    return cache
