"""PyTorch files become safetensors with the same bits, and never run code."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from studio.formats.weights.convert_pickle import (
    convert_index,
    convert_to_safetensors,
    convertible_files,
)
from studio.protocol import ProblemError


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    whole = torch.randn(64, 48)
    return {
        "weight": whole,
        "transposed": whole.t(),
        "row": whole[3:9, ::2],
        "half": whole.half(),
        "brain": whole.bfloat16(),
        "numbers": torch.arange(7),
        "flags": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5),
        "nothing": torch.zeros(0, 3),
        "名": torch.ones(2),
    }


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("wrapper", ["", "state_dict"])
def test_a_converted_file_has_the_same_tensors_bit_for_bit(
    is_zip: bool, wrapper: str, tmp_path: Path
) -> None:
    source = tmp_path / "pytorch_model.bin"
    saved: Any = {wrapper: tensors(), "epoch": 3} if wrapper else tensors()
    torch.save(saved, source, _use_new_zipfile_serialization=is_zip)
    loaded = torch.load(source, weights_only=True)
    expected = loaded[wrapper] if wrapper else loaded

    target = convert_to_safetensors(source)

    assert target == tmp_path / "model.safetensors"
    converted = load_file(target)
    assert converted.keys() == expected.keys()
    for name, tensor in expected.items():
        assert converted[name].dtype == tensor.dtype
        assert torch.equal(converted[name], tensor)
    assert convertible_files(tmp_path) == ()
    with pytest.raises(ProblemError, match="already a file"):
        convert_to_safetensors(source)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source = tmp_path / "big.ckpt"
    torch.save({"a": torch.zeros(4096, 4096), "b": torch.zeros(4096, 2048).t()}, source)
    tracemalloc.start()
    convert_to_safetensors(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("exit 1",))


def test_a_file_that_would_run_code_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "evil.bin"
    torch.save({"a": Evil()}, source)
    with pytest.raises(ProblemError, match="would run Python code"):
        convert_to_safetensors(source)
    (tmp_path / "plain.bin").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ProblemError):
        convert_to_safetensors(tmp_path / "plain.bin")
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_damaged(part: float, tmp_path: Path) -> None:
    source = tmp_path / "model.pt"
    torch.save(tensors(), source)
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * part)])
    with pytest.raises(ProblemError) as caught:
        convert_to_safetensors(source)
    assert caught.value.problem.kind == "model_broken"
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_index_of_a_sharded_model_is_not_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    model = tmp_path / "model"
    model.mkdir()
    shard = model / "pytorch_model-00001-of-00001.bin"
    torch.save({"a": torch.zeros(2)}, shard)
    (model / "pytorch_model.bin.index.json").write_text(
        '{"weight_map": {"a": "' + shard.name + '"}}'
    )
    (model / "model.safetensors.index.json").symlink_to(outside)

    written = convert_index(shard)

    assert written is not None and not written.is_symlink()
    assert outside.read_text() == "kept"
