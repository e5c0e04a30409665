"""Weights in fewer bits: every quantisation of a denoiser, scaled fp8, encoders in GGUF files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.formats.weights.gguf_encoder import encoder_names
from studio.models.identify import describe_path
from studio.protocol import ModelRef, ProblemError
from tests.engine import tiny_pipelines
from tests.engine.image.author_layout import write_denoiser
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench
from tests.engine.image.test_conformance import (
    file_of,
    folder_ref,
    published,
    with_own_vocabularies,
)

pytestmark = IGNORE_LIBRARIES

_SCALES = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}
_SCALES |= {"IQ4_NL": (0,), "IQ4_XS": (0,)}
"""Where the scales lie in the blocks of quantisations that the gguf library only reads."""

_QUANTISED = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", *_SCALES)


def blocks(values: np.ndarray, name: str) -> np.ndarray:
    """Return quantised values, or random ones of about their size where nothing can quantise."""
    kind = gguf.GGMLQuantizationType[name]
    if name not in _SCALES:
        packed: np.ndarray = gguf.quants.quantize(values, kind)
        return packed
    length, size = gguf.GGML_QUANT_SIZES[kind]
    count = values.size // length
    raw = np.random.default_rng(3).integers(0, 256, (count, size), np.uint8)
    scale = np.frombuffer(np.float16(1e-4).tobytes(), np.uint8)
    for place in _SCALES[name]:
        raw[:, place : place + 2] = scale
    return raw.reshape(values.shape[0], -1)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The denoiser of FLUX.1 with rows of 256 numbers, which a block of most quantisations has."""
    from diffusers import FluxTransformer2DModel

    pipeline = tiny_pipelines.build("flux")
    small = pipeline.transformer.config
    torch.manual_seed(7)
    names = ("in_channels", "joint_attention_dim", "pooled_projection_dim", "guidance_embeds")
    pipeline.register_modules(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=128,
            num_attention_heads=2,
            axes_dims_rope=[16, 56, 56],
            **{name: small[name] for name in names},
        )
    )
    return write_denoiser(pipeline, tmp_path_factory.mktemp("wide") / "flux.safetensors")


@pytest.mark.parametrize("name", _QUANTISED)
def test_a_denoiser_draws_the_same_from_every_quantisation_as_from_its_values(
    name: str, wide: Path, bench: ImageBench, tmp_path: Path
) -> None:
    kind = gguf.GGMLQuantizationType[name]
    writer = gguf.GGUFWriter(tmp_path / "flux.gguf", "flux")
    plain: dict[str, torch.Tensor] = {}
    for key, tensor in load_file(wide).items():
        values = tensor.float().numpy()
        if "blocks" in key and values.ndim == 2:
            packed = blocks(values, name)
            writer.add_tensor(key, packed, raw_dtype=kind)
            plain[key] = torch.from_numpy(gguf.quants.dequantize(packed, kind))
        else:
            writer.add_tensor(key, values)
            plain[key] = tensor
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(plain, tmp_path / "plain.safetensors")
    assert describe_path(tmp_path / "flux.gguf").family == "FluxPipeline"

    quantised = bench.draw(tmp_path / "flux.gguf", companions=[folder_ref("flux")]).picture(0)

    expected = bench.draw(tmp_path / "plain.safetensors", companions=[folder_ref("flux")])
    assert np.abs(quantised - expected.picture(0)).max() <= 1


def test_a_quantisation_that_cannot_be_drawn_with_is_named(tmp_path: Path) -> None:
    kind = gguf.GGMLQuantizationType.IQ2_XXS
    writer = gguf.GGUFWriter(tmp_path / "flux.gguf", "flux")
    writer.add_tensor("double_blocks.0.a.weight", np.zeros((1, 66), np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ProblemError, match="IQ2_XXS"):
        describe_path(tmp_path / "flux.gguf")


def scaled(state: dict[str, torch.Tensor], name: str = "scale_weight") -> dict[str, torch.Tensor]:
    """Return tensors as ComfyUI writes them: matrices in float8, with a scale beside each."""
    found: dict[str, torch.Tensor] = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    for key, tensor in state.items():
        if tensor.dim() == 2 and key.endswith(".weight") and "embed" not in key:
            scale = tensor.abs().max() / 448
            found[key] = (tensor / scale).to(torch.float8_e4m3fn)
            found[key.removesuffix("weight") + name] = scale.float().clone()
        else:
            found[key] = tensor.clone()
    return found


@pytest.mark.parametrize("name", ["scale_weight", "weight_scale"])
@pytest.mark.parametrize("family", ["flux", "z_image"])
def test_a_denoiser_in_scaled_float8_draws_nearly_the_same(
    family: str, name: str, bench: ImageBench, tmp_path: Path
) -> None:
    expected = bench.draw(family).picture(0)
    plain = write_denoiser(tiny_pipelines.build(family), tmp_path / "plain.safetensors")
    save_file(scaled(load_file(plain), name), tmp_path / "fp8.safetensors")
    assert describe_path(tmp_path / "fp8.safetensors").role == "denoiser"

    drawn = bench.draw(tmp_path / "fp8.safetensors", companions=[folder_ref(family)]).picture(0)

    assert 0 < np.abs(drawn - expected).mean() < 20


def test_scaled_weights_in_another_form_are_refused(bench: ImageBench, tmp_path: Path) -> None:
    plain = write_denoiser(tiny_pipelines.build("flux"), tmp_path / "plain.safetensors")
    tensors = load_file(plain)
    key = "double_blocks.0.img_attn.qkv.weight"
    tensors[key] = tensors[key].to(torch.uint8)
    tensors[key.replace("weight", "weight_scale")] = torch.ones(1)
    save_file(tensors, tmp_path / "fp4.safetensors")
    with pytest.raises(ProblemError, match="uint8 with scales") as caught:
        bench.draw(tmp_path / "fp4.safetensors", companions=[folder_ref("flux")])
    assert caught.value.problem.kind == "bad_input"


def encoder_gguf(network: torch.nn.Module, path: Path, architecture: str) -> ModelRef:
    """Write a text encoder as GGUF, its matrices in 16 bits, and describe the file."""
    state: dict[str, Any] = published(network)
    settings: Any = network.config
    layers = range(settings.num_hidden_layers)
    ends = ("token_embd", "output_norm", "enc.output_norm", "output")
    parts = "attn_q attn_k attn_v attn_o attn_output attn_rel_b attn_norm attn_q_norm attn_k_norm"
    parts += " ffn_gate ffn_up ffn_down ffn_norm"
    prefix = "enc.blk" if architecture == "t5encoder" else "blk"
    known = [f"{end}.weight" for end in ends]
    known += [f"{prefix}.{layer}.{part}.weight" for layer in layers for part in parts.split()]
    if architecture == "t5encoder" and "encoder.block.0.layer.1.DenseReluDense.wi.weight" in state:
        known = [name for name in known if "ffn_gate" not in name]
    old = {new: name for name, new in encoder_names(known).items()}
    writer = gguf.GGUFWriter(path, architecture)
    for name, tensor in state.items():
        values = tensor.float().numpy()
        writer.add_tensor(old[name], values.astype(np.float16) if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return describe_path(path)


@pytest.mark.parametrize("family", ["flux", "z_image"])
def test_a_text_encoder_in_a_gguf_file_completes_a_denoiser(
    family: str, bench: ImageBench, tmp_path: Path
) -> None:
    pipeline = with_own_vocabularies(family)
    file = write_denoiser(pipeline, tmp_path / "denoiser.safetensors")
    name = "text_encoder_2" if family == "flux" else "text_encoder"
    encoder = pipeline.components[name]
    architecture = "t5encoder" if family == "flux" else "qwen3"
    companions = [encoder_gguf(encoder, tmp_path / "encoder.gguf", architecture)]
    companions += [
        file_of(network, tmp_path / f"{part}.safetensors")
        for part, network in pipeline.components.items()
        if isinstance(network, torch.nn.Module) and part not in ("transformer", name)
    ]
    assert companions[0].role == ("text_encoder" if family == "flux" else "base")

    bench.draw(file, companions=companions)

    loaded = bench.loaded(file, companions).pipeline.components[name].state_dict()
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(loaded[key].half(), tensor.half()), key
