"""Every family loads in every form that it is published in, and gives the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.engine.tasks.image.model.qwen_vocabulary import write_qwen_tokenizer
from studio.models.identify import describe_path
from studio.protocol import ModelRef, ProblemError
from tests.engine import tiny_pipelines
from tests.engine.image.adapter_files import lora_file
from tests.engine.image.author_layout import write_denoiser
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench, picture_file
from tests.engine.tiny_transformers import qwen3

pytestmark = [IGNORE_LIBRARIES, pytest.mark.filterwarnings("ignore:Already found a `peft_config`")]

TRANSFORMERS = ("sd3", "flux", "flux2_klein", "z_image", "qwen_image", "pixart", "sana")


def folder_ref(family: str) -> ModelRef:
    folder = tiny_pipelines.folder_of(family)
    return ModelRef(id=family, name=family, task="image", format="diffusers", path=str(folder))


def denoiser_file(folder: Path, family: str, prefix: str = "") -> Path:
    return write_denoiser(tiny_pipelines.build(family), folder / f"{family}.safetensors", prefix)


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_a_denoiser_alone_draws_the_picture_of_its_folder(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    expected = bench.draw(family).picture(0)
    file = denoiser_file(tmp_path, family, "model.diffusion_model." if family == "flux" else "")

    drawn = bench.draw(file, companions=[folder_ref(family)])

    assert np.abs(drawn.picture(0) - expected).max() <= 1
    (used,) = drawn.assets[0].recipe.extra_models
    assert used.id == family
    names = [part.name for part in bench.loaded(file, [folder_ref(family)]).layout.components]
    assert len(names) == len(set(names)), "a part is loaded twice"


def test_a_denoiser_without_its_parts_names_them(bench: ImageBench, tmp_path: Path) -> None:
    file = denoiser_file(tmp_path, "z_image")
    with pytest.raises(ProblemError) as caught:
        bench.draw(file)
    assert caught.value.problem.kind == "model_missing"
    assert "Qwen3 (16), VAE" in str(caught.value)
    assert "Tongyi-MAI/Z-Image-Turbo" in str(caught.value)


def with_own_vocabularies(family: str) -> Any:
    """Return a tiny pipeline whose encoders have the vocabularies that the app comes with."""
    pipeline = tiny_pipelines.build(family)
    torch.manual_seed(5)
    ids = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    for name, network in list(pipeline.components.items()):
        kind = type(network).__name__
        if kind == "AutoencoderKL":
            values = ("scaling_factor", "shift_factor", "use_quant_conv", "use_post_quant_conv")
            new = tiny_pipelines.kl_vae(
                block_out_channels=[32, 32],
                norm_num_groups=32,
                **{value: network.config[value] for value in values},
            )
        elif kind.startswith("CLIPText"):
            act = "gelu" if name == "text_encoder_2" else "quick_gelu"
            new = tiny_pipelines.clip_text(
                network.config.hidden_size,
                "Projection" in kind,
                vocab_size=49408,
                hidden_act=act,
                num_attention_heads=max(1, network.config.hidden_size // 64),
                **ids,
            )
        elif kind == "T5EncoderModel":
            new = tiny_pipelines.t5_text(network.config.d_model, vocab_size=32128)
        elif kind.startswith("Qwen3"):
            whole = qwen3(layers=network.config.num_hidden_layers, vocab_size=151936)
            new = whole if kind == "Qwen3ForCausalLM" else whole.model
        else:
            continue
        pipeline.register_modules(**{name: new})
    return pipeline


def published(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a network under the names of published files."""
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state.pop("encoder.embed_tokens.weight", None)
    if type(network).__name__ == "Qwen3Model":
        return {f"model.{name}": tensor for name, tensor in state.items()}
    if type(network).__name__.startswith("CLIPText"):
        outer = ("text_model.", "text_projection.")
        return {n if n.startswith(outer) else f"text_model.{n}": t for n, t in state.items()}
    return state


def file_of(network: torch.nn.Module, path: Path) -> ModelRef:
    save_file(published(network), path)
    return describe_path(path)


@pytest.mark.parametrize("family", ["flux", "pixart", "z_image"])
def test_a_denoiser_draws_with_encoders_and_vae_in_single_files(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = with_own_vocabularies(family)
    file = write_denoiser(pipeline, tmp_path / "denoiser.safetensors")
    companions = [
        file_of(network, tmp_path / f"{name}.safetensors")
        for name, network in pipeline.components.items()
        if isinstance(network, torch.nn.Module) and name != "transformer"
    ]
    assert {ref.role for ref in companions} == {"text_encoder", "vae"}

    drawn = bench.draw(file, companions=companions)

    loaded = bench.loaded(file, companions).pipeline
    for name, network in pipeline.components.items():
        if isinstance(network, torch.nn.Module):
            expected = dict(network.state_dict())
            for key, tensor in loaded.components[name].state_dict().items():
                assert torch.equal(tensor, expected[key]), f"{name} {key}"
    used = drawn.assets[0].recipe.extra_models
    assert {each.id for each in used} == {ref.id for ref in companions}


def test_a_file_with_everything_in_it_draws_alone(bench: ImageBench, tmp_path: Path) -> None:
    pipeline = with_own_vocabularies("sd3")
    file = write_denoiser(
        pipeline,
        tmp_path / "sd3.safetensors",
        "model.diffusion_model.",
        first_stage_model__=published(pipeline.vae),
        text_encoders__clip_l__transformer__=published(pipeline.text_encoder),
        text_encoders__clip_g__transformer__=published(pipeline.text_encoder_2),
        text_encoders__t5xxl__transformer__=published(pipeline.text_encoder_3),
    )
    ref = describe_path(file)
    assert (ref.role, ref.format, ref.family) == ("base", "single_file", "StableDiffusion3Pipeline")
    assert bench.draw(file).assets
    with_t5 = bench.loaded(file).pipeline
    assert torch.equal(with_t5.text_encoder_3.shared.weight, pipeline.text_encoder_3.shared.weight)


def test_sd3_draws_without_t5(bench: ImageBench, tmp_path: Path) -> None:
    pipeline = with_own_vocabularies("sd3")
    file = write_denoiser(
        pipeline,
        tmp_path / "sd3.safetensors",
        "model.diffusion_model.",
        first_stage_model__=published(pipeline.vae),
        text_encoders__clip_l__transformer__=published(pipeline.text_encoder),
        text_encoders__clip_g__transformer__=published(pipeline.text_encoder_2),
    )
    assert describe_path(file).role == "base"
    assert bench.draw(file).assets
    assert bench.loaded(file).pipeline.text_encoder_3 is None


def gguf_file(source: Path, architecture: str, quantisation: gguf.GGMLQuantizationType) -> Path:
    """Write the tensors of a file as GGUF; weights of layers are quantised where they can be."""
    target = source.with_suffix(".gguf")
    writer = gguf.GGUFWriter(target, architecture)
    for name, tensor in load_file(source).items():
        values = tensor.float().numpy()
        if values.ndim == 2 and values.shape[1] % 32 == 0 and name.count(".") > 2:
            packed = gguf.quants.quantize(values, quantisation)
            writer.add_tensor(name, packed, raw_dtype=quantisation)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.mark.parametrize("quantisation", ["Q8_0", "Q4_0"])
@pytest.mark.parametrize(
    ("family", "architecture"),
    [("flux", "flux"), ("z_image", "lumina2"), ("qwen_image", "qwen_image"), ("sd3", "sd3")],
)
def test_a_quantised_denoiser_draws_nearly_the_picture_of_its_folder(
    family: str, architecture: str, quantisation: str, bench: ImageBench, tmp_path: Path
) -> None:
    expected = bench.draw(family).picture(0)
    kind = gguf.GGMLQuantizationType[quantisation]
    file = gguf_file(denoiser_file(tmp_path, family), architecture, kind)
    ref = describe_path(file)
    assert (ref.role, ref.is_companion) == ("denoiser", False)

    drawn = bench.draw(file, companions=[folder_ref(family)]).picture(0)

    difference = np.abs(drawn - expected).mean()
    assert 0 < difference < (4 if quantisation == "Q8_0" else 40)


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", *TRANSFORMERS])
def test_a_folder_with_half_precision_files_loads(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = tiny_pipelines.build(family)
    pipeline.save_pretrained(tmp_path / "fp16", variant="fp16")
    expected = bench.draw(family).picture(0)
    assert np.array_equal(bench.draw(tmp_path / "fp16").picture(0), expected)


@pytest.mark.parametrize("family", ["sd", "flux"])
def test_mixed_and_sharded_folders_load(family: str, bench: ImageBench) -> None:
    expected = bench.draw(family).picture(0)
    folder = bench.copy_of(family)
    denoiser = "unet" if family == "sd" else "transformer"
    pipeline = tiny_pipelines.build(family)
    for name, size in (("vae", "1GB"), (denoiser, "20KB")):
        for old in (folder / name).glob("*.safetensors"):
            old.unlink()
        pipeline.components[name].save_pretrained(
            folder / name, variant="fp16", max_shard_size=size
        )
    assert len(list((folder / denoiser).glob("*.safetensors"))) > 1
    assert describe_path(folder).format == "diffusers"
    assert np.array_equal(bench.draw(folder).picture(0), expected)


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_a_denoiser_alone_starts_from_a_picture(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    start = picture_file(tmp_path)
    expected = bench.draw(family, start=start).picture(0)
    file = denoiser_file(tmp_path, family)
    drawn = bench.draw(file, start=start, companions=[folder_ref(family)]).picture(0)
    assert np.abs(drawn - expected).max() <= 1


@pytest.mark.parametrize("family", [name for name in TRANSFORMERS if name != "pixart"])
def test_a_lora_on_a_denoiser_alone_changes_the_picture_and_back_bit_for_bit(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    file = denoiser_file(tmp_path, family)
    lora = lora_file(tmp_path, family)
    parts = [folder_ref(family)]
    before = bench.draw(file, companions=parts).picture(0)
    drawn = bench.draw(file, adapters=[(lora, 1.0)], companions=parts).picture(0)
    off = bench.draw(file, companions=parts).picture(0)
    assert np.abs(drawn - before).mean() > 0.3
    assert np.array_equal(off, before)


def test_the_tokenizer_of_qwen_gives_its_published_tokens(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    write_qwen_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "user", "content": "Hello, world! 你好"}]
    text = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    start, end, line = 151644, 151645, 198
    words = [9707, 11, 1879, 0, 220, 108386]
    thought = [151667, 271, 151668, 271]
    expected = [start, 872, line, *words, end, line, start, 77091, line, *thought]
    assert tokenizer(text)["input_ids"] == expected
