"""Read the header of a GGUF file (metadata and tensor table) and check the file's length.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3. Arrays, such
as the vocabulary, are skipped.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from studio.formats.weights.open_weights import open_weights
from studio.formats.weights.tensors import TensorInfo, Tensors
from studio.protocol import problem

MetadataValue: TypeAlias = str | int | float | bool

TEXT_ARCHITECTURES = frozenset(
    {
        "bloom",
        "deci",
        "falcon",
        "gemma2",
        "gemma3",
        "gemma4",
        "gpt-oss",
        "gpt2",
        "gpt_oss",
        "lfm2",
        "llama",
        "mamba",
        "minimax-m2",
        "mistral",
        "nemotron",
        "phi3",
        "qwen2",
        "qwen2moe",
        "qwen3",
        "qwen35",
        "qwen35moe",
        "qwen3moe",
        "stablelm",
        "starcoder2",
    }
)
"""Values of `general.architecture` that transformers can load as a language model."""

LLAMA_ARCHITECTURES = frozenset(
    {
        "afmoe",
        "apertus",
        "arcee",
        "arctic",
        "arwkv7",
        "baichuan",
        "bailingmoe",
        "bailingmoe2",
        "bitnet",
        "chameleon",
        "chatglm",
        "codeshell",
        "cohere2",
        "command-r",
        "dbrx",
        "deepseek",
        "deepseek2",
        "deepseek2-ocr",
        "dots1",
        "ernie4_5",
        "ernie4_5-moe",
        "exaone",
        "exaone-moe",
        "exaone4",
        "falcon-h1",
        "gemma",
        "gemma3n",
        "glm-dsa",
        "glm4",
        "glm4moe",
        "gptj",
        "gptneox",
        "granite",
        "granitehybrid",
        "granitemoe",
        "grok",
        "grovemoe",
        "hunyuan-dense",
        "hunyuan-moe",
        "hunyuan_vl",
        "internlm2",
        "jais",
        "jais2",
        "jamba",
        "kimi-linear",
        "lfm2moe",
        "llama4",
        "maincoder",
        "mamba2",
        "mimo2",
        "minicpm",
        "minicpm3",
        "mistral3",
        "mistral4",
        "nemotron_h",
        "nemotron_h_moe",
        "olmo",
        "olmo2",
        "olmoe",
        "openelm",
        "orion",
        "paddleocr",
        "phi2",
        "phimoe",
        "plamo",
        "plamo2",
        "plamo3",
        "plm",
        "qwen",
        "qwen2vl",
        "qwen3next",
        "qwen3vl",
        "qwen3vlmoe",
        "refact",
        "rwkv6",
        "rwkv6qwen2",
        "rwkv7",
        "seed_oss",
        "smallthinker",
        "smollm3",
        "starcoder",
        "step35",
        "xverse",
    }
)
"""Further ones that llama.cpp can load."""

QUANTISATIONS: dict[int, tuple[str, int, int]] = {
    0: ("f32", 1, 4),
    1: ("f16", 1, 2),
    2: ("q4_0", 32, 18),
    3: ("q4_1", 32, 20),
    6: ("q5_0", 32, 22),
    7: ("q5_1", 32, 24),
    8: ("q8_0", 32, 34),
    9: ("q8_1", 32, 40),
    10: ("q2_k", 256, 84),
    11: ("q3_k", 256, 110),
    12: ("q4_k", 256, 144),
    13: ("q5_k", 256, 176),
    14: ("q6_k", 256, 210),
    15: ("q8_k", 256, 292),
    16: ("iq2_xxs", 256, 66),
    17: ("iq2_xs", 256, 74),
    18: ("iq3_xxs", 256, 98),
    19: ("iq1_s", 256, 50),
    20: ("iq4_nl", 32, 18),
    21: ("iq3_s", 256, 110),
    22: ("iq2_s", 256, 82),
    23: ("iq4_xs", 256, 136),
    24: ("i8", 1, 1),
    25: ("i16", 1, 2),
    26: ("i32", 1, 4),
    27: ("i64", 1, 8),
    28: ("f64", 1, 8),
    29: ("iq1_m", 256, 56),
    30: ("bf16", 1, 2),
    34: ("tq1_0", 256, 54),
    35: ("tq2_0", 256, 66),
    39: ("mxfp4", 32, 17),
    40: ("nvfp4", 64, 36),
    41: ("q1_0", 128, 18),
}
"""ggml type number → name, weights per block, bytes per block."""

FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
    40: "Q1_0",
}
"""`general.file_type` → common name of the quantisation."""

_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_HEADER = struct.Struct("<4sIQQ")
_TABLE_END = struct.Struct("<IQ")


_MAX_STEPS = 250_000
"""Bounds time and memory. A value is a step, and so are 64 bytes of text or 16 texts in an array;
the largest vocabularies have 1 million texts."""


class GgufHeader(Struct, frozen=True):
    """Metadata (without arrays), tensors, and the file's size in bytes."""

    metadata: dict[str, MetadataValue]
    tensors: Tensors
    size: int

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def quantisation(self) -> str:
        """The quantisation, e.g. "Q4_K_M"; empty if the file does not name one."""
        number = self.metadata.get("general.file_type")
        return FILE_TYPES.get(number, "") if isinstance(number, int) else ""

    @property
    def context(self) -> int | None:
        """The context length in tokens, None if unknown."""
        length = self.metadata.get(f"{self.architecture}.context_length")
        return length if isinstance(length, int) and length > 0 else None


def read_gguf_header(path: Path) -> GgufHeader:
    """Read the header of `path`.

    Raises `ProblemError`: `model_broken` if the file is truncated or not GGUF, `bad_input` if
    its version is not 2 or 3, `model_missing` if it cannot be opened.
    """
    with open_weights(path) as file:
        size = file.seek(0, 2)
        if size < _HEADER.size:
            raise _not_gguf(path)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data, size).read()


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self.path = path
        self.data = data
        self.size = size
        self.at = 0
        self.steps = 0

    def read(self) -> GgufHeader:
        magic, version, tensor_count, value_count = _HEADER.unpack_from(self.data, 0)
        if magic != b"GGUF":
            raise _not_gguf(self.path)
        if version not in (2, 3):
            raise problem(
                "bad_input",
                "The file {file} uses version {version} of the GGUF format. Versions 2 and 3 "
                "can be read: look for a newer file of the same model.",
                file=self.path.name,
                version=version & 0xFFFF,
            )
        self.at = _HEADER.size
        try:
            metadata: dict[str, MetadataValue] = {}
            for _ in range(value_count):
                self._spend(1)
                key = self._string()
                value = self._value(self._number(_U32))
                if value is not None:
                    metadata[key] = value
            alignment = metadata.get("general.alignment", 32)
            tensors, data_bytes = self._table(tensor_count)
        except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
            raise problem(
                "model_broken",
                "The header of the model file {file} is incomplete or damaged. Download it again.",
                detail=f"{self.path}: at byte {self.at} of {self.size}: {error}",
                file=self.path.name,
            ) from error
        step = alignment if isinstance(alignment, int) and alignment > 0 else 32
        expected = -(-self.at // step) * step + data_bytes
        if expected > self.size:
            raise problem(
                "model_broken",
                "The model file {file} is incomplete: {missing} MB of {expected} MB are missing. "
                "Download it again.",
                detail=f"{self.path}: {self.size} of {expected} bytes",
                file=self.path.name,
                missing=f"{(expected - self.size) / 1e6:.1f}",
                expected=f"{expected / 1e6:.1f}",
            )
        return GgufHeader(metadata, tensors, self.size)

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > _MAX_STEPS:
            raise IndexError("the header is too large")

    def _number(self, kind: struct.Struct) -> int:
        (value,) = kind.unpack_from(self.data, self.at)
        self.at += kind.size
        return int(value)

    def _string(self) -> str:
        length = self._number(_U64)
        end = self.at + length
        if end > self.size:
            raise IndexError(f"a text of {length} bytes")
        self._spend(1 + length // 64)
        text = self.data[self.at : end].decode("utf-8")
        self.at = end
        return text

    def _value(self, kind: int) -> MetadataValue | None:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._skip_array(depth=0)
            return None
        scalar = _SCALARS.get(kind)
        if scalar is None:
            raise IndexError(f"a value of type {kind}")
        (value,) = scalar.unpack_from(self.data, self.at)
        self.at += scalar.size
        if isinstance(value, bool | int | float):
            return value
        return None

    def _skip_array(self, depth: int) -> None:
        self._spend(1)
        kind = self._number(_U32)
        count = self._number(_U64)
        if count > self.size or depth > 4:
            raise IndexError(f"an array of {count} values")
        if kind in _SCALARS:
            self.at += count * _SCALARS[kind].size
        elif kind == _STRING:
            self._spend(count // 16)
            at, unpack, data = self.at, _U64.unpack_from, self.data
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
            self.at = at
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip_array(depth + 1)
        else:
            raise IndexError(f"an array of type {kind}")
        if self.at > self.size:
            raise IndexError("an array beyond the end of the file")

    def _table(self, count: int) -> tuple[Tensors, int]:
        tensors: Tensors = {}
        end = 0
        for _ in range(count):
            name = self._string()
            sides = self._number(_U32)
            if sides > 8:
                raise IndexError(f"a tensor of {sides} dimensions")
            shape = struct.unpack_from(f"<{sides}Q", self.data, self.at)
            self.at += 8 * sides
            kind, offset = _TABLE_END.unpack_from(self.data, self.at)
            self.at += _TABLE_END.size
            label, block, block_bytes = QUANTISATIONS.get(kind, (f"type {kind}", 1, 0))
            elements = 1
            for side in shape:
                elements *= side
            nbytes = elements // block * block_bytes
            # ggml lists the fastest-varying dimension first, other formats list it last.
            tensors[name] = TensorInfo(tuple(reversed(shape)), label, nbytes)
            end = max(end, offset + nbytes)
        return tensors, end


def _not_gguf(path: Path) -> Exception:
    return problem(
        "model_broken",
        "The file {file} is named .gguf but is not a GGUF file. Download it again.",
        file=path.name,
    )
