"""Describe a model that makes frames between others: the flow network RIFE."""

from __future__ import annotations

from pathlib import Path

from studio.formats.weights.tensors import Tensors
from studio.kinds.registry import task_of_format
from studio.models.model_card import licence_of
from studio.protocol import ModelRef

FORMAT = "rife"

_FIRST, _LAST = "block0.conv0.0.0.weight", "block3.lastconv.weight"
_SHAPES = {_FIRST: (96, 7, 3, 3), _LAST: (64, 5, 4, 4)}
"""Those of version 4.0; others have more inputs, blocks or outputs."""


def describe_interpolator(file: Path, tensors: Tensors) -> ModelRef | None:
    """Return the description of a smoothing model, None if the weights are of something else."""
    for prefix in ("", "module."):
        found = {name: tensors.get(prefix + name) for name in _SHAPES}
        if all(
            tensor is not None and tuple(tensor.shape) == _SHAPES[name]
            for name, tensor in found.items()
        ):
            break
    else:
        return None
    return ModelRef(
        id="",
        name="RIFE 4.0" if file.stem.lower() in ("flownet", "rife") else file.stem,
        task=task_of_format(FORMAT),
        format=FORMAT,
        path=str(file),
        family="RIFE",
        role="interpolator",
        size=file.stat().st_size,
        licence=licence_of(file.parent),
    )
