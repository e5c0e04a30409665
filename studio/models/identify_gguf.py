"""Describe a model in GGUF files: a language model, or a part of an image model."""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio.formats.untrusted_files import is_file
from studio.formats.weights.gguf import (
    LLAMA_ARCHITECTURES,
    TEXT_ARCHITECTURES,
    GgufHeader,
    read_gguf_header,
)
from studio.formats.weights.split_gguf import name_without_part, split_parts
from studio.formats.weights.vision_projector import (
    language_model_beside,
    sees_pictures,
    without_language_model,
)
from studio.kinds.describe import PROJECTOR_FORMAT
from studio.kinds.registry import task_of_format
from studio.models.identify_companion import describe_gguf_part
from studio.models.model_card import languages_of, licence_of
from studio.protocol import ModelRef, problem

_OTHER_GGUF = frozenset({"bert", "clip", "nomic-bert", "whisper"})


def describe_gguf(file: Path) -> ModelRef:
    """Describe the model that `file` is, or is a part of. Raises `ProblemError`."""
    parts = split_parts(file)
    absent = [part for part in parts if not is_file(part)]
    if absent:
        raise problem(
            "model_broken",
            "{count} of {total} parts of the model {file} are missing, such as {part}. Download "
            "them into the same folder.",
            count=len(absent),
            total=len(parts),
            file=name_without_part(file),
            part=absent[0].name,
        )
    file = parts[0]
    headers = [read_gguf_header(part) for part in parts]
    header = headers[0]
    architecture = header.architecture
    if sees_pictures(header):
        return _describe_projector(file, header)
    part = describe_gguf_part(file, header)
    if part is not None:
        return part
    _refuse_gguf(file, header, len(parts))
    name = str(header.metadata.get("general.name", "")).strip() or name_without_part(file)
    if header.quantisation and header.quantisation.lower() not in name.lower():
        name = f"{name} ({header.quantisation})"
    licence = str(header.metadata.get("general.license", "")) or licence_of(file.parent)
    return ModelRef(
        id="",
        name=name,
        task=task_of_format("gguf"),
        format="gguf",
        path=str(file),
        family=architecture,
        size=sum(each.size for each in headers),
        context=header.context,
        licence=licence,
        languages=languages_of(file.parent),
    )


def _describe_projector(file: Path, header: GgufHeader) -> ModelRef:
    """Describe a projector together with the language model beside it."""
    beside = language_model_beside(file, header)
    if beside is None:
        raise without_language_model(file)
    model = describe_gguf(beside[0])
    return msgspec.structs.replace(
        model,
        name=f"{model.name} + mmproj",
        task=task_of_format(PROJECTOR_FORMAT),
        format=PROJECTOR_FORMAT,
        path=str(file),
        size=(model.size or 0) + header.size,
    )


def _refuse_gguf(file: Path, header: GgufHeader, found: int) -> None:
    architecture = header.architecture
    if architecture in _OTHER_GGUF:
        raise problem(
            "bad_input",
            "The file {file} ({architecture}) is part of another model and cannot write text on "
            "its own. Add the language model it belongs to.",
            file=file.name,
            architecture=architecture,
        )
    if architecture not in TEXT_ARCHITECTURES | LLAMA_ARCHITECTURES:
        raise problem(
            "bad_input",
            "The file {file} has the architecture {architecture}, which is not supported as GGUF. "
            "Look for the same model as a folder with .safetensors weights.",
            file=file.name,
            architecture=architecture or "?",
        )
    parts = header.metadata.get("split.count", 1)
    if isinstance(parts, int) and parts > 1 and parts != found:
        raise problem(
            "bad_input",
            "The file {file} is one of {parts} parts of a split model, but its name does not say "
            "which. Give all parts the names that they had when they were published.",
            file=file.name,
            parts=parts,
        )
