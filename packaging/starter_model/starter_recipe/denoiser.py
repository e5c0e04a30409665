"""The denoiser: a PRX transformer that starts as a decoder of the patch codes.

A fresh `PRXTransformer2DModel` would first have to learn which text token describes which
patch. Here that is written into the first block: with rotary positions the score between an
image token at (r, c) and a key made of cosines and sines of (r', c') is a sum of cos((r -
r')ω) + cos((c - c')ω), which peaks where both agree. So all heads but one let each image
token read its own patch token and nothing else, the code goes into the residual stream, and
the last layer holds the principal components that turn it back into pixels. All other
blocks start as the identity and learn what the code left out.
"""

from __future__ import annotations

import torch
from diffusers import PRXTransformer2DModel
from torch import Tensor, nn

from . import layout
from .lookup import Scale
from .patches import CODE_DIM, GRID, PATCH, PatchBasis

HIDDEN = 352
HEADS = 4
READING = 3  # heads of the first block that copy the patch token; the others are free
DEPTH = 2
AXES = (44, 44)
MLP_RATIO = 2.16
BOTTLENECK = 128  # numbers of a noisy patch that enter
THETA = 10_000
_SHARPNESS = 68.0  # attention score of the matching patch in the first block
_FREQUENCIES = (2.0, 1.0, 0.5, 0.25)  # weights of the first rotary frequencies
_KEPT = layout.USED - 1  # coordinates of a patch token that enter the residual stream


def new_denoiser(basis: PatchBasis, scale: Scale) -> PRXTransformer2DModel:
    """A denoiser that, before any training, draws what the codes say."""
    model: PRXTransformer2DModel = PRXTransformer2DModel(
        in_channels=3,
        patch_size=PATCH,
        context_in_dim=layout.WIDTH,
        hidden_size=HIDDEN,
        mlp_ratio=MLP_RATIO,
        num_heads=HEADS,
        depth=DEPTH,
        axes_dim=list(AXES),
        theta=THETA,
        bottleneck_size=BOTTLENECK,
    )
    with torch.no_grad():
        _write_reader(model)
        _write_decoder(model, basis, scale)
    return model


def _write_reader(model: PRXTransformer2DModel) -> None:
    """Make the first block copy each patch token into its image token.

    The free head starts with random queries and keys and an output of zero.
    """
    wide = layout.rotation()  # (384, 383)
    narrow = layout.rotation(HIDDEN)
    # Text coordinates → the first coordinates of the residual stream, unchanged.
    model.txt_in.weight.copy_(narrow[:, : layout.USED] @ wide[:, : layout.USED].T)
    model.txt_in.bias.zero_()

    block = model.blocks[0]
    attention = block.attention
    head = HIDDEN // HEADS
    # Every query is the same vector: the modulation replaces its input by a constant.
    constant = narrow[:, -1]
    block.modulation.lin.weight.zero_()
    bias = torch.zeros(6, HIDDEN)
    bias[0] = constant
    bias[1] = -1.0
    bias[2] = bias[5] = 1.0
    block.modulation.lin.bias.copy_(bias.flatten())

    query = torch.zeros(head)
    for index, weight in enumerate(_FREQUENCIES):
        query[2 * index] = query[AXES[0] + 2 * index] = weight**0.5
    key = torch.zeros(head, layout.USED)
    for start, part in ((layout.ROW.start, 0), (layout.COLUMN.start, AXES[0])):
        for place in range(GRID):
            for index, weight in enumerate(_FREQUENCIES):
                angle = torch.tensor(place * THETA ** (-2 * index / AXES[0]))
                key[part + 2 * index, start + place] = weight**0.5 * angle.cos()
                key[part + 2 * index + 1, start + place] = weight**0.5 * angle.sin()
    reading = READING * head
    into_value = torch.zeros(reading, HIDDEN)
    into_value[:_KEPT] = narrow[:, :_KEPT].T
    queries = attention.img_qkv_proj.weight[:HIDDEN]
    keys, values = attention.txt_kv_proj.weight.view(2, HIDDEN, HIDDEN)
    attention.img_qkv_proj.weight[HIDDEN:].zero_()
    queries[:reading] = torch.outer(query, constant).repeat(READING, 1)
    keys[:reading] = (key @ narrow[:, : layout.USED].T).repeat(READING, 1)
    values[:reading] = into_value
    # Root mean square norm gives both a norm of √head; the score is q · k / √head.
    level = (_SHARPNESS / head**0.5) ** 0.5
    attention.norm_q.weight.fill_(level)
    attention.norm_added_k.weight.fill_(level)
    out = torch.zeros(HIDDEN, HIDDEN)
    out[:, :_KEPT] = narrow[:, :_KEPT]
    attention.to_out[0].weight.copy_(out)


def free_head_only(model: PRXTransformer2DModel) -> None:
    """Let the gradients of the first block's attention through for its free head alone."""
    attention = model.blocks[0].attention
    fixed = READING * (HIDDEN // HEADS)

    def keep(parameter: Tensor, *parts: tuple[slice, slice]) -> None:
        mask = torch.zeros_like(parameter)
        for rows, columns in parts:
            mask[rows, columns] = 1.0
        parameter.register_hook(lambda gradient: gradient * mask.to(gradient.device))

    rows, every = slice(fixed, HIDDEN), slice(None)
    keep(attention.img_qkv_proj.weight, (rows, every))
    keep(attention.txt_kv_proj.weight, (rows, every), (slice(HIDDEN + fixed, 2 * HIDDEN), every))
    keep(attention.to_out[0].weight, (every, rows))


def _write_decoder(model: PRXTransformer2DModel, basis: PatchBasis, scale: Scale) -> None:
    """Let the last layer decode the codes, and the first one see the noisy patch.

    The coordinates that no code uses stand for the components that come after those of the
    codes: they are zero at first, but whatever a block writes there is drawn.
    """
    narrow = layout.rotation(HIDDEN)
    free = HIDDEN - 1 - _KEPT
    down, up = model.img_in
    nn.init.zeros_(down.bias)
    down.weight.copy_(basis.axes[:BOTTLENECK])
    nn.init.zeros_(up.weight)
    nn.init.zeros_(up.bias)
    last = model.final_layer
    nn.init.zeros_(last.adaLN_modulation[1].weight)
    nn.init.zeros_(last.adaLN_modulation[1].bias)
    # A patch token has norm √384, less the null part; the layer norm makes that √HIDDEN.
    shrink = (HIDDEN**0.5 / layout.NORM) * (layout.NORM / layout.PATCH_NORM)
    decode = torch.zeros(HIDDEN - 1, basis.axes.shape[1])
    decode[:CODE_DIM] = basis.axes[:CODE_DIM] / scale.gain[:, None] / shrink
    later = basis.axes[CODE_DIM : CODE_DIM + free]
    decode[_KEPT : _KEPT + len(later)] = later / scale.gain[-1] / shrink
    last.linear.weight.copy_((narrow @ decode).T)
    last.linear.bias.copy_(basis.mean)
    # All gates are open, and what they let through is still zero: so the first steps of
    # training move the output matrices, not the gates.
    gates = torch.zeros(6, HIDDEN)
    gates[2] = gates[5] = 1.0
    for index, block in enumerate(model.blocks):
        nn.init.zeros_(block.down_proj.weight)
        if index:
            nn.init.zeros_(block.attention.to_out[0].weight)
            nn.init.zeros_(block.modulation.lin.weight)
            block.modulation.lin.bias.copy_(gates.flatten())


def encoder_states(codes: Tensor, style: Tensor, extra: int = 0) -> Tensor:
    """Codes (B, 64, CODE_DIM + 1), styles (B,) → (B, extra + 64, 384), as the encoder gives.

    `extra` null tokens come first, like those of the text.
    """
    wide = layout.rotation()
    states = layout.context(codes, style)
    if extra:
        null = layout.null_context().expand(len(codes), extra, -1)
        states = torch.cat([null, states], dim=1)
    return states @ wide.T


__all__ = ["encoder_states", "free_head_only", "new_denoiser"]
