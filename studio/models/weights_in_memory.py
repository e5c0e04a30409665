"""How much memory the weights of a model take once they are loaded, read from their headers."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.weights.gguf import read_gguf_header
from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.split_gguf import split_parts
from studio.formats.weights.tensors import Tensors, count_parameters
from studio.formats.weights.torch_zip import read_torch_tensors
from studio.formats.weights.vision_projector import files_of_projector
from studio.kinds.describe import PROJECTOR_FORMAT
from studio.models.description_cache import signature
from studio.models.identify_folder import component_weights, components, transformers_weights
from studio.models.model_card import read_config
from studio.protocol import ModelRef, ProblemError

_MAPPED = ("gguf", PROJECTOR_FORMAT)
_DENOISERS = ("transformer", "unet")


def weights_in_memory(ref: ModelRef, bytes_per_weight: int, *, as_companion: bool = False) -> int:
    """Return the bytes of the loaded weights of a model, with so many bytes for each number.

    Of a pipeline that completes a denoiser (`as_companion`), its own denoiser is not loaded. If
    the headers cannot be read, the file is taken to have two bytes per weight.
    """
    without = _DENOISERS if as_companion and ref.format == "diffusers" else ()
    floats, others = _count(ref.path, ref.format, without, signature(Path(ref.path)))
    if not floats and not others:
        return ref.size if ref.format in _MAPPED else ref.size * bytes_per_weight // 2
    return floats * bytes_per_weight + others


@cache
def default_bytes_per_weight() -> int:
    """Return 2 if the CPU supports bfloat16, which the engine then uses, else 4."""
    if sys.platform == "darwin":
        return 2
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return 4
    return 2 if "avx512_bf16" in flags or "amx_bf16" in flags else 4


@lru_cache(maxsize=4096)
def _count(path: str, kind: str, without: tuple[str, ...], _signature: str) -> tuple[int, int]:
    """Return (number of weights that get the engine's precision, bytes of those kept as they are).

    Both are 0 if the headers cannot be read. The signature is a key of the cache.
    """
    root = Path(path)
    try:
        if kind in _MAPPED:
            # llama.cpp maps the file as it is.
            files = split_parts(root) if kind != PROJECTOR_FORMAT else files_of_projector(root)
            return 0, sum(
                tensor.nbytes
                for part in files
                for tensor in read_gguf_header(part).tensors.values()
            )
        if kind == "text_encoder" and root.suffix.lower() == ".gguf":
            return count_parameters(read_gguf_header(root).tensors), 0
        tables = _tables(root, kind, without)
    except (ProblemError, OSError):
        return 0, 0
    floats = others = 0
    for table in tables:
        for tensor in table.values():
            if tensor.dtype.startswith(("f", "bf")):
                floats += tensor.elements
            else:
                others += tensor.nbytes
    return floats, others


def _tables(root: Path, kind: str, without: tuple[str, ...]) -> list[Tensors]:
    if root.suffix.lower() == ".gguf":
        return [read_gguf_header(root).tensors]
    if root.suffix.lower() in PICKLED_WEIGHTS:
        return [read_torch_tensors(root)]
    if kind.startswith("transformers"):
        files = transformers_weights(root)
    elif kind.startswith("diffusers"):
        files = [
            file
            for component in components(read_config(root / "model_index.json"))
            if component not in without and any((root / component).glob("*.safetensors"))
            for file in component_weights(root / component)
        ]
    elif root.is_dir():
        files = component_weights(root)
    else:
        files = [root]
    return [read_safetensors_header(file).tensors for file in files]
