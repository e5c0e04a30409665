"""`describe_path` on files and folders: valid, broken, and of other kinds."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from studio.models.identify import describe_path, model_candidates
from studio.models.storage.model_files import files_of
from studio.protocol import Problem, ProblemError
from tests.unit.model_files import (
    write_gguf,
    write_json,
    write_llama,
    write_pipeline,
    write_safetensors,
)


def refusal(path: Path) -> Problem:
    with pytest.raises(ProblemError) as caught:
        describe_path(path)
    return caught.value.problem


def test_a_transformers_folder_is_a_text_model(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "小 Llama 🦙")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Card", "utf-8")
    model = describe_path(folder)
    assert (model.task, model.format, model.family) == ("text", "transformers", "llama")
    assert (model.name, model.id) == ("小 Llama 🦙", "小-llama")
    assert (model.context, model.licence) == (2048, "apache-2.0")
    assert model.size == (folder / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("lines", "languages"),
    [
        ("language: en", ("en",)),
        ("language: [en, zh-CN]", ("en", "zh")),
        ("language:\n- english\n  - zh\nlicense: mit", ("en", "zh")),
        ("language:\nlicense: mit", ()),
        ("license: mit", ()),
    ],
)
def test_the_languages_of_a_model_are_read_from_its_card(
    tmp_path: Path, lines: str, languages: tuple[str, ...]
) -> None:
    folder = write_llama(tmp_path / "fox")
    (folder / "README.md").write_text(f"---\n{lines}\n---\nlanguage: fr\n", "utf-8")
    assert describe_path(folder).languages == languages


def test_a_diffusers_folder_is_an_image_model(tmp_path: Path) -> None:
    model = describe_path(write_pipeline(tmp_path / "sd"))
    assert (model.task, model.format, model.family) == (
        "image",
        "diffusers",
        "StableDiffusionPipeline",
    )


def test_a_gguf_file_is_a_text_model_named_with_its_quantisation(tmp_path: Path) -> None:
    model = describe_path(write_gguf(tmp_path / "a.gguf", general__name="Small Fox"))
    assert (model.task, model.format, model.family) == ("text", "gguf", "llama")
    assert (model.name, model.context) == ("Small Fox (Q4_1)", 4096)


def test_a_folder_with_one_model_file_is_that_model(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "fox" / "fox.gguf")
    (tmp_path / "fox" / "README.md").write_text("a fox", "utf-8")
    assert describe_path(tmp_path / "fox").path == str(file)


def test_a_folder_of_the_hub_cache_is_read_through_its_snapshot(tmp_path: Path) -> None:
    cache = tmp_path / "models--acme--fox-1b"
    write_llama(cache / "snapshots" / "0a1b")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0a1b", "ascii")
    model = describe_path(cache)
    assert (model.name, model.path) == ("fox-1b", str(cache / "snapshots" / "0a1b"))


def test_an_image_checkpoint_is_identified_by_its_weights(tmp_path: Path) -> None:
    file = write_safetensors(
        tmp_path / "xl.safetensors",
        {
            "model.diffusion_model.input_blocks.0.0.weight": (4, 4, 3, 3),
            "conditioner.embedders.1.model.positional_embedding": (4, 4),
            "conditioner.embedders.1.model.token_embedding.weight": (4, 4),
            "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
        },
    )
    model = describe_path(file)
    assert (model.task, model.format) == ("image", "single_file")
    assert model.family == "StableDiffusionXLPipeline"


def test_a_checkpoint_without_configuration_needs_a_folder_beside_it(tmp_path: Path) -> None:
    key = "double_blocks.0.img_attn.norm.key_norm.scale"
    file = write_safetensors(tmp_path / "flux.safetensors", {key: (4,)})
    assert describe_path(file).role == "denoiser"
    write_pipeline(tmp_path / "flux", "FluxPipeline")
    model = describe_path(file)
    assert (model.task, model.format, model.family) == ("image", "single_file", "FluxPipeline")


def test_an_upscaler_in_safetensors_is_identified_with_its_scale(tmp_path: Path) -> None:
    file = write_safetensors(
        tmp_path / "4x_fox.safetensors",
        {
            "conv_first.weight": (8, 3, 3, 3),
            "body.0.rdb1.conv1.weight": (4, 8, 3, 3),
            "conv_up1.weight": (8, 8, 3, 3),
            "conv_up2.weight": (8, 8, 3, 3),
        },
    )
    model = describe_path(file)
    assert (model.task, model.format, model.family) == ("upscale", "spandrel", "ESRGAN")
    assert (model.name, model.scales) == ("4x fox", (4,))


_CROSS_ATTENTION = "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
_CONTROL = "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_ENCODER = "text_model.encoder.layers.0.mlp.fc1.weight"


@pytest.mark.parametrize(
    ("tensors", "role", "base"),
    [
        ({f"lora_unet_{_CROSS_ATTENTION}.lora_down.weight": (4, 2048)}, "lora", "sdxl"),
        ({"emb_params": (8, 768)}, "embedding", "sd1"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "embedding", "sdxl"),
        ({_CONTROL: (320, 768)}, "controlnet", "sd1"),
        ({"ip_adapter.1.to_k_ip.weight": (640, 2048)}, "ip_adapter", "sdxl"),
        ({"decoder.conv_in.weight": (4, 4), "encoder.conv_in.weight": (4, 4)}, "vae", ""),
        ({_ENCODER: (4, 4)}, "text_encoder", ""),
        ({"vision_model.encoder.layers.0.mlp.fc1.weight": (4, 4)}, "image_encoder", ""),
        ({"double_blocks.0.img_attn.norm.key_norm.scale": (4,)}, "denoiser", "flux"),
    ],
)
def test_companions_are_described_with_role_and_base_family(
    tmp_path: Path, tensors: dict[str, tuple[int, ...]], role: str, base: str
) -> None:
    model = describe_path(write_safetensors(tmp_path / "x.safetensors", tensors))
    assert (model.task, model.role, model.base, model.is_companion) == ("image", role, base, True)


def test_trigger_words_noted_beside_a_lora_are_read(tmp_path: Path) -> None:
    file = write_safetensors(tmp_path / "fox.safetensors", {"lora_unet_x.lora_down.weight": (4, 4)})
    notes = {"trainedWords": ["zkfox", "red fur"], "baseModel": "SDXL 1.0"}
    (tmp_path / "fox.civitai.info").write_text(json.dumps(notes), encoding="utf-8")
    model = describe_path(file)
    assert (model.base, model.trigger_words) == ("sdxl", ("zkfox", "red fur"))


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"], "language model"),
        (["model.layers.0.self_attn.q_proj.weight"], "language model"),
        (["something.weight"], "unknown architecture"),
        ([], "unknown architecture"),
    ],
)
def test_other_weights_are_refused_by_what_they_are(
    tmp_path: Path, names: list[str], word: str
) -> None:
    file = write_safetensors(tmp_path / "x.safetensors", dict.fromkeys(names, (4, 4)))
    error = refusal(file)
    assert error.kind == "bad_input"
    assert word in str(error.message)


@pytest.mark.parametrize(
    ("architecture", "word"),
    [
        ("BertForMaskedLM", "text encoder"),
        ("LlavaForConditionalGeneration", "how it reads pictures are missing"),
        ("ViTForImageClassification", "does not write text"),
    ],
)
def test_a_folder_without_a_text_model_is_refused(
    tmp_path: Path, architecture: str, word: str
) -> None:
    error = refusal(write_llama(tmp_path / "m", architectures=[architecture]))
    assert error.kind == "bad_input"
    assert word in str(error.message)


def test_a_model_that_needs_remote_code_is_refused(tmp_path: Path) -> None:
    auto_map = {"AutoModelForCausalLM": "modeling_fox.FoxForCausalLM"}
    error = refusal(write_llama(tmp_path / "m", model_type="fox9", auto_map=auto_map))
    assert "custom Python code" in str(error.message)


@pytest.mark.parametrize(
    ("pipeline", "word"),
    [
        ("WanVACEPipeline", "video"),
        ("StableDiffusionInpaintPipeline", "more than a prompt"),
        ("FoxPipeline", "not supported"),
    ],
)
def test_a_pipeline_that_makes_no_pictures_from_prompts_is_refused(
    tmp_path: Path, pipeline: str, word: str
) -> None:
    error = refusal(write_pipeline(tmp_path / "m", pipeline))
    assert error.kind == "bad_input"
    assert word in str(error.message)


@pytest.mark.parametrize("cut", [1, 200])
def test_a_weight_file_that_is_cut_off_is_broken(tmp_path: Path, cut: int) -> None:
    folder = write_llama(tmp_path / "m")
    write_safetensors(folder / "model.safetensors", {"lm_head.weight": (16, 8)}, cut=cut)
    error = refusal(folder)
    assert error.kind == "model_broken"
    assert "incomplete" in str(error.message)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    places = {
        "model.embed_tokens.weight": "model-00001-of-00002.safetensors",
        "lm_head.weight": "model-00002-of-00002.safetensors",
    }
    write_json(folder / "model.safetensors.index.json", {"weight_map": places})
    error = refusal(folder)
    assert error.kind == "model_broken"
    assert "model-00002-of-00002.safetensors" in str(error.message)


def test_a_shard_of_another_model_is_found(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    places = {"lm_head.weight": "model-00001-of-00001.safetensors"}
    write_json(folder / "model.safetensors.index.json", {"weight_map": places})
    assert "does not belong" in str(refusal(folder).message)


def test_weights_of_another_width_than_the_config_are_broken(tmp_path: Path) -> None:
    error = refusal(write_llama(tmp_path / "m", hidden_size=12))
    assert error.kind == "model_broken"
    assert "belong to another model" in str(error.message)


@pytest.mark.parametrize("part", ["unet", "scheduler", "tokenizer"])
def test_a_missing_component_is_named(tmp_path: Path, part: str) -> None:
    folder = write_pipeline(tmp_path / "sd")
    (folder / part).rename(tmp_path / "elsewhere")
    error = refusal(folder)
    assert error.kind == "model_broken"
    assert part in str(error.message)


def test_weights_only_as_pickles_are_refused(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    error = refusal(folder)
    assert error.kind == "bad_input"
    assert ".safetensors" in str(error.message)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_an_empty_or_absent_file_of_a_folder_is_broken(tmp_path: Path, name: str) -> None:
    folder = write_llama(tmp_path / "m")
    if name == "tokenizer.json":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"")
    assert refusal(folder).kind == "model_broken"


def test_a_gguf_of_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    error = refusal(write_gguf(tmp_path / "a.gguf", "foxformer"))
    assert error.kind == "bad_input"
    assert "foxformer" in str(error.message)


def test_a_gguf_in_several_files_is_one_model_and_missing_parts_are_counted(tmp_path: Path) -> None:
    names = [f"fox-Q4_1-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    for name in names[:2]:
        write_gguf(tmp_path / name, split__count=3)
    error = refusal(tmp_path / names[1])
    assert error.kind == "model_broken"
    assert "1 of 3 parts of the model fox-Q4_1 are missing" in str(error.message)
    assert names[2] in str(error.message)

    write_gguf(tmp_path / names[2], split__count=3)
    size = (tmp_path / names[0]).stat().st_size
    for place in (tmp_path, *(tmp_path / name for name in names)):
        model = describe_path(place)
        assert (model.format, model.path) == ("gguf", str(tmp_path / names[0]))
        assert model.size == 3 * size
    assert describe_path(tmp_path).name.startswith("fox-Q4_1")
    assert [path.name for path in model_candidates(tmp_path)] == names[:1]
    assert len(files_of(describe_path(tmp_path))) == 3


def test_a_part_whose_name_was_changed_is_refused(tmp_path: Path) -> None:
    error = refusal(write_gguf(tmp_path / "a.gguf", split__count=3))
    assert "3 parts" in str(error.message)


@pytest.mark.parametrize("cut", [1, 60, 150, 300])
def test_a_gguf_that_is_cut_off_anywhere_is_broken(tmp_path: Path, cut: int) -> None:
    assert refusal(write_gguf(tmp_path / "a.gguf", cut=cut)).kind == "model_broken"


def test_a_gguf_with_absurd_lengths_is_broken(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "a.gguf")
    data = bytearray(file.read_bytes())
    data[24:32] = b"\xff" * 8  # the length of the first key
    file.write_bytes(data)
    assert refusal(file).kind == "model_broken"


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch pwned",)


def _zip_with(table: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", table)
        archive.writestr("model/version", "3\n")
    return file.getvalue()


@pytest.mark.parametrize("wrapped", [True, False], ids=["zip", "bare"])
def test_a_hostile_pickle_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    table = pickle.dumps({"conv_first.weight": _Hostile()}, protocol=2)
    file = tmp_path / "x4.pth"
    file.write_bytes(_zip_with(table) if wrapped else table)
    error = refusal(file)
    assert error.kind == "bad_input"
    assert "system" in str(error.message)
    assert not (tmp_path / "pwned").exists()


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x4.pth"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({}, 2))
        archive.writestr("model/code/__torch__.py", "")
    assert "TorchScript" in str(refusal(file).message)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.safetensors", b"<!DOCTYPE html><html>", "web page"),
        ("a.gguf", b"version https://git-lfs.github.com/spec/v1\noid", "pointer"),
        ("a.gguf", b"hello, this is a text, and no model", "but is not a"),
        ("a.safetensors", b"PK\x03\x04 not it at all", "but is not a"),
        ("a.safetensors", b"", "but is not a"),
        ("a.pth", b"GIF89a", "not a PyTorch model"),
        ("a.pth", b"PK\x03\x04 cut off", "incomplete or damaged"),
        ("a.ckpt", b"\x80\x02", "incomplete or damaged"),
        ("a.bin", b"\x80\x02", ".safetensors"),
        ("a.txt", b"hello", "not a model"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert word in str(refusal(file).message)


def test_a_folder_without_models_or_with_several_is_refused(tmp_path: Path) -> None:
    assert "no model" in str(refusal(tmp_path).message)
    write_gguf(tmp_path / "a.gguf")
    write_llama(tmp_path / "b")
    assert "a.gguf, b" in str(refusal(tmp_path).message)
    assert refusal(tmp_path / "nothing here").kind == "model_missing"


def test_one_part_of_a_pipeline_points_to_the_whole(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    assert "model_index.json" in str(refusal(folder / "unet").message)
