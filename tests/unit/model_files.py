"""Small model files written byte by byte: real formats, a few bytes of weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from studio.formats.icons.tokens import Vocabulary

LLAMA_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "max_position_embeddings": 2048,
}

_WIDTH = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1}


def write_safetensors(
    path: Path, tensors: dict[str, tuple[int, ...]], dtype: str = "F32", cut: int = 0
) -> Path:
    """Write a safetensors file of zeros, without the last `cut` bytes."""
    header: dict[str, object] = {}
    at = 0
    for name, shape in tensors.items():
        size = _WIDTH[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    content = len(raw).to_bytes(8, "little") + raw + bytes(at)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[: len(content) - cut])
    return path


def write_llama(folder: Path, **config: object) -> Path:
    """Write a transformers folder of a very small Llama."""
    write_json(folder / "config.json", {**LLAMA_CONFIG, **config})
    write_json(folder / "tokenizer.json", {})
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": (16, 8)}, "BF16")
    return folder


def write_embedder(folder: Path, pooling: str = "mean_tokens", **prompts: str) -> Path:
    """Write the layout of sentence-transformers, and a network where the folder has none."""
    kinds = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", {f"pooling_mode_{pooling}": True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 128})
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts})
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", {"model_type": "bert", "architectures": ["BertModel"]})
        write_json(folder / "tokenizer.json", {})
        write_safetensors(folder / "model.safetensors", {"embeddings.weight": (16, 8)})
    return folder


def write_pipeline(folder: Path, pipeline: str = "StableDiffusionPipeline") -> Path:
    """Write a diffusers folder: the components of Stable Diffusion 1, a tensor in each."""
    write_json(
        folder / "model_index.json",
        {
            "_class_name": pipeline,
            "_diffusers_version": "0.30.0",
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )
    write_json(folder / "scheduler" / "scheduler_config.json", {})
    write_json(folder / "tokenizer" / "vocab.json", {})
    for part, stem in (
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ):
        write_json(folder / part / "config.json", {"_class_name": part})
        write_safetensors(folder / part / f"{stem}.safetensors", {"weight": (4, 4)})
    return folder


def write_gguf(
    path: Path, architecture: str = "llama", *, cut: int = 0, **metadata: str | int | float
) -> Path:
    """Write a GGUF file of version 3 with one Q4_1 tensor of 64 weights."""
    values: dict[str, str | int | float | list[str]] = {
        "general.architecture": architecture,
        "general.file_type": 3,
        "tokenizer.ggml.tokens": ["a", "b", "狐"],
        f"{architecture}.context_length": 4096,
        **{key.replace("__", "."): value for key, value in metadata.items()},
    }
    content = b"GGUF" + struct.pack("<IQQ", 3, 1, len(values))
    for key, value in values.items():
        content += _text(key)
        match value:
            case str():
                content += struct.pack("<I", 8) + _text(value)
            case int():
                content += struct.pack("<II", 4, value)
            case float():
                content += struct.pack("<If", 6, value)
            case list():
                content += struct.pack("<IIQ", 9, 8, len(value))
                content += b"".join(_text(item) for item in value)
    content += _text("token_embd.weight") + struct.pack("<IQQIQ", 2, 32, 2, 3, 0)
    content += bytes(-len(content) % 32)
    content += bytes(2 * 20)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[: len(content) - cut])
    return path


def write_json(path: Path, value: object) -> Path:
    """Write a JSON file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")
    return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def write_voice(folder: Path, *voices: str) -> Path:
    """Write what looks like a voice model."""
    (folder / "voices").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"\x08\x07")
    (folder / "vocab.json").write_text('{"vocab": {"a": 1}}', "utf-8")
    for voice in voices:
        (folder / "voices" / f"{voice}.bin").write_bytes(bytes(510 * 256 * 4))
    return folder


def write_whisper(folder: Path, words: int = 51_864) -> Path:
    """Write what a Whisper model for CTranslate2 consists of, without weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_bytes(b"\x06\0\0\0\x0c\0WhisperSpec\0" + bytes(1000))
    write_json(folder / "config.json", {"lang_ids": [50259], "alignment_heads": [[1, 0]]})
    write_json(folder / "tokenizer.json", {})
    (folder / "vocabulary.txt").write_text("a\n" * words, "utf-8")
    return folder


def write_icons(folder: Path, *words: str) -> Path:
    """Write what looks like a model that draws icons."""
    vocabulary = Vocabulary(("lucide",), words or ("house", "heart", "cat"))
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16}
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer.json", {"model": {"vocab": vocabulary.ids()}})
    shape = (len(vocabulary.ids()), 16)
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": shape})
    return folder
