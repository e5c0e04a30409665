"""File types by suffix. The content is checked when a file is read."""

from __future__ import annotations

from pathlib import Path

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
"""Pictures that can be read."""
CONVERTED_PICTURES = (".jpg", ".jpeg", ".webp")
"""Formats of pictures other than PNG that contain a recipe: of exports, and of some results."""
TEXTS = (".md",)
AUDIO = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a", ".aac", ".aif", ".aiff", ".amr")
VIDEO = (
    ".mp4",
    ".webm",
    ".mkv",
    ".mov",
    ".m4v",
    ".avi",
    ".mpg",
    ".mpeg",
    ".mts",
    ".m2ts",
    ".wmv",
    ".flv",
    ".3gp",
    ".ogv",
)

PICKLED_WEIGHTS = (".pth", ".pt", ".ckpt")
"""PyTorch's pickles. They may contain code, so only the tensor table is read (`torch_zip`)."""
MODEL_WEIGHTS = (".safetensors", ".gguf", *PICKLED_WEIGHTS)
"""Weights that can be used."""
REFUSED_WEIGHTS = (".bin", ".npz", ".pkl", ".h5", ".onnx")
"""Weights that are only recognised to give a helpful error message."""
CONVERTIBLE_WEIGHTS = (*PICKLED_WEIGHTS, ".bin")
"""PyTorch's files that can be written as safetensors (`convert_pickle`)."""
FINGERPRINTED_WEIGHTS = frozenset({*MODEL_WEIGHTS, ".bin", ".npz"})
"""Files that are part of a model's fingerprint. Recipes contain fingerprints, so changing this
set makes models in existing recipes look changed."""


def is_result(path: Path) -> bool:
    """Return whether a file has the name of a text, picture, sound or video.

    Other names in a library are a stranger's: the system may run what is opened by them.
    """
    return path.suffix.lower() in (*TEXTS, *PICTURES, *AUDIO, *VIDEO)


def is_picture(path: Path) -> bool:
    """Return whether a file is a picture by its name. `._` files are macOS sidecar files."""
    return _is_of(path, PICTURES)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and its subfolders, sorted by path."""
    return files_in(folder, PICTURES)


def files_in(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of these types in a folder and its subfolders, sorted by path."""
    return sorted(file for file in folder.rglob("*") if _is_of(file, suffixes) and file.is_file())


def _is_of(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith("._")
