"""Settings are restored from files of other programs, with a report of what is lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.formats.pictures import png
from studio.kinds.coding import request_from_json, to_json
from studio.kinds.image import ImageRequest
from studio.library.recipes.metadata import write_with_recipe
from studio.library.recipes.settings_in_file import ORIGINAL_SEED, read_settings
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


FOOOCUS = {
    "base_model": "dream", "base_model_hash": "abc", "full_prompt": ["cinematic a red fox", "x"],
    "full_negative_prompt": ["y", "z"], "guidance_scale": 6.5, "negative_prompt": "blurry",
    "prompt": "a red fox", "resolution": "(640, 512)", "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "123", "steps": 25, "styles": "['Fooocus V2', 'Sharp']",
    "version": "Fooocus v2.4.3"}  # fmt: skip
NOVEL = {
    "Software": "NovelAI", "Source": "dream 1D44365E", "Description": "a red fox",
    "Comment": json.dumps({"steps": 25, "sampler": "k_euler", "seed": 123, "scale": 6.5,
                           "uc": "blurry", "width": 640, "height": 512})}  # fmt: skip
DREAM = '"a red fox [blurry]" -s 25 -S 123 -W 640 -H 512 -C 6.5 -A k_euler -G 0.9'
INVOKE_2 = {"model_weights": "dream", "image": {
    "prompt": [{"prompt": "a red fox [blurry]", "weight": 1.0}], "steps": 25, "cfg_scale": 6.5,
    "width": 640, "height": 512, "seed": 123, "hires_fix": False, "sampler": "k_euler"},
}  # fmt: skip


def comfy(**sampler: object) -> dict[str, object]:
    """Return a graph without workflow, with these inputs of its sampler."""
    inputs = {**COMFY["3"]["inputs"], **sampler}  # type: ignore[dict-item]
    return {**COMFY, "3": {"class_type": "KSampler", "inputs": inputs}}


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
        {"prompt": json.dumps(COMFY)},
        {"parameters": json.dumps(SWARM)},
        {"parameters": json.dumps(FOOOCUS)},
        {"sd-metadata": json.dumps(INVOKE_2), "Dream": DREAM},
        {"Dream": DREAM},
        NOVEL,
    ],
    ids=[
        "a1111",
        "invokeai",
        "comfyui",
        "comfyui-api",
        "swarmui",
        "fooocus",
        "invokeai-2",
        "invokeai-dream",
        "novelai",
    ],
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
    assert found.model_name.startswith("dream") or texts == {"Dream": DREAM}
    lost = " ".join(str(sentence) for sentence in found.lost)
    assert "second pass" not in lost
    assert not any(sign in request.prompt + request.negative_prompt for sign in "[]'")


def test_settings_that_cannot_be_restored_are_reported(tmp_path: Path) -> None:
    text = A1111.replace("DPM++ 2M Karras", "Secret Sauce").replace("Seed: 123", "Seed: -1")
    found = read_settings(picture(tmp_path / "x.png", parameters=text))
    assert found is not None
    lost = " ".join(str(sentence) for sentence in found.lost)
    assert all(word in lost for word in ("Secret Sauce", "seed"))


def test_loras_in_the_prompt_become_named_adapters(tmp_path: Path) -> None:
    text = A1111.replace("<lora:fur:0.5>", "<lora:fur:0.5> <lyco:style/ink:-1.2:2> <lora:x:y>")
    found = read_settings(picture(tmp_path / "x.png", parameters=text))
    assert found is not None
    named = [(each.name, each.weight) for each in found.adapters]
    assert named == [("fur", 0.5), ("style/ink", -1.2), ("x", 1.0)]
    assert "<" not in found.request.prompt  # type: ignore[attr-defined]


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


@pytest.mark.parametrize(
    ("name", "scheduler"),
    [
        ("DPM++ 2M SDE Karras", "DPMSolverMultistepScheduler"),
        ("Euler a", "EulerAncestralDiscreteScheduler"),
        ("dpmpp_2m_sde_gpu", "DPMSolverMultistepScheduler"),
        ("dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler"),
        ("dpmpp_2m_k", "DPMSolverMultistepScheduler"),
        ("k_dpm_2_a", "KDPM2AncestralDiscreteScheduler"),
        ("k_euler_ancestral", "EulerAncestralDiscreteScheduler"),
        ("k_lms", "LMSDiscreteScheduler"),
        ("kdpm_2", "KDPM2DiscreteScheduler"),
        ("sample_dpmpp_2m", "DPMSolverMultistepScheduler"),
        ("uni_pc_bh2", "UniPCMultistepScheduler"),
        ("unipc", "UniPCMultistepScheduler"),
    ],
)
def test_samplers_are_known_by_their_names_in_all_programs(
    tmp_path: Path, name: str, scheduler: str
) -> None:
    graph = json.dumps(comfy(sampler_name=name))
    found = read_settings(picture(tmp_path / "x.png", prompt=graph))
    assert found is not None
    assert isinstance(found.request, ImageRequest)
    assert found.request.scheduler == scheduler


def test_a_longer_seed_is_used_modulo_and_kept_as_a_label(tmp_path: Path) -> None:
    graph = json.dumps(comfy(seed=2**32 + 5))
    found = read_settings(picture(tmp_path / "x.png", prompt=graph))
    assert found is not None
    assert found.request.seed == 5
    assert found.labels == {ORIGINAL_SEED: "4294967301"}
    assert any("4294967301" in str(lost) for lost in found.lost)


def test_the_pass_that_starts_from_noise_is_restored(tmp_path: Path) -> None:
    second = comfy(seed=9, denoise=0.5, latent_image=["8", 0])["3"]
    graph = {"2": second, "8": {"class_type": "LatentUpscale", "inputs": {
        "samples": ["3", 0], "width": 1280, "height": 1024}}, **COMFY}  # fmt: skip
    found = read_settings(picture(tmp_path / "x.png", prompt=json.dumps(graph)))
    assert found is not None
    assert isinstance(found.request, ImageRequest)
    assert (found.request.seed, found.request.width) == (123, 640)


def test_settings_in_exif_are_restored(tmp_path: Path) -> None:
    exif = Image.Exif()
    for order in ("be", "le"):
        comment = b"UNICODE\0" + A1111.encode(f"utf-16-{order}")
        exif.get_ifd(0x8769)[0x9286] = comment
        for suffix in ("jpg", "webp", "png"):
            Image.new("RGB", (64, 64)).save(tmp_path / f"x.{suffix}", exif=exif.tobytes())
            found = read_settings(tmp_path / f"x.{suffix}")
            assert found is not None
            assert found.request.seed == 123


@pytest.mark.parametrize("signature", ["pnginfo", "pngcomp", "rgbinfo", "rgbcomp"])
@pytest.mark.parametrize("size", [(200, 160), (900, 30)])
def test_settings_hidden_in_the_pixels_are_restored(
    tmp_path: Path, signature: str, size: tuple[int, int]
) -> None:
    text = json.dumps(NOVEL) if signature == "pngcomp" else A1111
    data = gzip.compress(text.encode()) if "comp" in signature else text.encode()
    data = f"stealth_{signature}".encode() + (8 * len(data)).to_bytes(4, "big") + data
    channels = slice(0, 3) if signature.startswith("rgb") else slice(3, 4)
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 4), np.uint8)
    samples = pixels[:, :, channels].reshape(-1)
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    samples[: bits.size] = samples[: bits.size] & 254 | bits
    pixels[:, :, channels] = samples.reshape(pixels[:, :, channels].shape)
    # The columns of the picture are the rows here.
    Image.fromarray(pixels.transpose(1, 0, 2).copy()).save(tmp_path / "x.png")
    found = read_settings(tmp_path / "x.png")
    assert found is not None
    assert found.request.seed == 123


_SETTINGS = "\nSteps: 25, Sampler: Euler, Seed: 5"


@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": "a" * 200_001 + _SETTINGS},
        {"parameters": "\ud800" + _SETTINGS},
        {"parameters": f"Negative prompt: a\nNegative prompt: b{_SETTINGS}"},
        {"parameters": json.dumps({"sui_image_params": {"prompt": ["a"], "seed": 10**30}})},
        {"parameters": '{"sui_image_params": {"prompt": "a", "seed": 1e999, "steps": NaN}}'},
        {"parameters": json.dumps(FOOOCUS | {"prompt": {"a": 1}, "negative_prompt": 5})},
        {"parameters": json.dumps(FOOOCUS | {"sampler": None, "styles": "[" * 500})},
        {"prompt": json.dumps(comfy(sampler_name=["9", 0], seed=["9", 0], steps="\ud800"))},
        {"invokeai_metadata": json.dumps(INVOKE | {"positive_prompt": "\ud800", "width": []})},
        NOVEL | {"Comment": json.dumps({"sampler": ["x"], "uc": 3, "seed": "9" * 5_000})},
    ],
    ids=[
        "long", "surrogate", "two negatives", "list", "not finite", "object", "no sampler",
        "linked", "escaped surrogate", "digits",
    ],
)  # fmt: skip
def test_odd_values_never_raise_and_make_requests_that_can_be_stored(
    tmp_path: Path, texts: dict[str, str]
) -> None:
    path = tmp_path / "x.png"
    whole = png_bytes()
    added = b"".join(
        png.chunk(b"iTXt", f"{name}\0\0\0\0\0".encode() + text.encode("utf-8", "surrogatepass"))
        for name, text in texts.items()
    )
    path.write_bytes(whole[:33] + added + whole[33:])
    found = read_settings(path)
    if found is not None:
        assert request_from_json(to_json(found.request)) == found.request
        assert all(str(lost).encode() for lost in found.lost)
