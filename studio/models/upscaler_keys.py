"""Identify an upscaler's architecture and scale from the names and shapes of its weights.

The names are a distinguishing subset of those that spandrel checks
(`spandrel/architectures/*/__init__.py`, MIT). spandrel decides when it loads the model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from msgspec import Struct

from studio.formats.weights.tensors import Tensors

ScaleReader = Callable[[Tensors], int | None]


class Upscaler(Struct, frozen=True):
    """Architecture and scale. None is unknown until loaded, 1 is restoring without enlarging."""

    family: str
    scale: int | None


def find_upscaler(tensors: Tensors) -> Upscaler | None:
    """Return the upscaler that the weights belong to, None if unknown."""
    for family, names, scale in _FAMILIES:
        if all(name in tensors for name in names):
            try:
                found = scale(tensors)
            except (KeyError, IndexError, ValueError, ArithmeticError):
                found = None
            return Upscaler(family, found if found is not None and 1 <= found <= 64 else None)
    return None


def _unknown(_tensors: Tensors) -> int | None:
    return None


def _one(_tensors: Tensors) -> int | None:
    return 1


def _four(_tensors: Tensors) -> int | None:
    return 4


def _pixel_shuffle_scale(channels: int, colours: int = 3) -> int | None:
    """Return the scale s of a pixel shuffle with s² × colours (or 3, 4 or 1) = `channels`."""
    for count in (colours, 3, 4, 1):
        side = math.isqrt(channels // count)
        if count and channels == side * side * count:
            return side
    return None


def _last(tensors: Tensors, stem: str) -> str:
    numbers = [
        int(match[1])
        for name in tensors
        if (match := re.match(rf"{re.escape(stem)}\.(\d{{1,3}})\.", name))
    ]
    return f"{stem}.{max(numbers)}"


def _pixel_shuffles(tensors: Tensors, stem: str = "upsample") -> int:
    scale = 1
    for place in range(0, 10, 2):
        weight = tensors.get(f"{stem}.{place}.weight")
        if weight is None:
            break
        scale *= math.isqrt(weight.shape[0] // weight.shape[1])
    return scale


def _swinir(tensors: Tensors) -> int | None:
    """Return the scale of SwinIR and its derivatives, which share four types of upsampling."""
    doublings = sum(1 for name in tensors if re.fullmatch(r"conv_up\d+\.weight", name))
    if doublings:
        return int(2**doublings)
    if "conv_before_upsample.0.weight" in tensors or "upsample.2.weight" in tensors:
        scale = _pixel_shuffles(tensors)
        unshuffle = tensors["conv_first.weight"].shape[1]
        return scale // 2 if unshuffle == 12 else scale
    if "upsample.0.weight" in tensors:
        return _pixel_shuffle_scale(tensors["upsample.0.weight"].shape[0])
    return 1


def _esrgan(tensors: Tensors) -> int:
    first = tensors.get("conv_first.weight") or tensors["model.0.weight"]
    if "conv_first.weight" in tensors:
        doublings = sum(1 for name in tensors if re.fullmatch(r"(upconv|conv_up)\d\.weight", name))
    else:
        doublings = (int(_last(tensors, "model").rsplit(".", 1)[1]) + 1 - 5) // 3
    # Real-ESRGAN ×2 and ×1 first unshuffle 2×2 or 4×4 pixels into channels.
    unshuffle = {12: 2, 48: 4}.get(first.shape[1], 1)
    return int(2**doublings) // unshuffle


def _compact(tensors: Tensors) -> int | None:
    last = tensors[_last(tensors, "body") + ".bias"]
    return _pixel_shuffle_scale(last.shape[0], tensors["body.0.weight"].shape[1])


def _scale_of(name: str) -> ScaleReader:
    return lambda tensors: _pixel_shuffle_scale(tensors[name].shape[0])


def _plksr(tensors: Tensors) -> int | None:
    return _pixel_shuffle_scale(tensors[_last(tensors, "feats") + ".weight"].shape[0])


def _real_cugan(tensors: Tensors) -> int | None:
    if "conv_final.weight" in tensors:
        inputs = tensors["unet1.conv1.conv.0.weight"].shape[1]
        return 2 if tensors["conv_final.weight"].shape[0] == inputs else 4
    return 3 if tensors["unet1.conv_bottom.weight"].shape[2] == 5 else 2


_SWIN = "layers.0.residual_group.blocks.0."

_FAMILIES: tuple[tuple[str, tuple[str, ...], ScaleReader], ...] = (
    ("MMRealSR", ("conv_first.weight", "am_list.0.fc.0.weight"), _unknown),
    (
        "DAT",
        (
            "conv_first.weight",
            "before_RG.1.weight",
            "layers.0.blocks.0.attn.channel_interaction.1.weight",
        ),
        _swinir,
    ),
    ("RGT", ("before_RG.1.weight", "layers.0.blocks.0.gamma"), _swinir),
    ("HAT", ("conv_first.weight", _SWIN + "conv_block.cab.0.weight"), _swinir),
    ("ATD", ("conv_first.weight", "layers.0.residual_group.td"), _swinir),
    ("DRCT", ("conv_first.weight", "layers.0.swin1.norm1.weight"), _swinir),
    (
        "CRAFT",
        ("conv_first.weight", "layers.0.residual_group.hf_blocks.0.attn.temperature"),
        _swinir,
    ),
    (
        "Swin2SR",
        ("conv_first.weight", _SWIN + "mlp.fc1.bias", "patch_embed.proj.weight"),
        _swinir,
    ),
    ("SwinIR", ("conv_first.weight", _SWIN + "mlp.fc1.bias"), _swinir),
    ("GRL", ("conv_first.weight", "norm_start.weight", "norm_end.weight"), _unknown),
    ("GRL", ("model.conv_first.weight", "model.norm_start.weight"), _unknown),
    ("GRL", ("model_g.conv_first.weight", "model_g.norm_start.weight"), _unknown),
    ("ESRGAN", ("conv_first.weight", "body.0.rdb1.conv1.weight"), _esrgan),
    ("ESRGAN", ("conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight"), _esrgan),
    ("ESRGAN", ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"), _esrgan),
    ("ESRGAN", ("model.0.weight", "model.1.sub.0.RDB1.conv1x1.weight"), _esrgan),
    ("OmniSR", ("input.weight", "up.0.weight"), _scale_of("up.0.weight")),
    ("SPAN", ("block_1.c1_r.sk.weight", "upsampler.0.weight"), _scale_of("upsampler.0.weight")),
    ("SAFMN", ("to_feat.weight", "to_img.0.weight"), _scale_of("to_img.0.weight")),
    ("SAFMNBCIE", ("to_feat.1.weight", "to_img.0.weight"), _unknown),
    ("PLKSR", ("feats.0.weight", "feats.1.refine.weight"), _plksr),
    ("RealCUGAN", ("unet1.conv1.conv.0.weight", "unet2.conv1.conv.0.weight"), _real_cugan),
    ("DITN", ("sft.weight", "UFONE.0.ITLs.0.attn.temperature"), _unknown),
    ("DCTLSA", ("fea_conv.weight", "LR_conv.weight", "upsampler.0.weight"), _unknown),
    ("MoSR", ("gblocks.0.weight", "gblocks.1.fc1.weight"), _unknown),
    ("MoESR", ("in_to_dim.weight", "blocks.0.blocks.0.gamma"), _unknown),
    ("SeemoRe", ("conv_1.weight", "body.0.local_block.norm_1.weight"), _unknown),
    ("RCAN", ("tail.1.weight", "body.0.body.0.body.3.conv_du.0.weight"), _unknown),
    ("FDAT", ("groups.0.blocks.0.n1.weight", "upsampler.MetaUpsample"), _unknown),
    ("SwiftSRGAN", ("initial.cnn.depthwise.weight", "final_conv.pointwise.weight"), _unknown),
    ("IPT", ("sub_mean.weight", "tail.0.1.weight"), _unknown),
    (
        "AuraSR",
        ("mid_attn.layers.0.0.to_out.weight", "final_res_block.block1.proj.weights"),
        _four,
    ),
    ("GFPGAN", ("toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight"), _unknown),
    ("RestoreFormer", ("quantize.embedding.weight", "encoder.down.0.block.0.norm1.weight"), _one),
    ("SCUNet", ("m_head.0.weight", "m_tail.0.weight"), _one),
    ("DRUNet", ("m_head.weight", "m_down1.0.res.0.weight"), _one),
    ("NAFNet", ("intro.weight", "ending.weight", "middle_blks.0.beta"), _one),
    ("Uformer", ("input_proj.proj.0.weight", "encoderlayer_0.blocks.0.norm1.weight"), _one),
    ("LaMa", ("model.model.1.bn_l.running_mean",), _one),
    ("LaMa", ("generator.model.1.bn_l.running_mean",), _one),
    ("Compact", ("body.0.weight", "body.1.weight"), _compact),
)
"""(architecture, names, scale). The first whose names are all present matches."""
