"""A broken model folder is refused with a sentence that names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from studio.engine.tasks.image.model.describe import describe
from studio.protocol import ProblemError
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench
from tests.engine.tiny_pipelines import FAMILIES

pytestmark = IGNORE_LIBRARIES


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def no_safetensors(path: Path) -> None:
    path.write_bytes(b"<html>Not found</html>" * 100)


def wrong_shape(path: Path) -> None:
    tensors = load_file(path)
    name = max(tensors, key=lambda key: tensors[key].numel())
    tensors[name] = tensors[name][:-1].clone()
    save_file(tensors, path, metadata={"format": "pt"})


def one_missing(path: Path) -> None:
    tensors = load_file(path)
    del tensors[max(tensors, key=lambda key: tensors[key].numel())]
    save_file(tensors, path, metadata={"format": "pt"})


def weights_of(folder: Path, component: str) -> Path:
    (path,) = (folder / component).glob("*.safetensors")
    return path


@pytest.mark.parametrize("component", ["transformer", "text_encoder_2"])
@pytest.mark.parametrize("spoil", [cut_short, emptied, no_safetensors, wrong_shape, one_missing])
def test_a_broken_weight_file_is_named(
    component: str, spoil: Callable[[Path], None], bench: ImageBench
) -> None:
    folder = bench.copy_of("sd3")
    path = weights_of(folder, component)
    spoil(path)

    with pytest.raises(ProblemError) as caught:
        bench.draw(folder)

    assert caught.value.problem.kind == "model_broken"
    assert str(path) in str(caught.value)
    assert bench.memory.loaded() == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_weights_are_named(family: str, bench: ImageBench) -> None:
    folder = bench.copy_of(family)
    path = weights_of(folder, "unet" if family in ("sd", "sdxl") else "transformer")
    path.unlink()

    with pytest.raises(ProblemError) as caught:
        bench.draw(folder)

    assert caught.value.problem.kind == "model_broken"
    assert str(path.parent) in str(caught.value)


def test_a_missing_shard_is_named(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    path = weights_of(folder, "transformer")
    tensors = load_file(path)
    names = sorted(tensors)
    parts = {"a": names[::2], "b": names[1::2]}
    for part, own in parts.items():
        save_file({name: tensors[name] for name in own}, path.with_name(f"{part}.safetensors"))
    shards = {name: f"{part}.safetensors" for part, own in parts.items() for name in own}
    index = path.with_name(f"{path.name}.index.json")
    index.write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    path.unlink()
    assert bench.draw(folder).assets

    path.with_name("b.safetensors").unlink()

    with pytest.raises(ProblemError) as caught:
        bench.draw(folder)
    assert "b.safetensors" in str(caught.value)


def test_weights_that_exist_only_in_half_precision_are_loaded(bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    for path in folder.rglob("*.safetensors"):
        path.rename(path.with_name(f"{path.stem}.fp16.safetensors"))

    assert bench.draw(folder).assets


def test_pickled_weights_are_refused(bench: ImageBench) -> None:
    folder = bench.copy_of("sd")
    path = weights_of(folder, "unet")
    path.rename(path.with_name("diffusion_pytorch_model.bin"))

    with pytest.raises(ProblemError) as caught:
        bench.draw(folder)

    assert "pickle" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"PRXPixelPipeline"', '["mine", "MyPipeline"]'),
        ('"PRXPixelPipeline"', '"MyPipeline"'),
        ('"transformers",\n    "T5EncoderModel"', '"os",\n    "system"'),
        ('"PRXPixelPipeline"', '"WanPipeline"'),
        ('"PRXPixelPipeline"', '"StableDiffusionInpaintPipeline"'),
    ],
)
def test_a_folder_that_needs_remote_code_is_refused(old: str, new: str, bench: ImageBench) -> None:
    folder = bench.copy_of("prxpixel")
    index = folder / "model_index.json"
    text = index.read_text()
    assert old in text
    index.write_text(text.replace(old, new))

    for use in (bench.draw, lambda path: describe(bench.model(path))):
        with pytest.raises(ProblemError) as caught:
            use(folder)
        assert caught.value.problem.kind == "bad_input"
        assert str(folder) in str(caught.value)


def test_a_damaged_configuration_is_named(bench: ImageBench) -> None:
    folder = bench.copy_of("sd")
    (folder / "unet" / "config.json").write_text("{")

    with pytest.raises(ProblemError) as caught:
        describe(bench.model(folder))

    assert caught.value.problem.kind == "model_broken"
    assert str(folder) in str(caught.value)


def test_a_moved_model_is_missing_not_broken(bench: ImageBench) -> None:
    with pytest.raises(ProblemError) as caught:
        bench.draw(bench.folder / "gone")

    assert caught.value.problem.kind == "model_missing"
