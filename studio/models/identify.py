"""Identify a model file or folder from its headers, without reading weights or running code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from studio.formats.suffixes import (
    CONVERTIBLE_WEIGHTS,
    MODEL_WEIGHTS,
    PICKLED_WEIGHTS,
    REFUSED_WEIGHTS,
)
from studio.formats.untrusted_files import (
    entries_of,
    is_file,
    is_folder,
    is_unicode,
    printable,
    read_start,
    user_path,
)
from studio.formats.voices import looks_like_voices
from studio.formats.weights.checkpoint import (
    configuration_folder,
    find_checkpoint,
    folder_beside,
    input_channels,
    self_contained_pipeline,
)
from studio.formats.weights.denoiser_parts import Part, network_of, parts_of, pipeline_of
from studio.formats.weights.safetensors import SafetensorsHeader, read_safetensors_header
from studio.formats.weights.split_gguf import is_continuation
from studio.formats.weights.tensors import Tensors
from studio.formats.weights.torch_zip import read_torch_tensors
from studio.kinds.registry import task_of_format
from studio.models.base_family import base_of_checkpoint
from studio.models.identify_companion import describe_companion, describe_component
from studio.models.identify_embedder import describe_embedder
from studio.models.identify_folder import describe_diffusers, describe_transformers
from studio.models.identify_gguf import describe_gguf
from studio.models.identify_icons import describe_icons
from studio.models.identify_interpolator import describe_interpolator
from studio.models.identify_voice import describe_voice
from studio.models.identify_whisper import describe_whisper
from studio.models.model_card import has_conditions, licence_of, read_config, slug
from studio.models.source_file import read_source
from studio.models.upscaler_keys import find_upscaler
from studio.protocol import ModelRef, ModelSource, Problem, ProblemError, problem

DESCRIPTION_VERSION = 16
"""Incremented when descriptions of unchanged files change, which invalidates caches."""

_MAX_NAME = 200
"""Characters of a name or a licence."""


def describe_path(path: Path, id: str = "") -> ModelRef:
    """Describe the model at `path`, a file or folder. Without `id`, one is made from its name.

    Raises `ProblemError`: `model_missing` if `path` does not exist, `bad_input` if it is not a
    supported model (the message says what it is and what to use instead), `model_broken` if it
    is incomplete or damaged.
    """
    path = user_path(path)
    try:
        if not is_unicode(path):
            raise problem(
                "bad_input",
                "The name of {file} contains bytes that are not text in UTF-8. Rename it.",
                file=path.name,
            )
        if is_folder(path):
            model = _describe_folder(path)
        elif is_file(path):
            model = _describe_file(path)
        else:
            raise problem(
                "model_missing",
                "There is nothing at {path}. Check the path, or add the model again.",
                path=path,
            )
        origin = read_source(path if is_folder(path) else path.parent)
        licence = (origin.licence if origin is not None else "") or model.licence
        model = msgspec.structs.replace(
            model,
            id=id or slug(model.name),
            name=printable(model.name, _MAX_NAME),
            licence=printable(licence, _MAX_NAME),
            source=origin.source if origin is not None else ModelSource("folder", str(path)),
            has_conditions=has_conditions(licence),
        )
        # A value that cannot be stored, such as a lone surrogate, is no value of a real model.
        msgspec.json.encode(model)
    except ProblemError as error:
        raise ProblemError(_printable(error.problem)) from error
    except Exception as error:
        # A description reads files of any content in folders of any shape.
        raise problem(
            "model_broken",
            "The model {name} cannot be read. Check the permissions of its files, or download it "
            "again.",
            detail=printable(f"{type(error).__name__}: {error}", 2000),
            name=printable(path.name),
        ) from error
    return model


def _printable(found: Problem) -> Problem:
    values = {name: printable(str(text)) for name, text in found.message.values.items()}
    message = msgspec.structs.replace(found.message, values=values)
    return Problem(found.kind, message, printable(found.detail, 2000))


def model_candidates(folder: Path) -> list[Path]:
    """Return the entries of `folder` that look like models, sorted by name."""
    found: list[Path] = []
    for entry in entries_of(folder):
        if entry.name.startswith("."):
            continue
        if is_folder(entry):
            names = ("model_index.json", "config.json")
            if any(is_file(entry / name) for name in names) or looks_like_voices(entry):
                found.append(entry)
        elif (
            entry.suffix.lower() in MODEL_WEIGHTS and is_file(entry) and not is_continuation(entry)
        ):
            found.append(entry)
    if any(entry.suffix.lower() == ".safetensors" for entry in found):
        # These are then older copies of the same weights, or training checkpoints.
        return [entry for entry in found if entry.suffix.lower() not in (".pt", ".ckpt")]
    return found


def snapshot_of(folder: Path) -> Path:
    """Return the current snapshot if `folder` is a model of the hub's cache, else `folder`."""
    snapshots = folder / "snapshots"
    if not folder.name.startswith("models--") or not is_folder(snapshots):
        return folder
    try:
        named = snapshots / read_start(folder / "refs" / "main", 100).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        named = snapshots
    if named.parent == snapshots and is_folder(named):
        return named
    revisions = [entry for entry in entries_of(snapshots) if is_folder(entry)]
    return max(revisions, key=_modified) if revisions else folder


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _describe_folder(folder: Path) -> ModelRef:
    folder = snapshot_of(folder)
    for describe in (describe_voice, describe_whisper):
        described = describe(folder)
        if described is not None:
            return described
    if is_file(folder / "model_index.json"):
        return describe_diffusers(folder, "")
    for name in ("pytorch_lora_weights.safetensors", "adapter_model.safetensors"):
        if is_file(folder / name):
            return msgspec.structs.replace(_describe_file(folder / name), name=folder.name)
    candidates = model_candidates(folder)
    if is_file(folder / "config.json"):
        return _describe_with_config(folder, candidates)
    if is_file(folder / "modular_model_index.json"):
        raise problem(
            "bad_input",
            "The folder {folder} is a modular diffusers pipeline, which is not supported. "
            "Look for the same model with a model_index.json.",
            folder=folder.name,
        )
    if len(candidates) == 1:
        (only,) = candidates
        return _describe_file(only) if is_file(only) else _describe_folder(only)
    if candidates:
        names = ", ".join(entry.name for entry in candidates[:5])
        raise problem(
            "bad_input",
            "The folder {folder} contains several models ({names}). Add them one at a time.",
            folder=folder.name,
            names=names + ("…" if len(candidates) > 5 else ""),
        )
    raise problem(
        "bad_input",
        "There is no model in the folder {folder}. A model is a folder with config.json or "
        "model_index.json, or a .gguf, .safetensors or .pth file.",
        folder=folder.name,
    )


def _describe_with_config(folder: Path, candidates: list[Path]) -> ModelRef:
    ggufs = [
        entry
        for entry in candidates
        if entry.suffix.lower() == ".gguf" and not entry.name.lower().startswith("mmproj")
    ]
    if len(ggufs) == 1 and not any(folder.glob("*.safetensors")):
        return _describe_file(ggufs[0])
    # Components of a diffusers pipeline have a class name, transformers models do not.
    if '"_class_name"' in _head(folder / "config.json"):
        config = read_config(folder / "config.json")
        size = sum(entry.stat().st_size for entry in candidates if is_file(entry))
        component = describe_component(folder, config, size) if candidates else None
        if component is not None:
            return component
        raise problem(
            "bad_input",
            "The folder {folder} is one part of an image model. Add the folder above it, the "
            "one with model_index.json.",
            folder=folder.name,
        )
    known = describe_icons(folder) or describe_embedder(folder)
    return known or describe_transformers(folder, "")


def _describe_file(file: Path) -> ModelRef:
    start = _head(file, 64)
    if start.startswith("version https://git-lfs"):
        raise problem(
            "model_broken",
            "The file {file} is only a Git LFS pointer to the real file. Download the file itself.",
            file=file.name,
        )
    if start.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise problem(
            "model_broken",
            "The file {file} is a web page, not a model: the server sent a page instead of the "
            "file. Download it again.",
            file=file.name,
        )
    suffix = file.suffix.lower()
    # Ollama names files by their hash, without a suffix.
    if suffix == ".gguf" or (start.startswith("GGUF") and suffix not in MODEL_WEIGHTS):
        return describe_gguf(file)
    if suffix == ".safetensors":
        return _describe_safetensors(file)
    if suffix in PICKLED_WEIGHTS:
        return _describe_pickled(file)
    if suffix in CONVERTIBLE_WEIGHTS:
        raise problem(
            "bad_input",
            "The file {file} is a pickle of PyTorch, which can run code and is not loaded. Convert "
            "it to .safetensors, which runs nothing in it.",
            file=file.name,
        )
    if suffix in REFUSED_WEIGHTS:
        raise problem(
            "bad_input",
            "Files named {suffix} are not loaded, since they can run code or belong to other "
            "software. Look for the same model as .safetensors, .gguf or, for upscalers, .pth.",
            suffix=suffix,
        )
    if suffix == ".json" and file.name in ("config.json", "model_index.json"):
        return _describe_folder(file.parent)
    raise problem(
        "bad_input",
        "The file {file} is not a model. A model is a folder with config.json or model_index.json,"
        " or a .gguf, .safetensors or .pth file.",
        file=file.name,
    )


def _describe_pickled(file: Path) -> ModelRef:
    tensors = read_torch_tensors(file)
    interpolator = describe_interpolator(file, tensors)
    if interpolator is not None:
        return interpolator
    if find_upscaler(tensors) is None and find_checkpoint(tensors)[0] is not None:
        raise problem(
            "bad_input",
            "The file {file} is not an upscaler, and other models are not loaded from {suffix} "
            "files. Convert it to .safetensors, which runs nothing in it.",
            file=file.name,
            suffix=file.suffix.lower(),
        )
    return _upscaler(file, tensors)


def _describe_safetensors(file: Path) -> ModelRef:
    header = read_safetensors_header(file)
    interpolator = describe_interpolator(file, header.tensors)
    if interpolator is not None:
        return interpolator
    content, family = find_checkpoint(header.tensors)
    if content is None:
        return _upscaler(file, header.tensors)
    if content == "checkpoint":
        return _describe_checkpoint(file, header, family)
    upscaler = find_upscaler(header.tensors) if content in ("vae", "denoiser") else None
    if upscaler is not None:
        return _upscaler(file, header.tensors)
    if content == "denoiser" and configuration_folder(file) is not None:
        return _describe_checkpoint(file, header, "")
    if content == "language" and (network_of(header.tensors) or ("",))[0] == "qwen3":
        content = "encoder"  # of FLUX.2 and Z-Image; alone it cannot write, without its folder
    companion = describe_companion(file, header, content)
    if companion is not None:
        return companion
    raise problem(
        "bad_input",
        "The file {file} looks like the weights of a language model. Add the folder that contains "
        "it, with config.json and the tokenizer.",
        file=file.name,
    )


def _describe_checkpoint(file: Path, header: SafetensorsHeader, family: str) -> ModelRef:
    folder = configuration_folder(file)
    if folder is not None:
        index = read_config(folder / "model_index.json")
        family = str(index.get("_class_name", family))
    elif input_channels(header.tensors) not in (None, 4):
        raise problem(
            "bad_input",
            "The file {file} is made for inpainting or editing and needs more than a prompt. Add "
            "the regular version of the model.",
            file=file.name,
        )
    elif pipeline_of(header.tensors) and not self_contained_pipeline(header.tensors):
        family = pipeline_of(header.tensors)
        if any(not part.inside and not part.is_optional for part in _parts(header)):
            companion = describe_companion(file, header, "denoiser")
            assert companion is not None
            return companion
    elif not self_contained_pipeline(header.tensors):
        raise problem(
            "bad_input",
            "The checkpoint {file} ({family}) has no configuration. Put the diffusers folder of "
            "its model beside it as {folder}, or add that folder instead.",
            file=file.name,
            family=family,
            folder=folder_beside(file).name,
        )
    return ModelRef(
        id="",
        name=file.stem,
        task=task_of_format("single_file"),
        format="single_file",
        path=str(file),
        family=family,
        base=base_of_checkpoint(header.tensors, family),
        size=header.size,
        licence=header.metadata.get("modelspec.license", ""),
    )


def _parts(header: SafetensorsHeader) -> tuple[Part, ...]:
    try:
        return parts_of(header.tensors)
    except (KeyError, IndexError):
        return ()  # which is said when it is loaded


def _upscaler(file: Path, tensors: Tensors) -> ModelRef:
    found = find_upscaler(tensors)
    if found is None:
        raise problem(
            "bad_input",
            "The file {file} contains weights of an unknown architecture. Upscalers must be "
            "supported by the spandrel library, such as ESRGAN, SwinIR, DAT and HAT.",
            detail=", ".join(list(tensors)[:20]),
            file=file.name,
        )
    if found.scale == 1:
        raise problem(
            "bad_input",
            "The file {file} ({family}) restores pictures without enlarging them. Add a model that"
            " enlarges 2, 3 or 4 times.",
            file=file.name,
            family=found.family,
        )
    return ModelRef(
        id="",
        name=_upscaler_name(file),
        task=task_of_format("spandrel"),
        format="spandrel",
        path=str(file),
        family=found.family,
        role="upscaler",
        size=file.stat().st_size,
        scales=(found.scale,) if found.scale else (),
        licence=licence_of(file.parent),
    )


def _upscaler_name(file: Path) -> str:
    return re.sub(r"[_\s]+", " ", file.stem).strip() or file.stem


def _head(path: Path, length: int = 4000) -> str:
    try:
        return read_start(path, length).decode("utf-8", "replace")
    except OSError:
        return ""
