"""Verify the full content of a model's files, while `identify` only reads headers."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.models.identify import describe_path
from studio.models.source_file import is_inside, read_source
from studio.models.starter_folders import read_manifest
from studio.models.starter_pack import MODELS
from studio.protocol import ModelRef, Problem, ProblemError, Sentence

_BLOCK = 4 * 2**20


def sha256_of(path: Path, step: Callable[[int], None] | None = None) -> str:
    """Return a file's sha256 in hex. `step` is called with each block's size. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if step is not None:
                step(len(block))
    return digest.hexdigest()


def verify_model(model: ModelRef) -> Problem | None:
    """Return the problem of a model's files, or None.

    Checks headers and sizes, the sha256 of starter models and of downloads, and the checksums in
    PyTorch files.
    """
    path = Path(model.path)
    try:
        describe_path(path)
        if model.is_starter:
            return _verify_starter(model, path if path.is_dir() else path.parent)
        folder = path if path.is_dir() else path.parent
        origin = read_source(folder)
        for name, sha256 in (origin.files if origin is not None else {}).items():
            if is_inside(folder, name) and sha256_of(folder / name) != sha256:
                return _damaged(name, f"{folder / name}: sha256 differs from {sha256}")
        if path.suffix.lower() in PICKLED_WEIGHTS and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                return _damaged(path.name, damaged)
    except ProblemError as error:
        return error.problem
    except (OSError, zipfile.BadZipFile) as error:
        return _damaged(path.name, str(error))
    return None


def _verify_starter(model: ModelRef, folder: Path) -> Problem | None:
    manifest = read_manifest(folder)
    expected = dict(manifest.files) if manifest is not None else {}
    known = MODELS.get(model.id)
    # Where an earlier version converted the file, the manifest lists others.
    if known is not None and not known.converts and (not expected or known.file in expected):
        expected[known.file] = known.sha256
    for name, sha256 in expected.items():
        if sha256_of(folder / name) != sha256:
            return _damaged(name, f"{folder / name}: sha256 differs from {sha256}", starter=True)
    return None


def _damaged(file: str, detail: str, *, starter: bool = False) -> Problem:
    if starter:
        return Problem(
            "model_broken",
            Sentence(
                "The file {file} of a starter model was changed or damaged. "
                "Delete its folder and install the starter models again.",
                {"file": file},
            ),
            detail,
        )
    return Problem(
        "model_broken",
        Sentence(
            "The model file {file} is incomplete or damaged. Download it again.", {"file": file}
        ),
        detail,
    )
