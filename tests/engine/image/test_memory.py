"""Fallbacks when memory or precision is insufficient, with warnings and in the recipe."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from studio.engine.local.devices import Device
from studio.engine.tasks.image import run
from studio.engine.tasks.image.fit import memory_fallback
from studio.engine.tasks.image.fit.memory_fallback import pictures_at_once, split_evenly
from studio.engine.tasks.image.fit.stage_memory import StageMemory, set_tile_side, tile_side
from studio.engine.tasks.image.model import encoder_release
from studio.engine.tasks.image.model.layout import Component
from studio.engine.tasks.image.model.load import apply_placement, load_network
from studio.protocol import ProblemError
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench

pytestmark = IGNORE_LIBRARIES


def fail_while(network: torch.nn.Module, too_much: Callable[[torch.Tensor], bool]) -> Any:
    """Make a network run out of memory while its input is too much for it."""

    def check(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if too_much(args[0] if args else kwargs["hidden_states"]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    return network.register_forward_pre_hook(check, with_kwargs=True)


def test_the_batch_is_reduced_when_memory_runs_out(bench: ImageBench) -> None:
    expected = bench.draw("sd", rows=(0, 1, 2, 3), guidance_scale=1.0)
    unet = bench.loaded("sd").pipeline.unet
    hook = fail_while(unet, lambda sample: sample.shape[0] > 1)

    outcome = bench.draw("sd", rows=(0, 1, 2, 3), guidance_scale=1.0)
    hook.remove()

    assert outcome.warnings == ["memory"] * len(outcome.warnings) and outcome.warnings
    assert [asset.row for asset in outcome.assets] == [0, 1, 2, 3]
    adjustments = outcome.assets[3].recipe.adjustments
    assert any("1 at a time" in text for text in adjustments)
    assert any("tiles" in text for text in adjustments)
    assert [event.step for event in outcome.progress][-1] == outcome.progress[-1].steps
    for row in range(4):
        assert np.abs(outcome.picture(row) - expected.picture(row)).mean() < 8


def test_finished_rows_are_kept_when_memory_runs_out(
    bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "pictures_at_once", lambda *_: 1)
    unet = bench.loaded("sd").pipeline.unet
    calls: list[int] = []

    def too_much(_: torch.Tensor) -> bool:
        calls.append(1)
        return len(calls) == 3

    hook = fail_while(unet, too_much)
    outcome = bench.draw("sd", rows=(4, 9), steps=2)
    hook.remove()

    assert [asset.row for asset in outcome.assets] == [4, 9]
    assert [asset.recipe.seed for asset in outcome.assets] == [44, 49]


def test_lower_precision_is_the_last_fallback(bench: ImageBench) -> None:
    unet = bench.loaded("sd").pipeline.unet
    hook = fail_while(unet, lambda sample: sample.dtype == torch.float32)

    outcome = bench.draw("sd", rows=(0, 1))
    hook.remove()

    recipe = outcome.assets[0].recipe
    assert recipe.dtype == "bfloat16"
    assert "tiles" in recipe.adjustments[0]
    assert "16-bit" in recipe.adjustments[1]
    assert "1 at a time" in recipe.adjustments[2]


def test_a_picture_that_never_fits_fails_and_the_next_job_runs(bench: ImageBench) -> None:
    transformer = bench.loaded("prxpixel").pipeline.transformer
    hook = fail_while(transformer, lambda _: True)

    with pytest.raises(ProblemError) as caught:
        bench.draw("prxpixel", rows=(0, 1))
    hook.remove()

    assert caught.value.problem.kind == "out_of_memory"
    assert bench.draw("prxpixel").assets


def test_the_vae_is_tiled_from_the_start_when_memory_is_low(
    bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.memory, "_available", lambda: 10_000_000)

    outcome = bench.draw("sd")

    assert set(outcome.warnings) == {"memory"}
    assert "tiles" in outcome.assets[0].recipe.adjustments[0]


def test_a_model_that_does_not_fit_is_refused_before_loading(
    bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.memory, "_available", lambda: 1000)

    with pytest.raises(ProblemError) as caught:
        bench.draw("sd")

    assert caught.value.problem.kind == "out_of_memory"


@pytest.mark.parametrize("broken", ["nan", "inf"])
def test_a_decoder_that_overflows_is_run_again_in_full_precision(
    broken: str, bench: ImageBench
) -> None:
    bench.dtype = torch.bfloat16
    expected = bench.draw("sd")
    vae = bench.loaded("sd").pipeline.vae

    def overflow(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
        return output if output.dtype == torch.float32 else output * float(broken)

    hook = vae.decoder.register_forward_hook(overflow)
    outcome = bench.draw("sd", rows=(0, 1))
    hook.remove()

    assert outcome.warnings == ["precision"]
    assert "VAE" in outcome.assets[0].recipe.adjustments[0]
    assert np.abs(outcome.picture(0) - expected.picture(0)).mean() < 4


def test_a_denoiser_that_overflows_in_half_precision_is_run_in_full_precision(
    bench: ImageBench,
) -> None:
    bench.dtype = torch.bfloat16
    transformer = bench.loaded("prxpixel").pipeline.transformer

    def overflow(module: torch.nn.Module, _: object, output: Any) -> Any:
        return output if module.dtype == torch.float32 else (output[0] * float("nan"),)

    hook = transformer.register_forward_hook(overflow)
    outcome = bench.draw("prxpixel", rows=(0, 1))
    hook.remove()

    assert outcome.warnings == ["precision"]
    assert outcome.assets[1].recipe.dtype == "float32"
    assert len(outcome.assets) == 2


def test_a_row_of_nans_fails_alone(bench: ImageBench) -> None:
    transformer = bench.loaded("prxpixel").pipeline.transformer

    def spoil(_: object, __: object, output: Any) -> Any:
        spoiled = output[0].clone()
        spoiled[0] = float("nan")
        return (spoiled,)

    hook = transformer.register_forward_hook(spoil)
    outcome = bench.draw("prxpixel", rows=(0, 1), guidance_scale=1.0)
    hook.remove()

    assert [event.row for event in outcome.failed] == [0]
    assert [asset.row for asset in outcome.assets] == [1]


@pytest.mark.parametrize("family", ["sd", "flux", "prxpixel"])
def test_a_model_offloaded_by_layers_draws_the_same(family: str, bench: ImageBench) -> None:
    expected = bench.draw(family)
    loaded = bench.loaded(family)

    apply_placement(loaded, "layers")
    bench.draw_and_cancel(family)
    outcome = bench.draw(family)

    assert np.array_equal(outcome.picture(0), expected.picture(0))


def test_rows_are_split_into_few_calls_of_equal_size() -> None:
    assert split_evenly(17, 16) == [9, 8]
    assert split_evenly(3, 16) == [3]
    assert split_evenly(10, 1) == [1] * 10


def test_the_batch_size_is_limited_by_memory_and_device() -> None:
    cpu, gpu = Device("cpu", 0, ""), Device("cuda", 0, "")
    half = torch.float16

    assert pictures_at_once(cpu, 8_000_000_000, 128, 128, half) == 16
    assert pictures_at_once(cpu, 8_000_000_000, 1024, 1024, half) == 1
    assert pictures_at_once(gpu, 20_000_000_000, 1024, 1024, half) == 4
    assert pictures_at_once(gpu, 3_000_000_000, 1024, 1024, half) == 1


def test_what_each_stage_needs_decides_what_is_saved() -> None:
    need = StageMemory(denoise=400, decode=1000, decode_tiled=150, encoders=300)

    def saved(available: int, at_once: int = 1) -> set[str]:
        return set(memory_fallback._predicted(need, available, at_once))

    assert saved(1000) == set()
    assert saved(2000, at_once=3) == {"slices"}
    assert saved(900) == {"tiles"}
    assert saved(390) == {"tiles", "encoders"}
    assert saved(90) == {"tiles", "slices", "encoders", "precision"}


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_text_encoders_are_freed_after_encoding_and_loaded_again_for_a_new_prompt(
    family: str, bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = bench.draw(family, prompt="a fox")
    other = bench.draw(family, prompt="a lamp")
    loaded: Any = bench.loaded(family)
    loaded.prompt_cache.clear()
    loads: list[str] = []

    def load_counted(component: Component, dtype: torch.dtype) -> torch.nn.Module:
        loads.append(component.name)
        return load_network(component, dtype)

    monkeypatch.setattr(encoder_release, "load_network", load_counted)
    monkeypatch.setattr(memory_fallback, "_predicted", lambda *_: frozenset({"encoders"}))

    first = bench.draw(family, prompt="a fox")
    assert loaded.pipeline.text_encoder is None
    assert not loads
    again = bench.draw(family, prompt="a fox")
    assert not loads
    new = bench.draw(family, prompt="a lamp")
    assert sorted(loads) == sorted(loaded.released)
    for outcome, wanted in ((first, expected), (again, expected), (new, other)):
        assert np.array_equal(outcome.picture(0), wanted.picture(0))
    monkeypatch.setattr(memory_fallback, "_predicted", lambda *_: frozenset())
    bench.draw(family, prompt="a third")
    assert "text_encoder" in loaded.networks()


def test_a_model_that_fits_only_in_16_bits_is_loaded_so(
    bench: ImageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench.loaded("sd").size
    bench.memory.release_all()
    monkeypatch.setattr(bench.memory, "_available", lambda: whole * 3 // 4)
    outcome = bench.draw("sd")
    assert outcome.assets[0].recipe.dtype == "bfloat16"
    assert any("16-bit" in text for text in outcome.assets[0].recipe.adjustments)


def test_after_a_kill_a_job_saves_more_than_is_predicted(bench: ImageBench) -> None:
    outcome = bench.draw("sd", rows=(0, 1), saves_memory=True)
    recipe = outcome.assets[0].recipe
    assert "tiles" in recipe.adjustments[0] and recipe.stats["images_at_once"] == 1.0
    assert bench.loaded("sd").pipeline.text_encoder is None


def test_tiles_are_smaller_than_the_picture_whatever_the_vae_was_trained_with() -> None:
    vae = SimpleNamespace(tile_sample_min_size=1024, tile_latent_min_size=128)
    set_tile_side(vae, tile_side(1024, 1024))
    assert (vae.tile_sample_min_size, vae.tile_latent_min_size) == (512, 64)
    assert tile_side(512, 768) == 256 and tile_side(4096, 4096) == 512
