"""Reads the layout of an image model of any form: a folder, a checkpoint, or a denoiser alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.engine.tasks.image.model.denoiser_layout import missing_parts, read_denoiser_layout
from studio.engine.tasks.image.model.layout import Layout, read_layout
from studio.formats.weights.checkpoint import configuration_folder, self_contained_pipeline
from studio.formats.weights.denoiser_parts import (
    denoiser_family,
    denoiser_tensors,
    read_tensors,
    without_parts,
)
from studio.protocol import ModelRef


def read_model(ref: ModelRef, companions: Sequence[ModelRef] = ()) -> Layout:
    """Read the layout of a model. Reads the headers of its files, but no weights.

    Args:
        ref: a model of format `diffusers` or `single_file`, or a denoiser.
        companions: the text encoders and the VAE of a denoiser.

    Raises:
        ProblemError: `model_missing`, `model_broken` or `bad_input`, naming the file.
    """
    path = Path(ref.path)
    if path.is_file() and path.suffix.lower() in (".safetensors", ".gguf"):
        is_alone = configuration_folder(path) is None
        tensors = read_tensors(path) if is_alone else {}
        is_known = bool(denoiser_family(denoiser_tensors(tensors)))
        if path.suffix.lower() == ".gguf" or (is_known and not self_contained_pipeline(tensors)):
            return read_denoiser_layout(ref, companions)
    return read_layout(ref)


def require_all_parts(ref: ModelRef, layout: Layout) -> None:
    """Raise `ProblemError` (`model_missing`) if networks of a denoiser are missing."""
    if layout.checkpoint is None and layout.temporary_folder is not None:
        missing = missing_parts(layout)
        if missing:
            raise without_parts(ref.name or ref.id, Path(ref.path), missing)
