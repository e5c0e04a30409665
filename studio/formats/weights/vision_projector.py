"""GGUF files that let a language model see pictures (`mmproj`), and the model that each is for.

Such a file has the network that reads pictures, and a projector into the width of the language
model. It lies beside the file of the language model, as repositories and other programs have it.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path

from studio.formats.untrusted_files import entries_of, is_file
from studio.formats.weights.gguf import (
    LLAMA_ARCHITECTURES,
    TEXT_ARCHITECTURES,
    GgufHeader,
    read_gguf_header,
)
from studio.formats.weights.split_gguf import is_continuation, split_parts
from studio.protocol import ProblemError, problem

_ARCHITECTURE = "clip"
_MOST_NEIGHBOURS = 200
_PREFIX = re.compile(r"^mmproj[-_.]*(model[-_.]*)?", re.IGNORECASE)


def sees_pictures(header: GgufHeader) -> bool:
    """Return whether a header is that of a projector for pictures.

    Not one for sound alone, and not the picture encoder of an image model.
    """
    found = header.metadata
    return header.architecture == _ARCHITECTURE and (
        "clip.vision.projector_type" in found
        or ("clip.projector_type" in found and "clip.vision.block_count" in found)
    )


def language_model_beside(projector: Path, header: GgufHeader) -> tuple[Path, GgufHeader] | None:
    """Return the language model in the same folder that a projector is for, None if there is none.

    Of several, those of the projector's width come first, then the one with the most similar
    name, then the largest.
    """
    width = header.metadata.get("clip.vision.projection_dim")
    name = _PREFIX.sub("", projector.stem).lower()
    best: tuple[tuple[bool, float, int], Path, GgufHeader] | None = None
    neighbours = [entry for entry in entries_of(projector.parent) if _may_be_model(entry)]
    for entry in neighbours[:_MOST_NEIGHBOURS]:
        try:
            found = read_gguf_header(entry)
        except (ProblemError, OSError):
            continue
        if found.architecture not in TEXT_ARCHITECTURES | LLAMA_ARCHITECTURES:
            continue
        fits = found.metadata.get(f"{found.architecture}.embedding_length") == width
        alike = SequenceMatcher(None, name, entry.stem.lower()).ratio()
        rank = (fits, alike, found.size)
        if best is None or rank > best[0]:
            best = rank, entry, found
    return None if best is None else (best[1], best[2])


def files_of_projector(projector: Path) -> tuple[Path, ...]:
    """Return a projector and the files of its language model. Raises `ProblemError`."""
    beside = language_model_beside(projector, read_gguf_header(projector))
    return (projector, *(split_parts(beside[0]) if beside is not None else ()))


def without_language_model(file: Path) -> ProblemError:
    """Return the problem of a projector that lies alone."""
    return problem(
        "bad_input",
        "The file {file} lets a language model see pictures, and there is none beside it. Put it"
        " into the same folder as the .gguf file of its model.",
        file=file.name,
    )


def _may_be_model(entry: Path) -> bool:
    return (
        entry.suffix.lower() == ".gguf"
        and not _PREFIX.match(entry.name)
        and is_file(entry)
        and not is_continuation(entry)
    )
