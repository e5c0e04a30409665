"""Whether a model fits: fits, tight, will not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.models.fit import COMFORT, Verdict, current_memory, fit, main_memory, memory_need
from studio.models.identify import describe_path
from studio.protocol import DeviceMemory, ModelRef
from tests.unit.model_files import write_gguf, write_llama, write_pipeline

GB = 10**9
BIG = ModelRef(
    id="big", name="Big", task="text", format="transformers", path="/nowhere", size=6 * GB
)


@pytest.mark.parametrize(
    ("available", "total", "verdict"),
    [(12 * GB, 16 * GB, "fits"), (6 * GB, 16 * GB, "tight"), (4 * GB, 6 * GB, "will_not_fit")],
)
def test_the_verdict_follows_free_and_total_memory(
    available: int, total: int, verdict: Verdict
) -> None:
    found = fit(BIG, DeviceMemory("cpu", "main", total, available), bytes_per_weight=2)
    assert found.verdict == verdict
    assert "GB" in str(found.sentence)
    assert (found.need <= COMFORT * available) == (verdict == "fits")


def test_weights_are_counted_at_the_precision_they_are_loaded_in(tmp_path: Path) -> None:
    for path in (write_llama(tmp_path / "llama"), write_gguf(tmp_path / "fox.gguf")):
        model = describe_path(path)
        wide = memory_need(model, bytes_per_weight=4)
        narrow = memory_need(model, bytes_per_weight=2)
        weights = 16 * 8 if model.format == "transformers" else 64
        assert wide - narrow == pytest.approx(2 * weights, rel=0.2)


def test_a_larger_picture_needs_more(tmp_path: Path) -> None:
    model = describe_path(write_pipeline(tmp_path / "sd"))
    assert memory_need(model, width=1024, height=1024) > memory_need(model)


def test_the_memory_of_the_machine_is_the_default() -> None:
    memory = main_memory()
    assert 0 < memory.free <= memory.total and memory.kind == "main"
    assert fit(BIG).available > 0


def test_each_device_uses_its_own_memory() -> None:
    gpu = DeviceMemory("cuda", "gpu", 24 * GB, 20 * GB)
    shared = DeviceMemory("mps", "unified", 8 * GB, 8 * GB)
    # Weights are held in two bytes on both, whatever this processor suits.
    assert fit(BIG, gpu).need == fit(BIG, shared).need == memory_need(BIG, bytes_per_weight=2)
    assert [fit(BIG, memory).verdict for memory in (gpu, shared)] == ["fits", "tight"]


def test_the_memory_of_a_gpu_is_as_reported_and_shared_memory_is_read_again() -> None:
    gpu = DeviceMemory("cuda", "gpu", 24 * GB, 20 * GB)
    assert current_memory(gpu) == gpu
    unified = current_memory(DeviceMemory("mps", "unified", 1, 1))
    assert (unified.device, unified.kind) == ("mps", "unified")
    assert unified.total == current_memory(None).total == main_memory().total
