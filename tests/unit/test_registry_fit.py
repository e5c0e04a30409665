"""Whether a model fits: fits, tight, will not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.models import fit as fit_module
from studio.models.fit import COMFORT, Verdict, current_memory, fit, main_memory, memory_need
from studio.models.identify import describe_path
from studio.models.model_fits import fits_of
from studio.models.registry import Registry
from studio.models.weights_in_memory import weights_in_memory
from studio.protocol import DeviceMemory, ModelRef
from studio.settings import default_paths
from tests.unit.model_files import write_gguf, write_llama, write_pipeline, write_safetensors
from tests.unit.test_companions import FLUX, clip, put, t5, vae

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
    llama = describe_path(write_llama(tmp_path / "llama"))
    wide, narrow = (memory_need(llama, bytes_per_weight=width) for width in (4, 2))
    assert wide - narrow == pytest.approx(2 * 16 * 8, rel=0.2)
    names = ("fox-00001-of-00002.gguf", "fox-00002-of-00002.gguf", "fox.gguf")
    for name in names:
        write_gguf(tmp_path / name)
    # As stored: 64 weights of 5 bits, in each part.
    assert weights_in_memory(describe_path(tmp_path / names[2]), 4) == 2 * 20
    assert weights_in_memory(describe_path(tmp_path / names[0]), 2) == 2 * 2 * 20


def test_a_larger_picture_needs_more(tmp_path: Path) -> None:
    model = describe_path(write_pipeline(tmp_path / "sd"))
    assert memory_need(model, call_size=1024.0 * 1024) > memory_need(model)


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


def test_what_is_larger_than_a_gpu_runs_in_parts_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = DeviceMemory("cuda", "gpu", 4 * GB, 4 * GB)
    pipeline = ModelRef(
        id="p", name="P", task="image", format="diffusers", path="/nowhere", size=6 * GB
    )
    monkeypatch.setattr(fit_module, "main_memory", lambda: DeviceMemory("cpu", "main", 16 * GB, 0))
    in_parts, not_at_all = fit(pipeline, gpu), fit(BIG, gpu)
    assert in_parts.verdict == "tight" and "stay in main memory" in str(in_parts.sentence)
    assert not_at_all.verdict == "will_not_fit" and "graphics card" in str(not_at_all.sentence)
    monkeypatch.setattr(fit_module, "main_memory", lambda: DeviceMemory("cpu", "main", 4 * GB, 0))
    assert fit(pipeline, gpu).verdict == "will_not_fit"


def test_a_pipeline_that_fits_in_16_bits_is_tight_not_too_large() -> None:
    pipeline = ModelRef(
        id="p", name="P", task="image", format="diffusers", path="/nowhere", size=4 * GB
    )
    memory = DeviceMemory("cpu", "main", 8 * GB, 8 * GB)
    assert fit(pipeline, memory, bytes_per_weight=4).verdict == "tight"
    text = ModelRef(
        id="t", name="T", task="text", format="transformers", path="/nowhere", size=4 * GB
    )
    assert fit(text, memory, bytes_per_weight=4).verdict == "will_not_fit"


def test_the_parts_of_a_denoiser_count_and_those_of_others_do_not() -> None:
    paths = default_paths()
    put(paths, mine=FLUX, clip_l=clip(24), t5=t5(40), ae=vae(16))
    models = Registry(paths).list()
    memory = DeviceMemory("cuda", "gpu", 24 * GB, 24 * GB)
    alone = fit(next(model for model in models if model.id == "mine"), memory)
    together = fits_of(models, memory)["mine"]
    parts = [model for model in models if model.id in ("clip-l", "t5", "ae")]
    expected = sum(weights_in_memory(part, 2) for part in parts)
    assert together.need - alone.need == expected > 0
    assert fits_of(models, memory, {"mine": 30 * GB})["mine"].verdict == "will_not_fit"


def test_quantised_weights_of_a_denoiser_stay_as_they_are(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "flux.gguf", "flux")
    denoiser = ModelRef(id="d", name="d", task="image", format="denoiser", path=str(file))
    assert weights_in_memory(denoiser, 2) == 2 * 20
    fp8 = write_safetensors(tmp_path / "fp8.safetensors", {"a": (4, 4)}, "F8_E4M3")
    scaled = ModelRef(id="s", name="s", task="image", format="single_file", path=str(fp8))
    assert weights_in_memory(scaled, 2) == 2 * 16


def test_of_a_pipeline_that_completes_a_denoiser_its_own_is_not_loaded(tmp_path: Path) -> None:
    pipeline = describe_path(write_pipeline(tmp_path / "sd"))
    assert weights_in_memory(pipeline, 2) == 2 * 3 * 16
    assert weights_in_memory(pipeline, 2, as_companion=True) == 2 * 2 * 16
