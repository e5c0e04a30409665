"""Whether a picture fits into memory is estimated before it is generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.jobs.estimate import Estimator
from studio.jobs.forecast import Peak, forecast, peak_of
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.models.fit import memory_need
from studio.models.identify import describe_path
from studio.protocol import Capabilities, DeviceMemory, InputFile, ModelRef, Recipe
from tests.unit.model_files import write_llama, write_pipeline, write_safetensors

GB = 10**9
BOTH = ("width", "height")
CAN = Capabilities(controls=BOTH, width=512, height=512, multiple=8)


@pytest.fixture
def model(tmp_path: Path) -> ModelRef:
    return describe_path(write_pipeline(tmp_path / "a-pipeline"), "a-pipeline")


def free(size: int) -> DeviceMemory:
    return DeviceMemory("cpu", "main", size, size)


def asked(width: int | None, height: int | None = None) -> ImageRequest:
    return ImageRequest(prompt="x", width=width, height=height or width)


def peaks(*megabytes: int, side: int = 512) -> list[Peak]:
    return [Peak(side * side, size * 10**6) for size in megabytes]


def test_for_a_picture_that_is_too_large_a_fitting_size_is_suggested(model: ModelRef) -> None:
    # 16 GB for 2048×2048 are 64 GB for 4096×4096; the libraries take 0.7 GB.
    known = peaks(16_000, side=2048)
    found = forecast(asked(4096), model, CAN, known, memory=free(4 * GB))
    assert found is not None and found.verdict == "will_not_fit"
    assert found.need == pytest.approx(64.4 * GB, rel=0.01)
    assert found.size == (768, 768)
    smaller = forecast(asked(*found.size), model, CAN, known, memory=free(4 * GB))
    assert smaller is not None and smaller.verdict == "fits" and smaller.size is None


def test_the_suggestion_keeps_the_aspect_ratio_and_the_multiple_of_the_model(
    model: ModelRef,
) -> None:
    known = peaks(4000, side=1024)
    found = forecast(asked(2048, 1024), model, CAN, known, memory=free(4 * GB))
    assert found is not None and found.size == (1152, 576)
    odd = Capabilities(controls=BOTH, multiple=48)
    found = forecast(asked(2064, 1008), model, odd, known, memory=free(4 * GB))
    assert found is not None and found.size is not None
    assert [side % 48 for side in found.size] == [0, 0]


def test_a_picture_that_fits_only_in_tiles_is_tight(model: ModelRef) -> None:
    need = memory_need(model, call_size=1024.0 * 1024)
    found = forecast(asked(1024), model, CAN, memory=free(need * 2 // 3))
    assert found is not None and found.verdict == "tight"
    assert found.need == pytest.approx(need, rel=0.05)
    assert found.size is not None and found.size < (1024, 1024)


def test_no_size_is_suggested_where_the_model_itself_is_too_large(model: ModelRef) -> None:
    found = forecast(asked(512), model, CAN, peaks(1000), memory=free(GB // 2))
    assert found is not None
    assert (found.verdict, found.size) == ("will_not_fit", None)


def test_without_a_size_the_default_of_the_model_counts(model: ModelRef) -> None:
    assert forecast(asked(None), model, None, peaks(1000), memory=free(4 * GB)) is None
    auto = forecast(asked(None), model, CAN, peaks(1000), memory=free(4 * GB))
    assert auto == forecast(asked(512), model, CAN, peaks(1000), memory=free(4 * GB))


def test_small_peaks_of_reused_memory_do_not_hide_the_need(model: ModelRef) -> None:
    found = forecast(asked(512), model, CAN, peaks(3, 1000, 5), memory=free(4 * GB))
    assert found is not None and found.need == pytest.approx(1.7 * GB, rel=0.01)


def test_pictures_of_about_the_same_size_count(model: ModelRef) -> None:
    known = [*peaks(500, side=64), *peaks(1000)]
    found = forecast(asked(640), model, CAN, known, memory=free(40 * GB))
    assert found is not None and found.need == pytest.approx(0.8 * GB + 0.9 * GB * 1.5625, rel=0.01)


def test_peaks_of_tiny_pictures_do_not_count_for_large_ones(model: ModelRef) -> None:
    plain = forecast(asked(2048), model, CAN, memory=free(40 * GB))
    assert forecast(asked(2048), model, CAN, peaks(75, side=128), memory=free(40 * GB)) == plain


def test_a_model_of_fixed_size_is_judged_by_that_size(model: ModelRef) -> None:
    fixed = Capabilities(controls=(), width=128, height=128)
    found = forecast(asked(8192), model, fixed, memory=free(2 * GB))
    assert found is not None and found.verdict == "fits"


def test_a_gpu_is_judged_by_peaks_of_its_own(model: ModelRef) -> None:
    on_gpu = [Peak(512 * 512, GB, 4 * GB)]
    found = forecast(asked(1024), model, CAN, on_gpu)
    assert found is not None
    assert (found.available, found.verdict) == (4 * GB, "tight")


def test_memory_is_learned_from_recipes() -> None:
    recipe = Recipe(
        request=ImageRequest(prompt="x", width=512, height=256),
        row=0,
        seed=0,
        model_id="icons",
        timings={"draw": 1.0},
        stats={"images_at_once": 2.0, "peak_memory": 5e8},
    )
    assert peak_of(recipe) == Peak(2.0 * 512 * 256, 500_000_000)
    known = Estimator([recipe])
    assert known.peaks(ImageRequest(prompt="y", model="icons")) == [peak_of(recipe)]
    assert known.peaks(ImageRequest(prompt="y", model="another")) == []


def test_the_same_size_is_never_predicted_to_need_less_than_it_did(model: ModelRef) -> None:
    # The engine held 6 GB of weights, and once 2 GB more; memory that it reused hid the rest.
    known = [
        Peak(512.0 * 512, 3_000_000, weights=6 * GB),
        Peak(512.0 * 512, 2 * GB, weights=6 * GB),
    ]
    found = forecast(asked(512), model, CAN, known, memory=free(40 * GB))
    assert found is not None and found.is_measured
    assert found.need >= known[1].total == 8_700_000_000
    smaller = forecast(asked(384), model, CAN, known, memory=free(40 * GB))
    assert smaller is not None and smaller.need < found.need


def test_a_lora_counts_besides_what_was_measured(model: ModelRef, tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "lora.safetensors", {"a.lora_down.weight": (1000, 1000)})
    lora = ModelRef(
        id="l", name="l", task="image", format="lora", path=str(file), size=4_000_000, role="lora"
    )
    for known in ([], [Peak(512.0 * 512, GB, weights=GB)]):
        alone = forecast(asked(512), model, CAN, known, free(40 * GB))
        added = forecast(asked(512), model, CAN, known, free(40 * GB), [lora])
        assert alone is not None and added is not None
        assert added.need - alone.need in (2_000_000, 4_000_000)


def test_many_variations_of_a_long_text_are_tight_and_run_one_by_one(tmp_path: Path) -> None:
    llama = describe_path(write_llama(tmp_path / "llama"))
    one = TextRequest(prompt="x", max_tokens=4000)
    many = TextRequest(prompt="x", max_tokens=4000, count=16)
    known = [Peak(8 * 4000.0, 8 * GB, weights=GB)]
    assert (found := forecast(many, llama, None, known, free(8 * GB))) is not None
    assert found.verdict == "tight" and found.size is None
    assert (found := forecast(one, llama, None, known, free(8 * GB))) is not None
    assert found.verdict == "fits"


def test_an_upscaler_needs_what_it_needed_before(tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "up.safetensors", {"a": (10, 10)})
    upscaler = ModelRef(id="u", name="u", task="upscale", format="spandrel", path=str(file))
    request = UpscaleRequest(input=InputFile("/x.png"), model="u")
    rough = forecast(request, upscaler, memory=free(40 * GB))
    learned = forecast(request, upscaler, None, [Peak(0.0, 3 * GB)], free(40 * GB))
    assert rough is not None and learned is not None
    assert not rough.is_measured and learned.is_measured
    assert learned.need == pytest.approx(3.8 * GB, rel=0.01)


def test_on_a_gpu_a_pipeline_larger_than_its_memory_is_tight(model: ModelRef) -> None:
    known = [Peak(512.0 * 512, GB // 10, 6 * GB, weights=8 * GB)]
    gpu = DeviceMemory("cuda", "gpu", 6 * GB, 6 * GB)
    found = forecast(asked(512), model, CAN, known, gpu)
    assert found is not None and found.verdict == "tight"
