"""Reads video pipelines, and derives what they accept from call signatures and components.

No weights are read for a description, as for pictures.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.engine.tasks.image.model.describe import guidance_parameter, skeleton
from studio.engine.tasks.image.model.img2img_support import call_parameters, denoiser
from studio.engine.tasks.image.model.layout import (
    Layout,
    ModelFacts,
    installed_pipeline,
    read_folder_model,
)
from studio.engine.tasks.image.model.load import PipelineForm
from studio.protocol import Capabilities, ModelRef, problem

_MAX_SIDE = 4096
_FALLBACK_FRAMES, _FALLBACK_FPS = 16, 16.0
_FALLBACK_SIDES = (832, 480)
_KNOWN = frozenset({"prompt", "image"})
"""Inputs without a default that a request can give."""
_RATES = ("frame_rate", "fps")


class Entrance(Struct, frozen=True):
    """The class that is called for a clip, and which frames it takes as conditions.

    `picture` is none, optional or required; `places` says whether several pictures are given with
    their places in the clip, instead of a first and a `last_image`.
    """

    pipeline: type[Any]
    picture: str
    takes_last: bool = False
    places: bool = False


def read_clip_model(ref: ModelRef, _companions: Sequence[ModelRef] = ()) -> Layout:
    """Read the layout of a video model. Raises `ProblemError`, naming the file."""
    return read_folder_model(ref, _clip_class)


def describe(model: ModelRef) -> Capabilities:
    """Return a model's capabilities and defaults without loading its weights.

    Raises `ProblemError` (`model_missing`, `model_broken`, `bad_input`) naming the file.
    """
    layout = read_clip_model(model)
    return capabilities_of(skeleton(layout), layout.facts)


def _clip_class(index: Mapping[str, Any], root: Path) -> type[Any]:
    found = installed_pipeline(index, root)
    call = call_parameters(found)
    others = {
        name
        for name, parameter in call.items()
        if parameter.default is inspect.Parameter.empty and name not in _KNOWN
    }
    if "num_frames" not in call or others or not _KNOWN & set(call):
        raise problem(
            "bad_input",
            "{folder} is a {name}, which does not generate a video from a prompt or a picture"
            " alone. Choose another model.",
            folder=root,
            name=found.__name__,
        )
    return found


def entrance_of(pipeline: Any, *, picture: bool) -> Entrance:
    """Return what is called for a clip that begins with a picture, or for one that does not."""
    kind = type(pipeline)
    call = call_parameters(kind)
    if "image" in call:
        is_required = call["image"].default is inspect.Parameter.empty or "ImageToVideo" in (
            kind.__name__
        )
        places = "frame_index" in call
        last = places or ("last_image" in call and _ends_with_picture(pipeline))
        return Entrance(kind, "required" if is_required else "optional", last, places)
    sibling = _picture_class(pipeline) if picture else None
    if sibling is None:
        return Entrance(kind, "none")
    last = "last_image" in call_parameters(sibling) and _ends_with_picture(pipeline)
    return Entrance(sibling, "required", last)


def _ends_with_picture(pipeline: Any) -> bool:
    """Return whether a last picture has an effect where the call takes one.

    It has none where only the first frame has a time of its own, and two pictures are too many for
    an encoder of pictures whose result has no place for both.
    """
    if pipeline.config.get("expand_timesteps"):
        return False
    network = denoiser(pipeline)
    has_encoder = network is not None and network.config.get("image_dim") is not None
    return not has_encoder or bool(network.config.get("pos_embed_seq_len"))


def _picture_class(pipeline: Any) -> type[Any] | None:
    """Return the class that begins with a picture and works with these very weights.

    Where it appends the picture to the channels, the denoiser was made for more of them, so
    weights for text alone do not fit. It fits where the picture takes the place of latents: where
    the class mixes them by a mask, or the model's configuration says that times differ by frame.
    """
    import diffusers

    kind = type(pipeline)
    name = kind.__name__.removesuffix("Pipeline") + "ImageToVideoPipeline"
    found = getattr(diffusers, name, None)
    if not inspect.isclass(found):
        return None
    given = set(inspect.signature(kind.__init__).parameters)
    needed = {
        name
        for name, parameter in inspect.signature(found.__init__).parameters.items()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    if not needed - {"self"} <= given:
        return None
    if pipeline.config.get("expand_timesteps"):
        return found
    replaces = "conditioning_mask" in inspect.unwrap(found.__call__).__code__.co_varnames
    return found if replaces else None


def capabilities_of(pipeline: Any, facts: ModelFacts) -> Capabilities:
    """Return the capabilities of a video pipeline, whose networks need no weights."""
    call = call_parameters(type(pipeline))
    entrance = entrance_of(pipeline, picture=True)
    controls = ["seed", "count", "frames", "fps"]
    controls += [name for name in ("prompt", "negative_prompt", "width", "height") if name in call]
    if "num_inference_steps" in call:
        controls.append("steps")
    guidance = _guidance(pipeline)
    if guidance:
        controls.append("guidance_scale")
    if entrance.picture != "none":
        controls += ["image", "input"]
    if entrance.picture == "required" and entrance.pipeline is type(pipeline):
        controls.append("needs_image")
    if entrance.takes_last:
        controls.append("last_image")
        network = denoiser(pipeline)
        # The positions of both pictures together.
        if network is not None and network.config.get("pos_embed_seq_len"):
            controls.append("needs_last_image")
    multiple = side_multiple(pipeline)
    width, height = _default_size(pipeline, multiple)
    return Capabilities(
        controls=tuple(name for name in controls if name not in facts.unused),
        scheduler=type(pipeline.scheduler).__name__,
        width=facts.width or width,
        height=facts.height or height,
        multiple=multiple,
        steps=facts.steps or _number(call, "num_inference_steps", 30),
        guidance_scale=facts.guidance_scale or _default(call, guidance),
        min_side=max(64, multiple),
        max_side=_MAX_SIDE - _MAX_SIDE % multiple,
        frames=_default_frames(pipeline),
        frame_step=temporal_scale(pipeline),
        fps=_default_rate(call),
    )


def _guidance(pipeline: Any) -> str:
    if "max_guidance_scale" in call_parameters(type(pipeline)):
        return "max_guidance_scale"
    return guidance_parameter(pipeline)


def guidance_name(pipeline: Any) -> str:
    """Return the name of the guidance of a pipeline's call, "" if it has none."""
    return _guidance(pipeline)


def _default(call: Mapping[str, inspect.Parameter], name: str) -> float | None:
    value = call[name].default if name else None
    return float(value) if isinstance(value, (int, float)) else None


def _number(call: Mapping[str, inspect.Parameter], name: str, otherwise: int) -> int:
    value = call[name].default if name in call else None
    return value if isinstance(value, int) and value > 0 else otherwise


def _default_rate(call: Mapping[str, inspect.Parameter]) -> float:
    for name in _RATES:
        value = call[name].default if name in call else None
        if isinstance(value, (int, float)):
            return float(value)
    return _FALLBACK_FPS


def rate_name(pipeline: type[Any]) -> str:
    """Return the name of the frame rate of a pipeline's call, "" if it has none."""
    call = call_parameters(pipeline)
    return next((name for name in _RATES if name in call), "")


def temporal_scale(pipeline: Any) -> int:
    """Return how many frames one latent frame stands for, 1 if each is its own."""
    for name in ("vae_scale_factor_temporal", "vae_temporal_compression_ratio"):
        value = getattr(pipeline, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 1


def spatial_scale(pipeline: Any) -> int:
    """Return the number of pixels per latent along one side."""
    names = ("vae_scale_factor_spatial", "vae_spatial_compression_ratio", "vae_scale_factor")
    for name in names:
        value = getattr(pipeline, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 8


def patch_side(pipeline: Any) -> int:
    """Return the side of the denoiser's patches in latents."""
    network = denoiser(pipeline)
    patch = network.config.get("patch_size", 1) if network is not None else 1
    if isinstance(patch, (list, tuple)):
        patch = max(patch[1:], default=1)
    return int(patch or 1)


def side_multiple(pipeline: Any) -> int:
    """Return the number of pixels of which both sides must be a multiple."""
    # Encoders of the usual kind of samples take even sides only.
    multiple = spatial_scale(pipeline) * patch_side(pipeline)
    # Several pipelines refuse other sides, whatever their networks take.
    return multiple if multiple >= 16 else 16


def _default_frames(pipeline: Any) -> int:
    value = _number(call_parameters(type(pipeline)), "num_frames", 0)
    network = denoiser(pipeline)
    if not value and network is not None:
        value = int(network.config.get("sample_frames") or network.config.get("num_frames") or 0)
    return valid_frames(value or _FALLBACK_FRAMES, temporal_scale(pipeline))


def valid_frames(frames: int, step: int) -> int:
    """Return the nearest number of frames that the latents of a clip can have."""
    if step <= 1:
        return frames
    return max(1, round((frames - 1) / step) * step + 1)


def _default_size(pipeline: Any, multiple: int) -> tuple[int, int]:
    call = call_parameters(type(pipeline))
    network = denoiser(pipeline)
    sides: list[int] = []
    for name, usual in zip(("width", "height"), _FALLBACK_SIDES, strict=True):
        value = _number(call, name, 0)
        if not value and network is not None:
            latent = network.config.get(f"sample_{name}")
            value = int(latent) * spatial_scale(pipeline) if latent else 0
        sides.append(max(64, round((value or usual) / multiple) * multiple))
    return sides[0], sides[1]


CLIPS = PipelineForm("clip", read_clip_model, capabilities_of)
