"""Finds the text encoders and the VAE of a denoiser among the installed models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from studio.formats.untrusted_files import is_file, is_folder
from studio.formats.weights.base_families import TITLES
from studio.formats.weights.checkpoint import family_of
from studio.formats.weights.denoiser_parts import (
    Network,
    Part,
    denoiser_family,
    denoiser_tensors,
    network_of,
    network_of_config,
    parts_of,
    read_tensors,
    without_parts,
)
from studio.formats.weights.split_gguf import split_parts
from studio.formats.weights.tensors import Tensors
from studio.models.description_cache import signature
from studio.models.model_card import read_config
from studio.protocol import ModelRef, ProblemError, problem

_LANGUAGE_MODELS = ("transformers", "gguf")
"""Formats of models that write text and can encode it as well."""


def companions_of(denoiser: ModelRef, models: Sequence[ModelRef]) -> tuple[ModelRef, ...]:
    """Return the models whose parts complete a denoiser, in the order of its parts.

    A complete pipeline of the same family comes first: its parts were made for each other. Raises
    `ProblemError`: `model_missing` naming what is missing, `model_broken` if a header is damaged,
    `bad_input` for a family of which single files are not supported.
    """
    path = Path(denoiser.path)
    tensors = read_tensors(path) if is_file(path) else {}
    if tensors and not denoiser_family(denoiser_tensors(tensors)):
        raise _unsupported(denoiser, tensors)
    try:
        parts = [part for part in parts_of(tensors) if not part.inside]
    except (KeyError, IndexError) as error:
        raise problem(
            "model_broken",
            "{file} is incomplete: some of its tensors are missing. Copy or download it again.",
            detail=repr(error),
            file=path.name,
        ) from error
    if not any(not part.is_optional for part in parts):
        return ()
    pipelines = [
        model
        for model in models
        if model.format == "diffusers" and model.base and model.base == denoiser.base
    ]
    for pipeline in sorted(pipelines, key=lambda model: model.family != denoiser.family):
        folder = Path(pipeline.path)
        if all(part.is_optional or is_folder(folder / part.name) for part in parts):
            return (pipeline,)
    found = {part.name: _best(part, denoiser, models) for part in parts}
    missing = {part.name for part in parts if found[part.name] is None and not part.is_optional}
    if missing:
        raise without_parts(denoiser.name, path, missing)
    return tuple(dict.fromkeys(model for model in found.values() if model is not None))


def _unsupported(denoiser: ModelRef, tensors: Tensors) -> ProblemError:
    family = family_of(tensors)
    if family is None:
        return problem(
            "bad_input",
            "The configuration of {file} is not known. Add the diffusers folder of its model "
            "instead.",
            file=denoiser.path,
        )
    return problem(
        "bad_input",
        "{name} is {family}, of which single files are not supported. Add the folder of {source} "
        "instead.",
        name=denoiser.name,
        family=TITLES.get(denoiser.base, "") or family.pipeline.removesuffix("Pipeline"),
        source=family.source,
    )


def _best(part: Part, denoiser: ModelRef, models: Sequence[ModelRef]) -> ModelRef | None:
    fitting = [model for model in models if _fits(part, model)]
    return min(fitting, key=lambda model: _distance(model, denoiser), default=None)


def _distance(model: ModelRef, denoiser: ModelRef) -> int:
    """Return how far a model is from a family: the shapes of the VAEs of several are the same."""
    name = model.name.lower()
    if model.base:
        return 0 if model.base == denoiser.base else 3
    own = TITLES.get(denoiser.base, "").lower().replace(".", "")
    words = {denoiser.base, own, own.replace(" ", "-"), own.replace(" ", "_")} - {""}
    if any(word in name for word in words):
        return 0
    others = set(TITLES) - {denoiser.base}
    return 2 if any(other in name for other in others) else 1


@lru_cache(maxsize=1024)
def _network_in(path: Path, _signature: str) -> tuple[Network, int] | None:
    return network_of(read_tensors(path))


def _fits(part: Part, model: ModelRef) -> bool:
    path = Path(model.path)
    is_text_model = part.is_encoder and model.role == "base" and model.format in _LANGUAGE_MODELS
    if len(split_parts(path)) > 1:
        return False
    if model.role != ("text_encoder" if part.is_encoder else "vae") and not is_text_model:
        return False
    try:
        if is_file(path):
            found = _network_in(path, signature(path))
            has_tokenizer = part.network in ("clip", "t5", "qwen3") or not part.is_encoder
            return has_tokenizer and found == (part.network, part.width)
        config = read_config(path / "config.json")
    except ProblemError:
        return False
    if part.is_encoder:
        return network_of_config(config) == (part.network, part.width)
    return config.get("latent_channels", config.get("z_dim")) == part.width


def check_base(extra: ModelRef, base: ModelRef) -> None:
    """Raise `ProblemError` (`bad_input`) if a LoRA or the like is made for another base family."""
    if extra.base and base.base and extra.base != base.base:
        raise problem(
            "bad_input",
            "{name} is made for {wanted}, but {base} is {found}. Choose a model of the same "
            "family, or another LoRA.",
            name=extra.name,
            wanted=TITLES.get(extra.base, extra.base),
            base=base.name,
            found=TITLES.get(base.base, base.base),
        )
