"""How many rows a batch must have so that rows do not change each other's rounding.

Matrix products choose their kernel by the number of rows, and kernels round in different
orders. In bfloat16 that is enough to change a text after a few words. On most machines all
batches of at least some width agree bit for bit; a smaller one then takes copies along.
"""

from __future__ import annotations

from typing import Any

import torch

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32)
MOST_COPIES = 8
_TOKENS = 3


def least_width(model: Any, device: str) -> int | None:
    """Return the smallest width from which on all tested widths agree, None above 8.

    float32 is passed over: its differences are about 1e-6 of a logit and next to never change
    a draw. Takes a few forward passes.
    """
    if next(model.parameters()).dtype == torch.float32:
        return 1
    vocabulary = int(model.get_input_embeddings().num_embeddings)
    ids = torch.tensor([[1, 7, 11], [5, 2, 13]], device=device) % vocabulary
    rows = torch.cat([ids[:1], ids[1:].expand(WIDTHS[-1] - 1, -1)])
    reference = _first_row(model, rows)
    least: int | None = None
    for width in reversed(WIDTHS[:-1]):
        if not torch.equal(_first_row(model, rows[:width]), reference):
            break
        least = width
    return least if least is not None and least <= MOST_COPIES else None


def _first_row(model: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return the logits of the first row after single-token steps, as they come in decoding."""
    logits: list[torch.Tensor] = []
    cache = None
    with torch.inference_mode():
        for step in range(_TOKENS):
            answer = model(
                input_ids=rows[:, step : step + 1], past_key_values=cache, use_cache=True
            )
            cache = answer.past_key_values
            logits.append(answer.logits[0, -1])
    return torch.stack(logits)
