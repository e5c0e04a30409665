"""Headers of models: safetensors, GGUF, and what a folder says of itself."""

from __future__ import annotations

import functools
import json
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st

from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.sentence_embedder import FILES, MAX_TOKENS, read_sentence_embedder
from studio.models.identify import describe_path
from studio.protocol import ProblemError
from tests.fuzz.bounds import bounded
from tests.fuzz.inputs import ODD_NUMBER, ODD_TEXT, ODD_VALUE, damaged, fuzz
from tests.unit.model_files import write_embedder, write_gguf, write_llama, write_safetensors


@functools.cache
def _safetensors() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as made:
        small = write_safetensors(Path(made, "a.safetensors"), {"weight": (4, 4), "bias": (4,)})
        lora = write_safetensors(Path(made, "b.safetensors"), {"lora_up.weight": (4, 4)}, "BF16")
        return small.read_bytes(), lora.read_bytes()


@functools.cache
def _ggufs() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as made:
        first = write_gguf(Path(made, "a.gguf"))
        second = write_gguf(Path(made, "b.gguf"), "qwen2", general__name="Tiny")
        return first.read_bytes(), second.read_bytes()


def read_safetensors(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    bounded("safetensors", path.parent, lambda: read_safetensors_header(path), ProblemError)
    bounded("description", path.parent, lambda: describe_path(path), ProblemError)


@fuzz(100, data=st.deferred(lambda: damaged(_safetensors())))
def test_a_damaged_safetensors_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    read_safetensors(tmp_path / "model.safetensors", data)


@fuzz(
    100,
    entries=st.dictionaries(
        ODD_TEXT,
        st.one_of(
            ODD_VALUE,
            st.fixed_dictionaries(
                {
                    "dtype": st.sampled_from(("F32", "BF16", "F4", "I64", "X9", "")),
                    "shape": st.one_of(
                        st.lists(ODD_NUMBER, max_size=4),
                        st.integers(0, 40).map(lambda sides: [2**62] * sides),
                    ),
                    "data_offsets": st.one_of(
                        st.just([0, 64]), st.lists(ODD_NUMBER, min_size=2, max_size=2)
                    ),
                }
            ),
        ),
        max_size=4,
    ),
    metadata=st.one_of(st.none(), ODD_VALUE),
)
def test_odd_entries_of_safetensors_are_read_or_refused(
    tmp_path: Path, entries: dict[str, object], metadata: object
) -> None:
    table = entries if metadata is None else {"__metadata__": metadata, **entries}
    raw = json.dumps(table).encode()
    data = len(raw).to_bytes(8, "little") + raw + bytes(64)
    read_safetensors(tmp_path / "model.safetensors", data)


_ENTRIES = 1_500_000


@pytest.mark.parametrize(
    "header",
    [
        b"{" + b",".join(b'"\\"%d":{}' % n for n in range(_ENTRIES)) + b"}",
        b"{" + b",".join(b'"%d\\\\":0' % n for n in range(_ENTRIES)) + b"}",
        b'{"__metadata__":{' + b",".join(b'"%d":"\\""' % n for n in range(_ENTRIES)) + b"}}",
    ],
    ids=["escaped quotes", "escaped backslashes", "metadata"],
)
def test_a_header_of_many_short_values_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    data = len(header).to_bytes(8, "little") + header
    read_safetensors(path, data)
    with pytest.raises(ProblemError):
        read_safetensors_header(path)


def test_texts_in_the_metadata_may_contain_any_number_of_colons(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    text = json.dumps(dict.fromkeys(map(str, range(200_000)), "a:b:c"))
    header = json.dumps({"__metadata__": {"tags": text}}).encode()
    read_safetensors(path, len(header).to_bytes(8, "little") + header)
    assert read_safetensors_header(path).metadata == {"tags": text}


@fuzz(
    100,
    name=st.sampled_from(FILES),
    content=st.one_of(
        ODD_VALUE,
        st.dictionaries(
            st.sampled_from(
                ("prompts", "default_prompt_name", "max_seq_length", "pooling_mode", "type", "path")
            ),
            ODD_VALUE,
        ),
        st.lists(st.fixed_dictionaries({"type": ODD_TEXT, "path": ODD_TEXT}), max_size=4),
    ),
)
def test_odd_files_beside_an_embedder_are_read_or_refused(
    tmp_path: Path, name: str, content: object
) -> None:
    folder = write_embedder(tmp_path / "embedder")
    (folder / name).write_text(json.dumps(content), "utf-8")

    def call() -> None:
        layout = read_sentence_embedder(folder)
        assert 0 < layout.max_tokens <= MAX_TOKENS

    bounded("embedder", tmp_path, call, ProblemError)
    bounded("description", tmp_path, lambda: describe_path(folder), ProblemError)


def read_gguf(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    def call() -> None:
        header = read_gguf_header(path)
        assert isinstance(header.architecture, str)
        assert header.context is None or header.context > 0

    bounded("gguf", path.parent, call, ProblemError)
    bounded("description", path.parent, lambda: describe_path(path), ProblemError)


@fuzz(150, data=st.deferred(lambda: damaged(_ggufs())))
def test_a_damaged_gguf_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    read_gguf(tmp_path / "model.gguf", data)


_NUMBERS = st.sampled_from((0, 1, 2, 3, 4, 8, 32, 255, 2**31, 2**32, 2**62, 2**63, 2**64 - 1))


@fuzz(
    120,
    counts=st.tuples(_NUMBERS, _NUMBERS),
    values=st.lists(
        st.tuples(st.text(max_size=8), st.integers(0, 14), st.binary(max_size=24)), max_size=4
    ),
    tensors=st.lists(st.tuples(st.lists(_NUMBERS, max_size=9), st.integers(0, 45)), max_size=3),
)
def test_odd_values_of_gguf_are_read_or_refused(
    tmp_path: Path,
    counts: tuple[int, int],
    values: list[tuple[str, int, bytes]],
    tensors: list[tuple[list[int], int]],
) -> None:
    data = b"GGUF" + struct.pack("<IQQ", 3, *counts)
    for name, kind, body in values:
        key = name.encode("utf-8", "replace")
        data += struct.pack("<Q", len(key)) + key + struct.pack("<I", kind) + body
    for shape, kind in tensors:
        data += struct.pack("<Q", 1) + b"t" + struct.pack("<I", len(shape))
        data += b"".join(struct.pack("<Q", side) for side in shape)
        data += struct.pack("<IQ", kind, 0)
    read_gguf(tmp_path / "model.gguf", data + bytes(64))


_FILES = (
    "config.json",
    "model_index.json",
    "tokenizer_config.json",
    "README.md",
    "adapter_config.json",
)


@fuzz(
    100,
    name=st.sampled_from(_FILES),
    content=st.one_of(
        ODD_VALUE.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(
            st.sampled_from(
                ("architectures", "model_type", "_class_name", "auto_map", "unet", "vae")
            ),
            ODD_VALUE,
            max_size=4,
        ).map(lambda value: json.dumps(value).encode()),
        damaged((b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}',)),
    ),
)
def test_a_folder_with_an_odd_file_is_described_or_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    folder = tmp_path / "model"
    for file in folder.glob("*"):
        file.unlink()
    write_llama(folder)
    (folder / name).write_bytes(content)
    bounded("description", tmp_path, lambda: describe_path(folder), ProblemError)
