"""Base families: which models can share a LoRA, an embedding or a ControlNet.

A family is named as its models call themselves; it is read from the pipeline class, or from the
width of tensors where one class has several families.
"""

from __future__ import annotations

from typing import TypeAlias

BaseFamily: TypeAlias = str
"""`sd1`, `sd2`, `sdxl`, `sd3`, `flux`, `flux2_klein_4b`, …; empty if unknown."""

TITLES: dict[BaseFamily, str] = {
    "sd1": "Stable Diffusion 1.5",
    "sd2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX.1",
    "flux2_klein_4b": "FLUX.2 klein 4B",
    "flux2_klein_9b": "FLUX.2 klein 9B",
    "flux2_dev": "FLUX.2 dev",
    "chroma": "Chroma",
    "z_image": "Z-Image",
    "qwen_image": "Qwen-Image",
    "pixart": "PixArt",
    "sana": "Sana",
    "lumina2": "Lumina 2",
    "hidream": "HiDream",
    "wan": "Wan",
}
"""The names of the families, as their authors write them."""

_BY_PIPELINE: tuple[tuple[str, BaseFamily], ...] = (
    ("StableDiffusionXL", "sdxl"),
    ("StableDiffusion3", "sd3"),
    ("Flux2", ""),
    ("Flux", "flux"),
    ("Chroma", "chroma"),
    ("ZImage", "z_image"),
    ("QwenImage21", ""),
    ("QwenImage", "qwen_image"),
    ("PixArt", "pixart"),
    ("Sana", "sana"),
    ("Lumina2", "lumina2"),
    ("HiDream", "hidream"),
    ("Wan", "wan"),
)

CROSS_ATTENTION_WIDTHS: dict[int, BaseFamily] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
"""Width of the text encoding that the U-Net of a family attends to."""

FLUX2_WIDTHS: dict[int, BaseFamily] = {
    3072: "flux2_klein_4b",
    4096: "flux2_klein_9b",
    6144: "flux2_dev",
}
"""Width of the transformer of each model of FLUX.2."""

_PREFIXES: tuple[tuple[str, BaseFamily], ...] = (
    ("stable-diffusion-xl", "sdxl"),
    ("sdxl", "sdxl"),
    ("pony", "sdxl"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("stable-diffusion-v1", "sd1"),
    ("sd_v1", "sd1"),
    ("sd 1", "sd1"),
    ("stable-diffusion-v2", "sd2"),
    ("sd_v2", "sd2"),
    ("sd 2", "sd2"),
    ("stable-diffusion-3", "sd3"),
    ("sd3", "sd3"),
    ("sd 3", "sd3"),
    ("flux.2 klein 4b", "flux2_klein_4b"),
    ("flux.2 klein 9b", "flux2_klein_9b"),
    ("flux.2 d", "flux2_dev"),
    ("flux-1", "flux"),
    ("flux1", "flux"),
    ("flux.1", "flux"),
    ("chroma", "chroma"),
    ("z-image", "z_image"),
    ("zimage", "z_image"),
    ("qwen-image", "qwen_image"),
    ("qwen_image", "qwen_image"),
    ("qwen", "qwen_image"),
    ("pixart", "pixart"),
    ("sana", "sana"),
    ("lumina", "lumina2"),
    ("hidream", "hidream"),
)


def base_of_pipeline(pipeline: str) -> BaseFamily:
    """Return the family of a diffusers pipeline class.

    Empty for classes with several families: `StableDiffusionPipeline` (see
    `CROSS_ATTENTION_WIDTHS`) and those of FLUX.2 (see `FLUX2_WIDTHS`).
    """
    return next((base for start, base in _BY_PIPELINE if pipeline.startswith(start)), "")


def base_of_name(name: str) -> BaseFamily:
    """Return the family that a training program or a website calls `name`, empty if unknown."""
    wanted = name.strip().lower()
    return next((base for start, base in _PREFIXES if wanted.startswith(start)), "")
