"""Reads the layout of an image model on disk: its pipeline class, components and files.

Only classes of diffusers and transformers are used. Models that need custom code or have pickle
weights are rejected here, before anything is imported for them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import diffusers
import msgspec
import transformers
from diffusers import DiffusionPipeline, pipelines

from studio.engine.tasks.image.model import checkpoint_config
from studio.engine.tasks.image.model.component_files import missing_file, weight_files
from studio.engine.tasks.image.model.img2img_support import (
    call_parameters,
    needs_more_than_a_prompt,
)
from studio.formats.weights.checkpoint import configuration_folder, folder_beside
from studio.formats.weights.denoiser_parts import read_tensors
from studio.formats.weights.safetensors import read_safetensors_header
from studio.formats.weights.tensors import Tensors
from studio.protocol import ModelRef, ProblemError, problem

# Class names that transformers 5 removed but older model folders still use.
_RENAMED = {"CLIPFeatureExtractor": "CLIPImageProcessor"}

# Parameters of pipelines for video, audio and inpainting.
_OTHER_TASKS = {"num_frames", "video_length", "audio_length_in_s", "mask_image"}


class ModelFacts(msgspec.Struct, frozen=True):
    """Facts from the model's author: `studio.json` in its folder. All fields are optional.

    `background` is `white` for models that draw objects on plain white, which can be made
    transparent. `precision` is `float32` for models that do not work in half precision. `unused`
    are request fields that the pipeline takes but that have no useful effect with this model.
    `unknown_prompts` are examples of prompts that mean nothing to the model, like all prompts
    with similar encodings; `unknown_shows` are lower-case words for what it draws then, which
    count as known. `draws` is `icons` for models of single objects; `alike` is true for models
    that draw nearly the same picture from every seed. The other fields are defaults; sizes are
    in pixels.
    """

    background: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str = ""
    precision: Literal["", "float32"] = ""
    unused: tuple[str, ...] = ()
    draws: Literal["", "icons"] = ""
    alike: bool = False
    unknown_prompts: tuple[str, ...] = ()
    unknown_shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component:
    """One component of a pipeline.

    `files` are its weight files: empty for components without weights, such as tokenizers, and
    for components inside a single-file checkpoint. `variant` is the files' precision, e.g. `fp16`.
    """

    name: str
    kind: type[Any]
    folder: Path
    files: tuple[Path, ...] = ()
    variant: str = ""
    prefix: str = ""
    is_part: bool = False

    @property
    def is_network(self) -> bool:
        """Whether it has weights."""
        return is_network(self.kind)


@dataclass(frozen=True)
class Layout:
    """A model on disk. `root` is the diffusers folder with the configuration.

    For a single-file checkpoint, `checkpoint` is that file, and `root` may be a temporary folder
    that exists as long as this object.
    """

    pipeline: type[Any]
    root: Path
    components: tuple[Component, ...]
    facts: ModelFacts = field(default_factory=ModelFacts)
    checkpoint: Path | None = None
    headers: Mapping[Path, Tensors] = field(default_factory=dict)
    temporary_folder: checkpoint_config.ConfigFolder | None = None


def read_layout(ref: ModelRef) -> Layout:
    """Read the layout of a model. Reads the headers of its files, but no weights.

    Args:
        ref: a model of format `diffusers` or `single_file`.

    Raises:
        ProblemError: `model_missing`, `model_broken` or `bad_input`, naming the file.
    """
    path = Path(ref.path)
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise problem(
            "model_missing",
            "The model {name} is no longer at {path}. Add it again, or choose another model.",
            name=ref.name or ref.id,
            path=path,
        )
    return _read_single_file(path)


def _read_single_file(path: Path) -> Layout:
    if path.suffix.lower() != ".safetensors":
        raise problem(
            "bad_input",
            "{file} is not a .safetensors file. Other formats can run code when they are loaded,"
            " so it was not opened. Get the same model as .safetensors.",
            file=path,
        )
    header = read_safetensors_header(path).tensors
    if any(name.endswith(".scale_weight") for name in header):
        raise problem(
            "bad_input",
            "The weights in {file} are in 8 bits with scales, which is read only in files with the"
            " part that draws alone. Get the same checkpoint in fp16.",
            file=path,
        )
    folder = configuration_folder(path)
    temporary_folder = None
    if folder is None:
        temporary_folder = checkpoint_config.built_in_config(path, header)
        folder = temporary_folder.path
    index = read_index(folder)
    components: list[Component] = []
    headers: dict[Path, Tensors] = {path: header}
    for name, kind in component_classes(index, folder).items():
        if name == "safety_checker":
            continue
        files: tuple[Path, ...] = ()
        variant = ""
        if is_network(kind) and not checkpoint_config.contains(header, name, kind):
            files, variant = weight_files(folder / name)
            headers |= read_headers(files)
        components.append(Component(name, kind, folder / name, files, variant))
    return Layout(
        pipeline=pipeline_class(index, folder),
        root=folder,
        components=tuple(components),
        facts=read_facts(folder_beside(path)),
        checkpoint=path,
        headers=headers,
        temporary_folder=temporary_folder,
    )


def _read_folder(root: Path) -> Layout:
    return read_folder(root, pipeline_class)


def read_folder_model(
    ref: ModelRef, class_of: Callable[[Mapping[str, Any], Path], type[Any]]
) -> Layout:
    """Read the layout of a model that is a folder. Raises `ProblemError`, naming the file."""
    path = Path(ref.path)
    if not path.is_dir():
        raise problem(
            "model_missing",
            "The model {name} is no longer at {path}. Add it again, or choose another model.",
            name=ref.name or ref.id,
            path=path,
        )
    return read_folder(path, class_of)


def read_folder(root: Path, class_of: Callable[[Mapping[str, Any], Path], type[Any]]) -> Layout:
    """Read the layout of a folder. `class_of` returns its pipeline class, or refuses it."""
    index = read_index(root)
    pipeline = class_of(index, root)
    optional = set(getattr(pipeline, "_optional_components", ()))
    components: list[Component] = []
    headers: dict[Path, Tensors] = {}
    for name, kind in component_classes(index, root).items():
        folder = root / name
        if not folder.is_dir() and name in optional:
            continue
        files: tuple[Path, ...] = ()
        variant = ""
        if is_network(kind):
            files, variant = weight_files(folder)
            headers |= read_headers(files)
        components.append(Component(name, kind, folder, files, variant))
    return Layout(
        pipeline=pipeline,
        root=root,
        components=tuple(components),
        facts=read_facts(root),
        headers=headers,
    )


def read_headers(files: tuple[Path, ...]) -> dict[Path, Tensors]:
    """Return the tensors of each file. Raises `ProblemError`."""
    for file in files:
        if not file.is_file():
            raise missing_file(file)
    return {file: read_tensors(file) for file in files}


def read_index(root: Path) -> dict[str, Any]:
    """Return the content of `model_index.json`. Raises `ProblemError` (`model_broken`)."""
    path = root / "model_index.json"
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise missing_file(path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(index, dict):
        raise _unreadable(path, ValueError("no JSON object"))
    return index


def read_facts(folder: Path) -> ModelFacts:
    """Return the content of `studio.json`, if there is one. Raises `ProblemError`."""
    path = folder / "studio.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelFacts)
    except (FileNotFoundError, NotADirectoryError):
        return ModelFacts()
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ProblemError:
    return problem(
        "model_broken",
        "{file} cannot be read. Copy or download the model again.",
        detail=str(error),
        file=path,
    )


def installed_pipeline(index: Mapping[str, Any], root: Path) -> type[Any]:
    """Return the class of diffusers that a model names. Raises `ProblemError` (`bad_input`)."""
    name = index.get("_class_name")
    if not isinstance(name, str):
        raise _custom_code(root, name)
    found = getattr(diffusers, name, None)
    if not (inspect.isclass(found) and issubclass(found, DiffusionPipeline)):
        raise problem(
            "bad_input",
            "{folder} needs the pipeline {name}, which the installed version of diffusers does not"
            " have.",
            folder=root,
            name=name,
        )
    return found


def pipeline_class(index: Mapping[str, Any], root: Path) -> type[Any]:
    """Return the pipeline class of an image model. Raises `ProblemError` (`bad_input`)."""
    found = installed_pipeline(index, root)
    call = call_parameters(found)
    if "prompt" not in call or _OTHER_TASKS & set(call) or needs_more_than_a_prompt(found):
        raise problem(
            "bad_input",
            "{folder} is a {name}, which does not generate pictures from a prompt alone. Choose a"
            " text-to-image model.",
            folder=root,
            name=found.__name__,
        )
    return found


def component_classes(index: Mapping[str, Any], root: Path) -> dict[str, type[Any]]:
    """Return the class of each component of the model, by name."""
    found: dict[str, type[Any]] = {}
    for name, value in index.items():
        if name.startswith("_") or not (isinstance(value, list) and len(value) == 2):
            continue
        library, class_name = value
        if class_name is not None:
            found[name] = _component_class(library, class_name, root)
    return found


def _component_class(library: object, class_name: object, root: Path) -> type[Any]:
    if not isinstance(library, str) or not isinstance(class_name, str):
        raise _custom_code(root, class_name)
    if library == "diffusers":
        module: Any = diffusers
    elif library == "transformers":
        module = transformers
    elif library.isidentifier() and not library.startswith("_") and hasattr(pipelines, library):
        module = getattr(pipelines, library)
    else:
        raise _custom_code(root, f"{library}.{class_name}")
    found = getattr(module, _RENAMED.get(class_name, class_name), None)
    if not inspect.isclass(found):
        raise problem(
            "bad_input",
            "{folder} needs {name}, which the installed version of {library} does not have.",
            folder=root,
            name=class_name,
            library=library,
        )
    return found


def _custom_code(root: Path, name: object) -> ProblemError:
    return problem(
        "bad_input",
        "{folder} needs custom code ({name}), which is never run. Choose a model that diffusers"
        " supports.",
        folder=root,
        name=name,
    )


def is_network(kind: type[Any]) -> bool:
    """Return whether a component's class has weights."""
    import torch

    return issubclass(kind, torch.nn.Module)
