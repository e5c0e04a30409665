"""Models as the registry describes them and as the engine is told to load them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

ModelFormat: TypeAlias = str
"""How a model lies on disk, e.g. `transformers`, `gguf`, `diffusers`, `single_file`, `spandrel`."""

ModelRole: TypeAlias = Literal[
    "base",
    "lora",
    "embedding",
    "controlnet",
    "ip_adapter",
    "vae",
    "text_encoder",
    "upscaler",
    "voice",
    "vocoder",
    "embedder",
    "preview",
]


class ModelSource(Struct, frozen=True):
    """Where a model comes from.

    `place` is a package of the starter pack, a path, a hub repository or a URL; `revision` is
    that of a hub repository.
    """

    kind: Literal["starter", "folder", "hub", "url"] = "folder"
    place: str = ""
    revision: str = ""


class ModelRef(Struct, frozen=True):
    """A model on disk.

    `task` is the kind of work that it does. `family` is what the files say (a transformers
    `model_type`, a diffusers pipeline class, a spandrel architecture; empty when only loading can
    tell). `base` is the base family that a model with another role than `base` fits. `scales` is
    filled for upscalers whose scale is known. Sizes are bytes.
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
    """Those that the model's card names ("en", "zh", …); empty where it names none."""
    role: ModelRole = "base"
    base: str = ""
    source: ModelSource = ModelSource()
    has_conditions: bool = False
    """Whether the licence allows some uses only."""

    @property
    def is_starter(self) -> bool:
        """Whether it came along with the program."""
        return self.source.kind == "starter"


class Capabilities(Struct, frozen=True):
    """What a loaded pipeline can do, read from its call signature and components.

    `controls` are the fields of a request that have an effect. `multiple` is the number of
    pixels that sides are rounded to. Defaults are the pipeline's own.
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
