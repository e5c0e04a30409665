"""Descriptions of models, made by the registry and sent to the engine."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

ModelFormat: TypeAlias = str
"""A model's format on disk, e.g. `transformers`, `gguf`, `diffusers`, `single_file`, `spandrel`."""

ModelRole: TypeAlias = Literal[
    "base",
    "lora",
    "embedding",
    "controlnet",
    "ip_adapter",
    "vae",
    "text_encoder",
    "image_encoder",
    "denoiser",
    "upscaler",
    "interpolator",
    "voice",
    "transcriber",
    "icons",
    "vocoder",
    "embedder",
    "preview",
]


COMPANION_ROLES: frozenset[ModelRole] = frozenset(
    {
        "lora",
        "embedding",
        "controlnet",
        "ip_adapter",
        "vae",
        "text_encoder",
        "image_encoder",
        "denoiser",
        "vocoder",
        "embedder",
        "preview",
    }
)
"""Roles of models that work only together with a base model, or beside one."""


class ModelSource(Struct, frozen=True):
    """Where a model comes from.

    `place` is a package of the starter pack, a path, a hub repository or a URL; `revision` is a
    revision of the hub repository.
    """

    kind: Literal["starter", "folder", "hub", "url"] = "folder"
    place: str = ""
    revision: str = ""


class ModelRef(Struct, frozen=True):
    """A model on disk.

    `task` is its kind of work. `family` is read from the files: a transformers `model_type`, a
    diffusers pipeline class or a spandrel architecture; empty if it is only known after loading.
    `base` is the base family: of a base model its own, of a companion the one that it works with
    (see `studio.formats.weights.base_families`). `scales` are
    the factors of an upscaler, empty if unknown. `size` is bytes, `context` tokens.
    """

    id: str
    name: str
    task: str
    format: ModelFormat
    path: str
    family: str = ""
    size: int = 0
    scales: tuple[int, ...] = ()
    context: int | None = None
    licence: str = ""
    languages: tuple[str, ...] = ()
    """Language codes from the model card ("en", "zh", …); empty if it names none."""
    role: ModelRole = "base"
    base: str = ""
    source: ModelSource = ModelSource()
    has_conditions: bool = False
    """Whether the licence restricts the use."""
    trigger_words: tuple[str, ...] = ()
    """Words for the prompt that a LoRA or an embedding was trained with."""
    voices: tuple[str, ...] = ()
    """Names of the voices of a model that speaks."""

    @property
    def is_companion(self) -> bool:
        """Whether it makes no results by itself, but works together with a base model.

        A denoiser whose pipeline is known is chosen like one; its parts are found by themselves.
        """
        is_whole = self.role == "denoiser" and self.family.endswith("Pipeline")
        return self.role in COMPANION_ROLES and not is_whole

    @property
    def is_starter(self) -> bool:
        """Whether it belongs to the starter pack."""
        return self.source.kind == "starter"


class Capabilities(Struct, frozen=True):
    """What a pipeline supports, read from its call signature and components.

    `controls` are the request fields that have an effect. Width and height are rounded to a
    `multiple` of pixels. Defaults are the pipeline's own. `alike` models draw nearly the same
    picture from every seed. What moves has a number of `frames`, one more than a multiple of
    `frame_step`, and `fps`; what sounds a length in `seconds`, at most
    `most_seconds` (0: not known).
    """

    controls: tuple[str, ...]
    schedulers: tuple[str, ...] = ()
    scheduler: str = ""
    width: int = 512
    height: int = 512
    multiple: int = 8
    steps: int = 20
    guidance_scale: float | None = None
    min_side: int = 64
    max_side: int = 8192
    alike: bool = False
    frames: int = 0
    frame_step: int = 1
    fps: float = 0.0
    seconds: float = 0.0
    most_seconds: float = 0.0
