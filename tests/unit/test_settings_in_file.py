"""Settings are restored from files of other programs, with a report of what is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.kinds.image import ImageRequest
from studio.library.recipes.metadata import write_with_recipe
from studio.library.recipes.settings_in_file import read_settings
from tests.unit.conftest import png_bytes, recipe_for

A1111 = (
    "a red fox, <lora:fur:0.5>\nNegative prompt: blurry\nSteps: 25, Sampler: DPM++ 2M Karras, "
    "CFG scale: 6.5, Seed: 123, Size: 640x512, Model hash: abc, Model: dream, Version: v1.9"
)
INVOKE = {
    "generation_mode": "txt2img", "positive_prompt": "a red fox", "negative_prompt": "blurry",
    "width": 640, "height": 512, "seed": 123, "cfg_scale": 6.5, "steps": 25, "scheduler": "euler",
    "model": {"name": "dream", "hash": "abc", "base": "sd-1", "type": "main"},
}  # fmt: skip
COMFY = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 123, "steps": 25, "cfg": 6.5, "sampler_name": "euler", "scheduler": "normal",
        "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
        "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dream.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 640, "height": 512}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
}  # fmt: skip
COMFY_LINKS = {"links": [
    [1, 4, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "CONDITIONING"], [3, 7, 0, 3, 2, "CONDITIONING"],
    [4, 5, 0, 3, 3, "LATENT"], [5, 4, 1, 6, 0, "CLIP"], [6, 4, 1, 7, 0, "CLIP"]]}  # fmt: skip
SWARM = {"sui_image_params": {
    "prompt": "a red fox", "negativeprompt": "blurry", "model": "dream", "seed": 123,
    "steps": 25, "cfgscale": 6.5, "width": 640, "height": 512, "sampler": "euler"}}  # fmt: skip


def picture(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    Image.new("RGB", (640, 512)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": A1111},
        {"invokeai_metadata": json.dumps(INVOKE)},
        {"prompt": json.dumps(COMFY), "workflow": json.dumps(COMFY_LINKS)},
        {"parameters": json.dumps(SWARM)},
    ],
    ids=["a1111", "invokeai", "comfyui", "swarmui"],
)
def test_settings_of_other_programs_are_restored(tmp_path: Path, texts: dict[str, str]) -> None:
    found = read_settings(picture(tmp_path / "x.png", **texts))
    assert found is not None
    request = found.request
    assert isinstance(request, ImageRequest)
    assert (request.prompt, request.negative_prompt) == ("a red fox", "blurry")
    assert (request.seed, request.steps, request.guidance_scale) == (123, 25, 6.5)
    assert (request.width, request.height) == (640, 512)
    assert request.scheduler in ("DPMSolverMultistepScheduler", "EulerDiscreteScheduler")
    assert found.model_name.startswith("dream")


def test_settings_that_cannot_be_restored_are_reported(tmp_path: Path) -> None:
    text = A1111.replace("DPM++ 2M Karras", "Secret Sauce").replace("Seed: 123", "Seed: -1")
    found = read_settings(picture(tmp_path / "x.png", parameters=text))
    assert found is not None
    lost = " ".join(str(sentence) for sentence in found.lost)
    assert all(word in lost for word in ("fur", "Secret Sauce", "seed"))


def test_our_own_recipe_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(png_bytes())
    recipe = recipe_for(ImageRequest(prompt="狐狸", seed=5), row=2)
    write_with_recipe(tmp_path / "source", tmp_path / "ours.png", recipe)
    found = read_settings(tmp_path / "ours.png")
    assert found is not None
    assert (found.made_by, found.request.seed) == ("Prompt Studio", 7)


@pytest.mark.parametrize("text", ["", "[" * 10_000, '{"sui_image_params": 3}', "Steps: x"])
def test_a_file_without_settings_or_with_invalid_ones_gives_none(tmp_path: Path, text: str) -> None:
    assert read_settings(picture(tmp_path / "x.png", parameters=text)) is None


def test_a_file_that_is_no_picture_gives_none(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    assert read_settings(tmp_path / "x.jpg") is None
