"""A denoiser alone is completed with the encoders and the VAE that are installed, and fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.kinds.image import ImageRequest
from studio.models.registry import Registry
from studio.protocol import Adapter, ProblemError
from studio.settings import Paths, default_paths

FLUX = {
    "double_blocks.0.img_attn.norm.key_norm.scale": (8,),
    "double_blocks.0.img_attn.norm.query_norm.scale": (8,),
    "vector_in.in_layer.weight": (8, 24),
    "txt_in.weight": (8, 40),
    "img_in.weight": (8, 64),
}


def clip(width: int) -> dict[str, tuple[int, ...]]:
    return {
        "text_model.encoder.layers.0.mlp.fc1.weight": (8, width),
        "text_model.embeddings.token_embedding.weight": (16, width),
    }


def t5(width: int) -> dict[str, tuple[int, ...]]:
    return {"encoder.block.0.layer.0.SelfAttention.q.weight": (8, width)}


def vae(latents: int) -> dict[str, tuple[int, ...]]:
    return {"decoder.conv_in.weight": (8, latents, 3, 3)}


def put(paths: Paths, **files: Mapping[str, tuple[int, ...]]) -> None:
    paths.models.mkdir(parents=True, exist_ok=True)
    for name, shapes in files.items():
        tensors = {key: np.zeros(shape, np.float16) for key, shape in shapes.items()}
        save_file(tensors, paths.models / f"{name}.safetensors")


@pytest.fixture
def paths() -> Paths:
    return default_paths()


def test_a_denoiser_gets_the_encoders_and_the_vae_of_its_width(paths: Paths) -> None:
    put(paths, mine=FLUX, clip_l=clip(24), clip_g=clip(32), t5=t5(40), other=t5(48))
    put(paths, ae=vae(16), sdxl_vae=vae(4))
    registry = Registry(paths)

    base, *extra = registry.resolve_all(ImageRequest(prompt="a", model="mine"))

    assert (base.role, base.base, base.family) == ("denoiser", "flux", "FluxPipeline")
    assert [model.id for model in extra] == ["clip-l", "t5", "ae"]
    assert not base.is_companion, "it can be chosen like a whole model"


def test_of_vaes_with_the_same_shapes_the_one_named_after_the_family_is_taken(
    paths: Paths,
) -> None:
    put(paths, mine=FLUX, clip_l=clip(24), t5=t5(40), a_sd3_vae=vae(16), z_flux_vae=vae(16))
    chosen = Registry(paths).resolve_all(ImageRequest(prompt="a", model="mine"))
    assert chosen[-1].name == "z_flux_vae"


def test_what_a_denoiser_lacks_is_named_with_where_to_get_it(paths: Paths) -> None:
    put(paths, mine=FLUX, clip_l=clip(24), t5=t5(48))
    with pytest.raises(ProblemError) as caught:
        Registry(paths).resolve_all(ImageRequest(prompt="a", model="mine"))
    assert caught.value.problem.kind == "model_missing"
    assert str(caught.value.problem.message) == (
        "mine is only the part that draws. It also needs: T5 (40), VAE. Add these files, or the "
        "folder of black-forest-labs/FLUX.1-schnell."
    )


def test_by_default_a_whole_model_is_taken(paths: Paths) -> None:
    put(paths, mine=FLUX, clip_l=clip(24), t5=t5(40), ae=vae(16))
    assert Registry(paths).resolve_all(ImageRequest(prompt="a"))[0].role == "base"


def test_an_encoder_of_qwen_in_one_file_completes_z_image(paths: Paths) -> None:
    z_image = {
        "cap_embedder.1.weight": (8, 24),
        "layers.0.adaLN_modulation.0.weight": (8, 8),
        "x_embedder.weight": (8, 64),
    }
    first = "model.layers.0.self_attn"
    qwen = {f"{first}.q_proj.weight": (16, 24), f"{first}.q_norm.weight": (8,)}
    put(paths, mine=z_image, encoder=qwen, ae=vae(16))
    base, *extra = Registry(paths).resolve_all(ImageRequest(prompt="a", model="mine"))
    assert base.base == "z_image"
    assert [(model.id, model.role) for model in extra] == [
        ("encoder", "text_encoder"),
        ("ae", "vae"),
    ]


def test_a_lora_of_another_base_is_refused_with_both_named(paths: Paths) -> None:
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    put(paths, ink={name: (4, 2048)}, mine=FLUX, clip_l=clip(24), t5=t5(40), ae=vae(16))
    request = ImageRequest(prompt="a", model="mine", adapters=(Adapter("ink"),))
    with pytest.raises(ProblemError) as caught:
        Registry(paths).resolve_all(request)
    assert caught.value.problem.kind == "bad_input"
    message = str(caught.value.problem.message)
    assert "ink is made for Stable Diffusion XL, but mine is FLUX.1" in message


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ("single_stream_modulation.lin.weight", "guidance_in.in_layer.weight"),
            "FLUX.2 dev, of which single files are not supported. Add the folder of "
            "black-forest-labs/FLUX.2-dev",
        ),
        (("distilled_guidance_layer.in_proj.bias", "double_blocks.0.a"), "is Chroma, of which"),
        (("cap_embedder.0.weight", "layers.0.a"), "is Lumina 2, of which"),
        (
            ("double_stream_blocks.0.block.adaLN_modulation.1.bias",),
            "is HiDream, of which",
        ),
        (("transformer_blocks.0.a", "x_embedder.bias"), "is not known"),
    ],
)
def test_families_without_single_files_are_recognised_and_named(
    paths: Paths, names: tuple[str, ...], words: str
) -> None:
    shapes = dict.fromkeys(names, (8, 8)) | {"img_in.weight": (6144, 8)}
    put(paths, mine=shapes)
    with pytest.raises(ProblemError) as caught:
        Registry(paths).resolve_all(ImageRequest(prompt="a", model="mine"))
    assert caught.value.problem.kind == "bad_input"
    assert words in str(caught.value.problem.message)
