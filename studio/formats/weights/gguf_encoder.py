"""Text encoders in GGUF files: their tensors under the names of transformers.

GGUF names are those of `gguf/constants.py` of llama.cpp (MIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_T5 = {
    "attn_q": "layer.0.SelfAttention.q",
    "attn_k": "layer.0.SelfAttention.k",
    "attn_v": "layer.0.SelfAttention.v",
    "attn_o": "layer.0.SelfAttention.o",
    "attn_rel_b": "layer.0.SelfAttention.relative_attention_bias",
    "attn_norm": "layer.0.layer_norm",
    "ffn_gate": "layer.1.DenseReluDense.wi_0",
    "ffn_up": "layer.1.DenseReluDense.wi_1",
    "ffn_down": "layer.1.DenseReluDense.wo",
    "ffn_norm": "layer.1.layer_norm",
}
_T5_ENDS = {
    "token_embd.weight": "shared.weight",
    "enc.output_norm.weight": "encoder.final_layer_norm.weight",
}
_QWEN3 = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_QWEN3_ENDS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK = re.compile(r"(enc\.)?blk\.(\d+)\.(\w+)\.weight")


def encoder_names(names: Iterable[str]) -> dict[str, str]:
    """Return name in the file → name in transformers, for encoders of T5 and Qwen3.

    Names that the encoder has no use for are left out; nothing is returned for other files.
    """
    found = list(names)
    there = set(found)
    if "enc.blk.0.attn_q.weight" in there:
        is_gated = "enc.blk.0.ffn_gate.weight" in there
        return _renamed(found, "enc.", "encoder.block", _t5(is_gated=is_gated), _T5_ENDS)
    if {"blk.0.attn_q_norm.weight", "blk.0.attn_q.weight"} <= there:
        return _renamed(found, "", "model.layers", _QWEN3, _QWEN3_ENDS)
    return {}


def _t5(*, is_gated: bool) -> dict[str, str]:
    return _T5 if is_gated else {**_T5, "ffn_up": "layer.1.DenseReluDense.wi"}


def _renamed(
    names: list[str], prefix: str, blocks: str, inner: dict[str, str], ends: dict[str, str]
) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for name in names:
        block = _BLOCK.fullmatch(name)
        if name in ends:
            renamed[name] = ends[name]
        elif block is not None and (block[1] or "") == prefix and block[3] in inner:
            renamed[name] = f"{blocks}.{block[2]}.{inner[block[3]]}.weight"
    return renamed
