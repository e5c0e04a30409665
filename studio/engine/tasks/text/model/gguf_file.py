"""Checks whether transformers supports a GGUF file, before minutes are spent on loading it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from studio.formats.weights.split_gguf import split_parts
from studio.protocol import problem

# Architectures that transformers renames from llama.cpp's spelling inside a function.
_RENAMED_ARCHITECTURES = {"qwen2moe", "qwen3moe", "gpt-oss", "minimax-m2"}
_ENCODER_ARCHITECTURES = {"t5", "t5encoder", "umt5"}

SPLITS_DIGITS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
"""Values of `tokenizer.ggml.pre` for which numbers are first split into digits.

The reader of transformers ignores them. Source: llama.cpp, src/llama-vocab.cpp.
"""


def read_metadata(file: Path) -> dict[str, Any]:
    """Return a GGUF file's metadata without long lists.

    Raises:
        ProblemError: `model_broken`, if the file is not GGUF or is truncated; `bad_input`, if
            its architecture or quantization is not supported.
    """
    from transformers.integrations.gguf.reader import GgufHeader, read_gguf_metadata

    if len(parts := split_parts(file)) > 1:
        raise problem(
            "bad_input",
            "The model {file} is split into {parts} files, which cannot be converted. Get the same "
            "model in one file.",
            file=file.name,
            parts=len(parts),
        )
    try:
        metadata, _ = read_gguf_metadata(str(file))
    except FileNotFoundError as error:
        raise problem(
            "model_missing",
            "The file {file} no longer exists. Put it back, or choose another model.",
            detail=str(file),
            file=file.name,
        ) from error
    except (OSError, ValueError, KeyError, IndexError, struct.error, MemoryError) as error:
        raise _damaged(file, error) from error
    architecture = str(metadata.get("general.architecture", "?"))
    if not is_readable(architecture):
        raise problem(
            "bad_input",
            "The file {file} has the architecture {architecture}, which cannot be read from GGUF."
            " Use the same model as a folder with .safetensors weights.",
            file=file.name,
            architecture=architecture,
        )
    try:
        header = GgufHeader.from_file(str(file))
    except ValueError as error:
        raise problem(
            "bad_input",
            "The quantization of the weights in {file} is not supported. Use the same model as"
            " Q4_K_M, Q8_0 or F16.",
            detail=str(error),
            file=file.name,
        ) from error
    except (OSError, KeyError, IndexError, struct.error) as error:
        raise _damaged(file, error) from error
    end = max((tensor.offset + tensor.nbytes for tensor in header.tensors), default=0)
    if file.stat().st_size < header.data_start + end:
        raise _damaged(file, EOFError(f"{header.data_start + end} bytes expected"))
    return dict(metadata)


def is_readable(architecture: str) -> bool:
    """Return whether transformers can load a language model of this architecture from GGUF."""
    from transformers.integrations.gguf import GGUF_ARCHS
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    if architecture in _ENCODER_ARCHITECTURES:
        return False
    return (
        architecture in GGUF_ARCHS
        or architecture in GGUF_SUPPORTED_ARCHITECTURES
        or architecture in _RENAMED_ARCHITECTURES
    )


def _damaged(file: Path, error: Exception) -> Exception:
    return problem(
        "model_broken",
        "The file {file} is not a GGUF file, or it is damaged or incomplete. Copy or download it"
        " again.",
        detail=f"{type(error).__name__}: {error}",
        file=file.name,
    )
