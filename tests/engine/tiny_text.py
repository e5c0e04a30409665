"""Tiny language models with random weights, for loading and its failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def alphabet() -> list[str]:
    """Return the 256 characters that represent bytes in byte-level vocabularies."""
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def tiny_tokenizer(template: str | None = TEMPLATE) -> Any:
    """Return a tokenizer with one token for each byte."""
    letters = alphabet()
    backend = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL),
    )
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(kind: str = "Llama", **sizes: Any) -> Any:
    """Return a model of a family of transformers, e.g. `Llama`, the same at each call."""
    torch.manual_seed(0)
    vocabulary = len(alphabet()) + len(SPECIAL)
    ids = {"eos_token_id": vocabulary - 1, "bos_token_id": None, "pad_token_id": vocabulary - 3}
    config = getattr(transformers, f"{kind}Config")(vocab_size=vocabulary, **ids, **sizes)
    heads = {"GPT2": "GPT2LMHeadModel", "Gemma3Text": "Gemma3ForCausalLM"}
    return getattr(transformers, heads.get(kind, f"{kind}ForCausalLM"))(config).eval()


def tiny_llama(folder: Path, template: str | None = TEMPLATE, **sizes: Any) -> Path:
    """Write a model folder with the tiny tokenizer and return it."""
    tiny_model(**(SMALL | sizes)).save_pretrained(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return folder


LAYOUTS = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3")
"""The layouts of language models for which `tiny_gguf` writes files. That of SmolLM2 is `llama`;
Mistral's is, too, but with a vocabulary of SentencePiece."""


def tiny_gguf(
    path: Path,
    layout: str = "llama",
    template: str | None = TEMPLATE,
    kind: str = "F32",
    tensors_a_part: int = 0,
) -> Path:
    """Write a tiny language model as a GGUF file and return its path.

    `kind` is the type of its weights, as ggml names it. With `tensors_a_part`, it is split over
    several files, `NAME-00001-of-0000N.gguf`.
    """
    import gguf

    letters = [*alphabet(), "ab", *SPECIAL]
    architecture = "llama" if layout == "mistral" else layout
    writer = gguf.GGUFWriter(str(path), architecture, split_max_tensors=tensors_a_part)
    writer.add_name("Tiny")
    writer.add_license("mit")
    writer.add_organization("Nobody")
    writer.add_file_type(0)
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(16)
    writer.add_vocab_size(len(letters))
    if layout.startswith("gemma"):
        writer.add_key_length(16)
        writer.add_value_length(16)
        writer.add_sliding_window(64)
    if layout == "phi3":
        writer.add_sliding_window(0)
    if layout == "mistral":
        letters = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *SPECIAL]
        writer.add_tokenizer_model("llama")
        writer.add_token_list(letters)
        writer.add_token_scores([0.0] * len(letters))
        writer.add_token_types([2] + [6] * 256 + [3] * len(SPECIAL))
        writer.add_add_bos_token(False)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(letters)
        writer.add_token_types([1] * 257 + [3] * len(SPECIAL))
        writer.add_token_merges(["a b"])
    writer.add_eos_token_id(len(letters) - 1)
    writer.add_pad_token_id(len(letters) - 3)
    if template is not None:
        writer.add_chat_template(template)
    chance = np.random.default_rng(0)
    for name, shape in _tensors(layout, len(letters)).items():
        values = chance.normal(0, 0.1, shape) if len(shape) > 1 else np.ones(shape)
        values = values.astype(np.float32)
        if len(shape) > 1 and kind != "F32":
            stored = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(name, gguf.quants.quantize(values, stored), raw_dtype=stored)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(layout: str, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors of a layout."""
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, 64),
        "output_norm.weight": (64,),
    }
    for block in ("blk.0.", "blk.1."):
        shapes |= {f"{block}attn_norm.weight": (64,), f"{block}ffn_norm.weight": (64,)}
        shapes |= {f"{block}attn_output.weight": (64, 64), f"{block}ffn_down.weight": (64, 96)}
        if layout == "phi3":
            # Queries, keys and values in one matrix, and so are gate and up.
            shapes |= {f"{block}attn_qkv.weight": (128, 64), f"{block}ffn_up.weight": (192, 64)}
            continue
        shapes |= {f"{block}attn_q.weight": (64, 64), f"{block}attn_k.weight": (32, 64)}
        shapes |= {f"{block}attn_v.weight": (32, 64), f"{block}ffn_gate.weight": (96, 64)}
        shapes |= {f"{block}ffn_up.weight": (96, 64)}
        if layout == "qwen2":
            shapes |= {f"{block}attn_q.bias": (64,), f"{block}attn_k.bias": (32,)}
            shapes |= {f"{block}attn_v.bias": (32,)}
        if layout in ("qwen3", "gemma3"):
            shapes |= {f"{block}attn_q_norm.weight": (16,), f"{block}attn_k_norm.weight": (16,)}
        if layout.startswith("gemma"):
            shapes |= {f"{block}post_attention_norm.weight": (64,)}
            shapes |= {f"{block}post_ffw_norm.weight": (64,)}
    if layout == "phi3":
        shapes["output.weight"] = (vocabulary, 64)
    return shapes


def tiny_projector(path: Path, width: int = 64) -> Path:
    """Write a projector with random weights (`mmproj`, as of LLaVA) and return its path.

    `width` is that of its language model. A picture takes four tokens.
    """
    import gguf

    writer = gguf.GGUFWriter(str(path), "clip")
    writer.add_name("Tiny eye")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    for name, number in {
        "image_size": 16,
        "patch_size": 8,
        "embedding_length": 32,
        "feed_forward_length": 48,
        "projection_dim": width,
        "block_count": 2,
        "attention.head_count": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.25, 0.25, 0.25])
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (32, 3, 8, 8),
        "v.class_embd": (32,),
        "v.position_embd.weight": (5, 32),
        "v.pre_ln.weight": (32,),
        "v.pre_ln.bias": (32,),
        "mm.0.weight": (width, 32),
        "mm.0.bias": (width,),
        "mm.2.weight": (width, width),
        "mm.2.bias": (width,),
    }
    for block in ("v.blk.0.", "v.blk.1."):
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            shapes |= {f"{block}{part}.weight": (32, 32), f"{block}{part}.bias": (32,)}
        for part in ("ln1", "ln2"):
            shapes |= {f"{block}{part}.weight": (32,), f"{block}{part}.bias": (32,)}
        shapes |= {f"{block}ffn_up.weight": (48, 32), f"{block}ffn_up.bias": (48,)}
        shapes |= {f"{block}ffn_down.weight": (32, 48), f"{block}ffn_down.bias": (32,)}
    chance = np.random.default_rng(1)
    for name, shape in shapes.items():
        # Larger than usual, so that what is seen makes a difference to what is written.
        writer.add_tensor(name, chance.normal(0, 0.5, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
