"""What is known about model files without the libraries agrees with the libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.weights.gguf import QUANTISATIONS, TEXT_ARCHITECTURES
from studio.models.fit import fit, memory_need
from studio.models.identify import describe_path
from studio.protocol import DeviceMemory, ProblemError
from tests.engine.tiny_pipelines import FAMILIES, folder_of


def test_every_gguf_architecture_named_here_is_one_of_transformers() -> None:
    from transformers.integrations.gguf import GGUF_ARCHS
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    no_text = {"general", "tokenizer", "t5", "umt5"}
    # transformers names these with an underscore, the files without it or with a hyphen
    in_files = {
        "qwen2_moe": {"qwen2moe"},
        "qwen3_moe": {"qwen3moe"},
        "minimax_m2": {"minimax-m2"},
        "gpt_oss": {"gpt_oss", "gpt-oss"},
    }
    known: set[str] = set()
    for name in {*GGUF_SUPPORTED_ARCHITECTURES, *GGUF_ARCHS} - no_text:
        known |= in_files.get(name, {name})
    assert known >= TEXT_ARCHITECTURES


def test_the_gguf_block_sizes_are_those_of_gguf() -> None:
    from gguf.constants import GGML_QUANT_SIZES

    theirs = {int(kind): (kind.name.lower(), *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    assert {kind: theirs.get(kind) for kind in QUANTISATIONS} == QUANTISATIONS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_pipeline_is_identified(family: str) -> None:
    import diffusers

    folder = folder_of(family)
    model = describe_path(folder)
    index = diffusers.DiffusionPipeline.load_config(folder)
    assert (model.task, model.family) == ("image", index["_class_name"])
    assert model.size == sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    assert memory_need(model) > model.size


def test_a_saved_language_model_is_identified_and_a_pickled_one_refused(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=32,
        max_position_embeddings=99,
    )
    network = LlamaForCausalLM(config)
    network.save_pretrained(tmp_path / "fox", max_shard_size="6KB")
    (tmp_path / "fox" / "tokenizer.json").write_text("{}", "utf-8")
    model = describe_path(tmp_path / "fox")
    assert (model.task, model.family, model.context) == ("text", "llama", 99)
    assert len(list((tmp_path / "fox").glob("*.safetensors"))) > 1
    file = tmp_path / "fox.pth"
    torch.save(network.state_dict(), file)
    with pytest.raises(ProblemError):
        describe_path(file)


def _networks() -> dict[str, Any]:
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.DAT import DAT
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.PLKSR import PLKSR
    from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet3x
    from spandrel.architectures.SPAN import SPAN
    from spandrel.architectures.SwinIR import SwinIR

    swin = {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 8, "mlp_ratio": 2}
    return {
        "Compact 2": lambda: Compact(num_feat=8, num_conv=2, upscale=2),
        "Compact 4": lambda: Compact(num_feat=8, num_conv=2, upscale=4),
        "DAT 3": lambda: DAT(
            embed_dim=12, depth=[2], num_heads=[2], split_size=[8, 8], upscale=3, img_size=16
        ),
        "ESRGAN 4": lambda: ESRGAN(num_filters=8, num_blocks=1, scale=4),
        "ESRGAN 2": lambda: ESRGAN(
            in_nc=12, num_filters=8, num_blocks=1, scale=4, shuffle_factor=2
        ),
        "PLKSR 2": lambda: PLKSR(dim=16, n_blocks=2, upscaling_factor=2),
        "RealCUGAN 2": lambda: UpCunet2x(),
        "RealCUGAN 3": lambda: UpCunet3x(),
        "SPAN 4": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=4),
        "SwinIR 2": lambda: SwinIR(upscale=2, img_size=16, upsampler="pixelshuffle", **swin),
        "SwinIR 3": lambda: SwinIR(upscale=3, img_size=16, upsampler="pixelshuffledirect", **swin),
        "SwinIR 4": lambda: SwinIR(upscale=4, img_size=16, upsampler="nearest+conv", **swin),
    }


@pytest.mark.parametrize("wrapper", ["", "params_ema"])
@pytest.mark.parametrize("name", sorted(_networks()))
def test_upscalers_are_identified_as_in_spandrel(tmp_path: Path, name: str, wrapper: str) -> None:
    from spandrel import ModelLoader

    state = _networks()[name]().state_dict()
    file = tmp_path / f"{name}.pth"
    torch.save(
        {wrapper: state} if wrapper else state,
        file,
        _use_new_zipfile_serialization=not wrapper,
    )
    theirs = ModelLoader("cpu").load_from_file(file)
    model = describe_path(file)
    assert (model.family, model.scales) == (theirs.architecture.id, (theirs.scale,))
    assert f"{model.family} {theirs.scale}" == name


@pytest.mark.parametrize("suffix", PICKLED_WEIGHTS)
def test_an_upscaler_is_accepted_in_every_pytorch_file(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x2{suffix}"
    torch.save({"params_ema": _networks()["Compact 2"]().state_dict()}, file)
    model = describe_path(file)
    assert (model.format, model.family, model.scales) == ("spandrel", "Compact", (2,))
    assert fit(model, DeviceMemory("cpu", "main", 10**12, 10**12)).verdict == "fits"


@pytest.mark.parametrize("suffix", PICKLED_WEIGHTS)
def test_other_models_are_refused_in_pytorch_files(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"sd{suffix}"
    torch.save({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}, file)
    with pytest.raises(ProblemError, match="not an upscaler"):
        describe_path(file)


def test_pytorch_files_beside_safetensors_are_ignored(tmp_path: Path) -> None:
    state = _networks()["Compact 2"]().state_dict()
    save_file(state, tmp_path / "x2.safetensors")
    torch.save(state, tmp_path / "x2.pt")
    torch.save({"step": torch.zeros(1)}, tmp_path / "optimizer.ckpt")
    assert describe_path(tmp_path).path == str(tmp_path / "x2.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pth_that_is_cut_off_is_broken(tmp_path: Path, zipped: bool) -> None:
    state = _networks()["ESRGAN 4"]().state_dict()
    file = tmp_path / "x4.pth"
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ProblemError) as caught:
        describe_path(file)
    assert caught.value.problem.kind == "model_broken"
