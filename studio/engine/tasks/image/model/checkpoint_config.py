"""Derives the diffusers configuration of a single-file checkpoint from its tensors.

diffusers would download the configuration from the hub. Here, a folder next to the file is used
if there is one. For Stable Diffusion 1.x, 2.x and XL no folder is needed: the configuration follows
from the shapes of the tensors.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.engine.tasks.image.model.clip_vocabulary import write_clip_tokenizer
from studio.formats.atomic_write import is_running
from studio.formats.weights.checkpoint import (
    family_of,
    folder_beside,
    input_channels,
    self_contained_pipeline,
)
from studio.formats.weights.tensors import Tensors
from studio.protocol import ProblemError, problem

UNET = "model.diffusion_model."
_VAE = "first_stage_model."
_CLIP = "cond_stage_model.transformer.text_model."
_CLIP_XL = "conditioner.embedders.0.transformer.text_model."
_OPEN_CLIP_XL = "conditioner.embedders.1.model."
_OPEN_CLIP_2 = "cond_stage_model.model."

_HEAD = 64
"""Channels per attention head in all CLIP text encoders and in SDXL's U-Net."""


_PREFIX = "prompt-studio-config-"
_MAX_AGE = 86_400.0
"""Seconds. A process of another container has a number of its own."""


def _remove_left() -> None:
    """Remove the folders of killed processes."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            is_old = time.time() - folder.lstat().st_mtime > _MAX_AGE
            if number.isdecimal() and is_old and not is_running(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


class ConfigFolder:
    """A temporary folder that is deleted together with this object, or at process exit."""

    def __init__(self) -> None:
        _remove_left()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def contains(tensors: Tensors, name: str, kind: type[Any]) -> bool:
    """Return whether a checkpoint contains the weights of a component (a name and a class)."""
    from diffusers import ModelMixin
    from diffusers.loaders.single_file_utils import (
        is_clip_model_in_single_file,
        is_t5_in_single_file,
    )

    if not issubclass(kind, ModelMixin):
        if kind.__name__.startswith("CLIPText"):
            return bool(is_clip_model_in_single_file(kind, tensors))
        return kind.__name__.startswith("T5") and bool(is_t5_in_single_file(tensors))
    if name == "vae":
        return any(key.startswith((_VAE, "vae.")) for key in tensors)
    return True


def built_in_config(path: Path, tensors: Tensors) -> ConfigFolder:
    """Write the configuration of a Stable Diffusion 1.x, 2.x or XL checkpoint into a new folder.

    Args:
        path: the checkpoint; named in messages.
        tensors: its tensors.

    Raises:
        ProblemError: `model_broken` if parts are missing, `bad_input` if its family needs a
            configuration folder; the message says where to put it.
    """
    family = self_contained_pipeline(tensors)
    if not family:
        raise _needs_folder(path, tensors)
    channels = input_channels(tensors)
    if channels not in (None, 4):
        raise problem(
            "bad_input",
            "{file} is an inpainting or editing model (its network takes {channels} input channels"
            " instead of 4). Choose a text-to-image model.",
            file=path,
            channels=channels,
        )
    if f"{_VAE}decoder.conv_in.weight" not in tensors:
        raise problem(
            "model_broken",
            "{file} has no VAE (the part that turns the result into pixels). Put the diffusers"
            " folder of its base model next to it as {folder}.",
            file=path,
            folder=folder_beside(path),
        )
    target = ConfigFolder()
    try:
        _write(target.path, path.stem, tensors, is_xl=family == "StableDiffusionXLPipeline")
    except (KeyError, IndexError, ValueError) as error:
        raise problem(
            "model_broken",
            "{file} is incomplete: some of its tensors are missing. Copy or download it again.",
            detail=repr(error),
            file=path,
        ) from error
    return target


def _needs_folder(path: Path, tensors: Tensors) -> ProblemError:
    family = family_of(tensors)
    if family is None:
        return problem(
            "bad_input",
            "{file} is not a checkpoint of a supported image model. If it is an image model, put"
            " its diffusers folder next to it as {folder}.",
            file=path,
            folder=folder_beside(path),
        )
    return problem(
        "bad_input",
        "{file} does not contain its configuration and text encoders. Put the diffusers folder of"
        " its base model ({source}, or the one it was made from) next to it as {folder}.",
        file=path,
        source=family.source,
        folder=folder_beside(path),
    )


def _write(root: Path, name: str, tensors: Tensors, *, is_xl: bool) -> None:
    is_2 = any(key.startswith(_OPEN_CLIP_2) for key in tensors)
    components: dict[str, tuple[str, str]] = {
        "unet": ("diffusers", "UNet2DConditionModel"),
        "vae": ("diffusers", "AutoencoderKL"),
        "text_encoder": ("transformers", "CLIPTextModel"),
        "tokenizer": ("transformers", "CLIPTokenizer"),
        "scheduler": ("diffusers", "EulerDiscreteScheduler" if is_xl else "PNDMScheduler"),
    }
    index: dict[str, Any] = {"_diffusers_version": "0.30.0"}
    if is_xl:
        components["text_encoder_2"] = ("transformers", "CLIPTextModelWithProjection")
        components["tokenizer_2"] = ("transformers", "CLIPTokenizer")
        index |= {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
        _save(root / "text_encoder_2" / "config.json", _open_clip_config(tensors, _OPEN_CLIP_XL))
        write_clip_tokenizer(root / "tokenizer_2", pad_token="!")
    else:
        index |= {"_class_name": "StableDiffusionPipeline", "requires_safety_checker": False}
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None]}
    _save(root / "model_index.json", index | components)
    _save(root / "unet" / "config.json", unet_config(tensors, is_xl=is_xl))
    _save(root / "vae" / "config.json", vae_config(tensors, is_xl=is_xl))
    scheduler = scheduler_config(tensors, is_xl=is_xl)
    encoder = _open_clip_2_config(tensors) if is_2 else _clip_config(tensors, is_xl=is_xl)
    if is_2 and not is_base_of_2(name):
        scheduler["prediction_type"] = "v_prediction"
    _save(root / "text_encoder" / "config.json", encoder)
    write_clip_tokenizer(root / "tokenizer", **({"pad_token": "!"} if is_2 else {}))
    _save(root / "scheduler" / "scheduler_config.json", scheduler)


def _save(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def is_base_of_2(name: str) -> bool:
    """Return whether a checkpoint of 2.x was trained at 512 pixels, which its tensors do not say.

    Those of 768 pixels predict another quantity, and are the ones that were tuned further.
    """
    return "base" in name.lower() or "512" in name


def unet_config(tensors: Tensors, *, is_xl: bool, pooled: int = 0) -> dict[str, Any]:
    """Return diffusers' configuration of a checkpoint's U-Net. Raises `KeyError`, `IndexError`.

    `pooled` is the width of SDXL's pooled text; 0 reads it from the text encoder.
    """
    channels: list[int] = []
    depths: list[int] = []
    resnets: list[int] = []
    block = 1
    while f"{UNET}input_blocks.{block}.0.in_layers.2.weight" in tensors:
        channels.append(tensors[f"{UNET}input_blocks.{block}.0.in_layers.2.weight"].shape[0])
        depths.append(
            _count(tensors, rf"{UNET}input_blocks\.{block}\.1\.transformer_blocks\.(\d+)\.")
        )
        first = block
        while f"{UNET}input_blocks.{block}.0.in_layers.2.weight" in tensors:
            block += 1
        resnets.append(block - first)
        block += 1  # the downsampling block
    key = ".1.transformer_blocks.0.attn2.to_k.weight"
    attending = next((name for name in tensors if name.endswith(key)), key)
    config: dict[str, Any] = {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 128 if is_xl else 64,
        "in_channels": 4,
        "out_channels": tensors[f"{UNET}out.2.weight"].shape[0],
        "layers_per_block": resnets[0],
        "block_out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if d else "UpBlock2D" for d in reversed(depths)],
        "transformer_layers_per_block": [max(1, depth) for depth in depths],
        "cross_attention_dim": tensors[attending].shape[1],
        # Misnamed in diffusers: this is the number of heads.
        "attention_head_dim": [count // _HEAD for count in channels] if is_xl else 8,
    }
    projection = tensors.get(attending.replace("transformer_blocks.0.attn2.to_k", "proj_in"))
    if not is_xl and projection is not None and len(projection.shape) == 2:  # 2.x
        config |= {
            "use_linear_projection": True,
            "attention_head_dim": [count // _HEAD for count in channels],
            "sample_size": 96,
            "upcast_attention": True,
        }
    if is_xl:
        added = tensors[f"{UNET}label_emb.0.0.weight"].shape[1]
        pooled = pooled or tensors[f"{_OPEN_CLIP_XL}text_projection"].shape[1]
        config |= {
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            # Six numbers (size, crop, target) are embedded together with the pooled text.
            "addition_time_embed_dim": (added - pooled) // 6,
            "projection_class_embeddings_input_dim": added,
        }
    return config


def vae_config(tensors: Tensors, *, is_xl: bool) -> dict[str, Any]:
    """Return diffusers' configuration of a checkpoint's VAE. Raises `KeyError`."""
    levels = _count(tensors, rf"{_VAE}encoder\.down\.(\d+)\.block\.0\.conv1\.weight")
    channels = [
        tensors[f"{_VAE}encoder.down.{level}.block.0.conv1.weight"].shape[0]
        for level in range(levels)
    ]
    return {
        "_class_name": "AutoencoderKL",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": _count(
            tensors, rf"{_VAE}encoder\.down\.0\.block\.(\d+)\.conv1\.weight"
        ),
        "latent_channels": tensors[f"{_VAE}decoder.conv_in.weight"].shape[1],
        "sample_size": 1024 if is_xl else 512,
        "scaling_factor": 0.13025 if is_xl else 0.18215,
        # SDXL's VAE overflows in half precision.
        "force_upcast": is_xl,
    }


def _clip_config(tensors: Tensors, *, is_xl: bool) -> dict[str, Any]:
    prefix = _CLIP_XL if is_xl else _CLIP
    vocabulary, hidden = tensors[f"{prefix}embeddings.token_embedding.weight"].shape
    positions = tensors[f"{prefix}embeddings.position_embedding.weight"].shape[0]
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "hidden_act": "quick_gelu",
        "hidden_size": hidden,
        "projection_dim": hidden,
        "intermediate_size": tensors[f"{prefix}encoder.layers.0.mlp.fc1.weight"].shape[0],
        "max_position_embeddings": positions,
        "num_attention_heads": hidden // _HEAD,
        "num_hidden_layers": _count(tensors, rf"{re.escape(prefix)}encoder\.layers\.(\d+)\."),
        "vocab_size": vocabulary,
        **TOKEN_IDS,
    }


def _open_clip_2_config(tensors: Tensors) -> dict[str, Any]:
    config = _open_clip_config(tensors, _OPEN_CLIP_2)
    # The states before the last layer are used; the file has it nevertheless.
    layers = max(1, config["num_hidden_layers"] - 1)
    return config | {"architectures": ["CLIPTextModel"], "num_hidden_layers": layers}


def _open_clip_config(tensors: Tensors, prefix: str) -> dict[str, Any]:
    vocabulary, hidden = tensors[f"{prefix}token_embedding.weight"].shape
    layers = rf"{re.escape(prefix)}transformer\.resblocks\.(\d+)\."
    return {
        "architectures": ["CLIPTextModelWithProjection"],
        "model_type": "clip_text_model",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "projection_dim": hidden
        if prefix == _OPEN_CLIP_2
        else tensors[f"{prefix}text_projection"].shape[1],
        "intermediate_size": tensors[f"{prefix}transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        "max_position_embeddings": tensors[f"{prefix}positional_embedding"].shape[0],
        "num_attention_heads": hidden // _HEAD,
        "num_hidden_layers": _count(tensors, layers),
        "vocab_size": vocabulary,
        **TOKEN_IDS,
    }


TOKEN_IDS = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}


def scheduler_config(tensors: Tensors, *, is_xl: bool) -> dict[str, Any]:
    """Return diffusers' configuration of the scheduler that a U-Net was trained for."""
    config: dict[str, Any] = {
        "_class_name": "EulerDiscreteScheduler" if is_xl else "PNDMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "prediction_type": "epsilon",
    }
    if not is_xl:
        config |= {"skip_prk_steps": True, "set_alpha_to_one": False}
    # Fine-tuned checkpoints mark how they were trained with these two empty tensors.
    if "v_pred" in tensors:
        config["prediction_type"] = "v_prediction"
    if "ztsnr" in tensors and is_xl:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return config


def _count(tensors: Tensors, pattern: str) -> int:
    """Return the highest number matched by the pattern's group plus one, 0 for no match."""
    matcher = re.compile(pattern)
    numbers = [int(found.group(1)) for name in tensors if (found := matcher.match(name))]
    return max(numbers, default=-1) + 1
