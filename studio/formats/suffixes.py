"""What files are by their names; what they hold is looked at when they are read."""

from __future__ import annotations

from pathlib import Path

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
"""Pictures that can be read. The library's own are PNG, and what an export made of them."""
CONVERTED_PICTURES = (".jpg", ".jpeg", ".webp")
"""What an export makes of a picture: the formats other than PNG that carry a recipe."""
TEXTS = (".md",)
AUDIO = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")
VIDEO = (".mp4", ".webm", ".mkv", ".mov")

PICKLED_WEIGHTS = (".pth", ".pt", ".ckpt")
"""PyTorch's own files. They may hold code, so only their tensors are ever read (`torch_zip`)."""
MODEL_WEIGHTS = (".safetensors", ".gguf", *PICKLED_WEIGHTS)
"""Weights that can be used."""
REFUSED_WEIGHTS = (".bin", ".npz", ".pkl", ".h5", ".onnx")
"""Weights of models that are recognised, so that a sentence can say what would work instead."""
FINGERPRINTED_WEIGHTS = frozenset({*MODEL_WEIGHTS, ".bin", ".npz"})
"""What counts as a model's weights in its fingerprint. Recipes hold fingerprints: a suffix more
or less would make folders of old look changed."""


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture; `._` are sidecar files of macOS."""
    return path.suffix.lower() in PICTURES and not path.name.startswith("._")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and the folders below it, in order of name."""
    return sorted(file for file in folder.rglob("*") if is_picture(file) and file.is_file())
