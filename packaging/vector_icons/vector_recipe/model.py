"""The model: a small Llama over the tokens of icons, and its loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from studio.engine.tasks.icon.sampling import drawing_logits
from studio.formats.icons.tokens import (
    CONTEXT,
    DRAWING_ID,
    END,
    PAD,
    RADII,
    START,
    XS,
    YS,
    Vocabulary,
)

WIDTH, DEPTH, HEADS, INNER = 192, 6, 3, 512
INITIAL = 0.02
PAD_ID = DRAWING_ID[PAD]


def new_model(vocabulary: Vocabulary) -> LlamaForCausalLM:
    ids = vocabulary.ids()
    config = LlamaConfig(
        vocab_size=len(ids),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        initializer_range=INITIAL,
        bos_token_id=ids[START],
        eos_token_id=ids[END],
        pad_token_id=ids[PAD],
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    _begin_smoothly(model)
    return model


@torch.no_grad()
def _begin_smoothly(model: LlamaForCausalLM) -> None:
    """Let neighbouring numbers begin with similar embeddings: waves of several lengths, mixed."""
    weight = model.get_input_embeddings().weight
    width = weight.shape[1]
    for group in (XS, YS, RADII):
        ids = [DRAWING_ID[token] for token in group]
        lengths = torch.logspace(math.log10(3.0), math.log10(400.0), width // 4)
        angles = torch.arange(len(ids))[:, None] * 2 * math.pi / lengths
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        mixed = waves @ torch.randn(waves.shape[1], width) * math.sqrt(2 / waves.shape[1])
        weight[ids] = INITIAL * (0.85 * mixed + 0.5 * torch.randn_like(mixed))


def token_losses(model: LlamaForCausalLM, ids: Tensor, drawn: Tensor) -> Tensor:
    """The loss of each token that is part of a drawing: `drawn` (B, L) is where those are."""
    hidden = model.model(input_ids=ids[:, :-1]).last_hidden_state
    wanted = drawn[:, 1:]
    # Logits of all places, not of the wanted ones alone: their number differs from batch to batch,
    # and what is prepared for every new size of a product stays in memory.
    logits = drawing_logits(model, hidden).transpose(1, 2)
    following = torch.where(wanted, ids[:, 1:], PAD_ID)
    return functional.cross_entropy(logits, following, reduction="none")[wanted]


def parts(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The hidden matrices, and all other parameters."""
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (hidden if inside else others).append(parameter)
    return hidden, others


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def padded(rows: list[list[int]]) -> Tensor:
    """Rows of ids as one tensor, padded on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD_ID] * (longest - len(row)) for row in rows])
