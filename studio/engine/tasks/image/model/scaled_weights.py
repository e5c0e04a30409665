"""Weights in numbers of 8 bits with a scale beside them, as ComfyUI writes them.

A tensor `NAME.weight` in float8 has its scale in `NAME.scale_weight`, or `NAME.weight_scale` in
newer files; `scaled_fp8` only marks the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.protocol import problem

_FLOAT8 = (torch.float8_e4m3fn, torch.float8_e5m2)
_SCALES = ("scale_weight", "weight_scale")
_UNUSED = (*_SCALES, "scale_input", "input_scale", "comfy_quant")


def unscaled(state: dict[str, Any], file: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Return the tensors with those in 8 bits converted to `dtype`; empties `state`.

    Raises `ProblemError` (`bad_input`) for scaled weights of another form.
    """
    scales = {
        name.rpartition(".")[0]: tensor.float()
        for name, tensor in state.items()
        if name.endswith(_SCALES)
    }
    result: dict[str, Any] = {}
    for name in list(state):
        tensor = state.pop(name)
        stem, _, end = name.rpartition(".")
        if end in _UNUSED or name == "scaled_fp8":
            continue
        scale = scales.get(stem) if end == "weight" else None
        if tensor.dtype in _FLOAT8:
            tensor = tensor.float() if scale is not None else tensor.to(dtype)
            if scale is not None:
                rows = scale.reshape(-1, *[1] * (tensor.dim() - 1)) if scale.numel() > 1 else scale
                tensor = (tensor * rows).to(dtype)
        elif scale is not None and not tensor.is_floating_point():
            raise problem(
                "bad_input",
                "The weights in {file} are stored in a form that cannot be read ({form} with "
                "scales). Get the same model in fp8, in bf16 or as GGUF.",
                file=file,
                form=str(tensor.dtype).removeprefix("torch."),
            )
        result[name] = tensor
    return result
