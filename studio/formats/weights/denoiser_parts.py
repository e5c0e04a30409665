"""Which text encoders and VAE the denoiser of an image model needs, read from tensor headers.

A denoiser alone, in the layout of its authors, names neither: its family follows from its tensor
names, and the widths of its encoders from the shapes of its input layers.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.gguf_encoder import encoder_names
from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.tensors import TensorInfo, Tensors
from studio.protocol import ProblemError, problem

DenoiserFamily: TypeAlias = Literal[
    "",
    "flux",
    "flux_schnell",
    "flux2_klein",
    "sd3",
    "z_image",
    "qwen_image",
    "pixart_alpha",
    "pixart_sigma",
    "sana",
    "sd1",
    "sd2",
    "sdxl",
]
"""Empty if the parts of a denoiser are not known."""

Network: TypeAlias = Literal[
    "clip", "t5", "qwen3", "qwen2_5_vl", "gemma2", "kl", "causal_kl", "deep_compression"
]
"""The architecture of a text encoder or a VAE."""

_DENOISER_PREFIXES = ("model.diffusion_model.", "diffusion_model.")
_OTHER_PREFIXES = (
    "first_stage_model.",
    "vae.",
    "text_encoders.",
    "cond_stage_model.",
    "conditioner.",
    "model_ema.",
)
_TRANSFORMERS_NETWORKS: dict[str, Network] = {
    "clip_text_model": "clip",
    "t5": "t5",
    "qwen3": "qwen3",
    "qwen2_5_vl": "qwen2_5_vl",
    "gemma2": "gemma2",
}


_PIPELINES: dict[DenoiserFamily, str] = {
    "flux": "FluxPipeline",
    "flux_schnell": "FluxPipeline",
    "flux2_klein": "Flux2KleinPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "z_image": "ZImagePipeline",
    "qwen_image": "QwenImagePipeline",
    "pixart_alpha": "PixArtAlphaPipeline",
    "pixart_sigma": "PixArtSigmaPipeline",
    "sana": "SanaPipeline",
    "sd1": "StableDiffusionPipeline",
    "sd2": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
}
UNET_FAMILIES: frozenset[DenoiserFamily] = frozenset({"sd1", "sd2", "sdxl"})
"""Families whose denoiser is a U-Net."""

_CROSS_ATTENTION = ".transformer_blocks.0.attn2.to_k.weight"


class Part(Struct, frozen=True):
    """A text encoder or VAE that a denoiser needs.

    `name` is the component's name in the diffusers pipeline. `width` is the encoder's, or the
    number of channels of the VAE's latents. `inside` is the prefix of its tensors in a file that
    also has the denoiser, empty if they are not there. `source` is where to get it on the hub.
    """

    name: str
    network: Network
    width: int
    source: str
    inside: str = ""
    is_optional: bool = False

    @property
    def is_encoder(self) -> bool:
        return self.name.startswith("text_encoder")


def read_tensors(path: Path) -> Tensors:
    """Return the tensors of a safetensors or GGUF file. Raises `ProblemError`.

    Those of a text encoder have the names of transformers.
    """
    if path.suffix.lower() == ".gguf":
        tensors = read_gguf_header(path).tensors
        names = encoder_names(tensors)
        return {new: tensors[old] for old, new in names.items()} if names else tensors
    return read_safetensors_header(path).tensors


def denoiser_prefix(tensors: Tensors) -> str:
    """Return the prefix of the denoiser's tensors, empty if they have none."""
    for prefix in _DENOISER_PREFIXES:
        if any(name.startswith(prefix) for name in tensors):
            return prefix
    return ""


def denoiser_tensors(tensors: Tensors) -> Tensors:
    """Return the tensors of the denoiser, without their prefix."""
    prefix = denoiser_prefix(tensors)
    return {
        name.removeprefix(prefix): info
        for name, info in tensors.items()
        if name.startswith(prefix) and not name.startswith(_OTHER_PREFIXES)
    }


def denoiser_family(denoiser: Tensors) -> DenoiserFamily:
    """Return the family of a denoiser without prefix, empty if its parts are not known."""
    names = denoiser.keys()
    if "joint_blocks.0.x_block.attn.qkv.weight" in names:
        return "sd3"
    if "single_stream_modulation.lin.weight" in names:
        # FLUX.2 dev has a guidance embedding, and an encoder of 24 billion weights.
        return "" if "guidance_in.in_layer.weight" in names else "flux2_klein"
    if "double_blocks.0.img_attn.norm.key_norm.scale" in names and "vector_in.in_layer.weight" in (
        names
    ):
        return "flux" if "guidance_in.in_layer.weight" in names else "flux_schnell"
    if "cap_embedder.1.weight" in names and "layers.0.adaLN_modulation.0.weight" in names:
        return "z_image"
    if "txt_norm.weight" in names and "transformer_blocks.0.img_mod.1.weight" in names:
        return "qwen_image"
    if "blocks.0.cross_attn.kv_linear.weight" in names:
        if "attention_y_norm.weight" in names:
            return "sana"
        has_size = "csize_embedder.mlp.0.weight" in names
        return "pixart_alpha" if has_size else "pixart_sigma"
    return _unet_family(denoiser)


def _unet_family(denoiser: Tensors) -> DenoiserFamily:
    first = denoiser.get("input_blocks.0.0.weight")
    attending = _cross_attention(denoiser)
    # Inpainting and editing take more channels than the 4 of the latents.
    if first is None or first.shape[1:2] != (4,) or not attending:
        return ""
    if "label_emb.0.0.weight" in denoiser:
        is_refiner = denoiser[attending].shape[1] == 1280
        return "" if is_refiner else "sdxl"
    projection = denoiser.get(attending.replace(_CROSS_ATTENTION, ".proj_in.weight"))
    return "sd2" if projection is not None and len(projection.shape) == 2 else "sd1"


def _cross_attention(denoiser: Tensors) -> str:
    return next((name for name in denoiser if name.endswith(_CROSS_ATTENTION)), "")


def pooled_width(denoiser: Tensors) -> int:
    """Return the width of the second text encoder of SDXL, from the U-Net's cross-attention."""
    width = denoiser[_cross_attention(denoiser)].shape[1]
    return 1280 if width == 2048 else width * 2 // 3


def pipeline_of(tensors: Tensors) -> str:
    """Return the diffusers pipeline of a file with a denoiser, empty if its parts are not known."""
    family = denoiser_family(denoiser_tensors(tensors))
    return _PIPELINES[family] if family else ""


def parts_of(tensors: Tensors) -> tuple[Part, ...]:
    """Return what a file with a denoiser needs or has besides, nothing for unknown families.

    Raises `KeyError` or `IndexError` if tensors of the denoiser are missing.
    """
    denoiser = denoiser_tensors(tensors)
    family = denoiser_family(denoiser)
    if not family:
        return ()
    return tuple(_with_place(part, tensors) for part in _parts(family, denoiser))


_SOURCES = {
    "sd1": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd2": "stabilityai/stable-diffusion-2-1",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
}


def _parts(family: DenoiserFamily, denoiser: Tensors) -> tuple[Part, ...]:
    def width(name: str) -> int:
        return denoiser[name].shape[1]

    match family:
        case "flux" | "flux_schnell":
            source = "black-forest-labs/FLUX.1-schnell"
            return (
                Part("text_encoder", "clip", width("vector_in.in_layer.weight"), source),
                Part("text_encoder_2", "t5", width("txt_in.weight"), source),
                Part("vae", "kl", width("img_in.weight") // 4, source),
            )
        case "sd3":
            source = "stabilityai/stable-diffusion-3.5-medium"
            pooled = width("y_embedder.mlp.0.weight")
            # Two encoders of CLIP are pooled together: 768 and 1280 in all published models.
            large = 1280 if pooled == 2048 else pooled * 2 // 3
            return (
                Part("text_encoder", "clip", pooled - large, source),
                Part("text_encoder_2", "clip", large, source),
                Part(
                    "text_encoder_3",
                    "t5",
                    width("context_embedder.weight"),
                    source,
                    is_optional=True,
                ),
                Part("vae", "kl", width("x_embedder.proj.weight"), source),
            )
        case "flux2_klein":
            source = "black-forest-labs/FLUX.2-klein-4B"
            return (
                # The states of three layers of the encoder are joined.
                Part("text_encoder", "qwen3", width("txt_in.weight") // 3, source),
                Part("vae", "kl", width("img_in.weight") // 4, source),
            )
        case "z_image":
            source = "Tongyi-MAI/Z-Image-Turbo"
            return (
                Part("text_encoder", "qwen3", width("cap_embedder.1.weight"), source),
                Part("vae", "kl", width("x_embedder.weight") // 4, source),
            )
        case "qwen_image":
            source = "Qwen/Qwen-Image-2512"
            return (
                Part("text_encoder", "qwen2_5_vl", width("txt_in.weight"), source),
                Part("vae", "causal_kl", width("img_in.weight") // 4, source),
            )
        case "sana":
            source = "Efficient-Large-Model/Sana_1600M_1024px_diffusers"
            encoder = Part("text_encoder", "gemma2", width("y_embedder.y_proj.fc1.weight"), source)
            latents = width("x_embedder.proj.weight")
            return (encoder, Part("vae", "deep_compression", latents, source))
        case "sd1" | "sd2":
            source = _SOURCES[family]
            return (
                Part("text_encoder", "clip", width(_cross_attention(denoiser)), source),
                Part("vae", "kl", width("input_blocks.0.0.weight"), source),
            )
        case "sdxl":
            source, second = _SOURCES[family], pooled_width(denoiser)
            first = width(_cross_attention(denoiser)) - second
            return (
                Part("text_encoder", "clip", first, source),
                Part("text_encoder_2", "clip", second, source),
                Part("vae", "kl", width("input_blocks.0.0.weight"), source),
            )
        case _:
            size = "XL-2-1024-MS" if family == "pixart_alpha" else "Sigma-XL-2-1024-MS"
            source = f"PixArt-alpha/PixArt-{size}"
            return (
                Part("text_encoder", "t5", width("y_embedder.y_proj.fc1.weight"), source),
                Part("vae", "kl", width("x_embedder.proj.weight"), source),
            )


_INSIDE: dict[tuple[str, Network], tuple[tuple[str, str], ...]] = {
    ("vae", "kl"): (
        ("first_stage_model.", "decoder.conv_in.weight"),
        ("vae.", "decoder.conv_in.weight"),
    ),
    ("text_encoder", "clip"): (
        (
            "text_encoders.clip_l.transformer.",
            "text_model.embeddings.token_embedding.weight",
        ),
    ),
    ("text_encoder_2", "clip"): (
        (
            "text_encoders.clip_g.transformer.",
            "text_model.embeddings.token_embedding.weight",
        ),
    ),
    ("text_encoder_2", "t5"): (("text_encoders.t5xxl.transformer.", "shared.weight"),),
    ("text_encoder_3", "t5"): (("text_encoders.t5xxl.transformer.", "shared.weight"),),
}


def _with_place(part: Part, tensors: Tensors) -> Part:
    for prefix, name in _INSIDE.get((part.name, part.network), ()):
        if prefix + name in tensors:
            return msgspec.structs.replace(part, inside=prefix)
    return part


def without_parts(name: str, path: Path, missing: Collection[str]) -> ProblemError:
    """Return the error for a denoiser whose parts with these names are missing."""
    parts = [part for part in parts_of(read_tensors(path)) if part.name in missing]
    wanted = ", ".join(
        f"{_TITLES[part.network]} ({part.width})" if part.is_encoder else "VAE" for part in parts
    )
    return problem(
        "model_missing",
        "{name} is only the part that draws. It also needs: {parts}. Add these files, or the "
        "folder of {source}.",
        name=name,
        parts=wanted,
        source=parts[0].source if parts else "?",
    )


_TITLES: dict[Network, str] = {
    "clip": "CLIP",
    "t5": "T5",
    "qwen3": "Qwen3",
    "qwen2_5_vl": "Qwen2.5-VL",
    "gemma2": "Gemma 2",
}


def network_of(tensors: Tensors) -> tuple[Network, int] | None:
    """Return architecture and width of a text encoder or a VAE, None if it is neither."""
    return _vae(tensors) or _encoder(tensors)


def network_of_config(config: dict[str, Any]) -> tuple[Network, int] | None:
    """Return architecture and width from the `config.json` of a text encoder, None for others."""
    network = _TRANSFORMERS_NETWORKS.get(str(config.get("model_type", "")))
    inner = config.get("text_config")
    for values in (config, inner if isinstance(inner, dict) else {}):
        for name in ("d_model", "hidden_size"):
            width = values.get(name)
            if network is not None and isinstance(width, int):
                return network, width
    return None


def _vae(tensors: Tensors) -> tuple[Network, int] | None:
    first = tensors.get("decoder.conv_in.weight") or tensors.get("decoder.conv1.weight")
    if first is not None and len(first.shape) == 5:
        return "causal_kl", first.shape[1]
    if first is not None and len(first.shape) == 4 and "decoder.conv_in.weight" in tensors:
        return "kl", first.shape[1]
    for name in ("decoder.conv_in.weight", "decoder.project_in.main.conv.weight"):
        if name in tensors:
            return "deep_compression", tensors[name].shape[1]
    return None


def _encoder(tensors: Tensors) -> tuple[Network, int] | None:
    def find(end: str) -> TensorInfo | None:
        return next((info for name, info in tensors.items() if name.endswith(end)), None)

    found = find("encoder.block.0.layer.0.SelfAttention.q.weight")
    if found is not None:
        return "t5", found.shape[-1]
    found = find("embeddings.token_embedding.weight")
    if found is not None:
        return "clip", found.shape[-1]
    found = find("layers.0.self_attn.q_proj.weight")
    if found is None or len(found.shape) != 2:
        return None
    if find("layers.0.pre_feedforward_layernorm.weight") is not None:
        return "gemma2", found.shape[1]
    if find("layers.0.self_attn.q_norm.weight") is not None:
        return "qwen3", found.shape[1]
    return ("qwen2_5_vl", found.shape[1]) if find("layers.0.self_attn.q_proj.bias") else None
