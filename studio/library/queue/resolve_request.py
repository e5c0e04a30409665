"""From what was asked to what is stored: explicit seeds, absolute paths, hashed input files."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from studio.library.folder import files
from studio.protocol import (
    MAX_SEED,
    ImageRequest,
    InputFile,
    Request,
    TextRequest,
    UpscaleRequest,
    problem,
    to_json,
)


def input_of(request: Request) -> InputFile | None:
    """Return the picture that the request starts from, or None."""
    files_read = inputs_of(request)
    return files_read.get("input") or files_read.get("image")


def inputs_of(request: Request) -> dict[str, InputFile]:
    """Return every file that the request reads, by the name of its field."""
    match request:
        case UpscaleRequest():
            return {"input": request.input}
        case ImageRequest():
            named = {"image": request.image, "mask": request.mask}
            return {name: file for name, file in named.items() if file is not None}
        case TextRequest():
            return {}


def check_mask(request: Request) -> None:
    """Raise `ProblemError` (bad_input) where a request has a mask and no picture to go with it."""
    if isinstance(request, ImageRequest) and request.mask is not None and request.image is None:
        raise problem("bad_input", "A mask needs a picture to start from.")


def prepare(request: Request, hash_file: Callable[[Path], str] = files.hash_file) -> Request:
    """Return the request as it is stored: with a seed, and its input files found and hashed.

    Raises `ProblemError` (bad_input): a text without a prompt, seeds past the largest one,
    a mask without a picture, or an input file that is missing or cannot be read.
    """
    if isinstance(request, TextRequest) and not request.prompt.strip():
        raise problem("bad_input", "The prompt is empty. Write what you want to get.")
    check_mask(request)
    try:
        to_json(request)
    except UnicodeEncodeError as error:
        raise problem(
            "bad_input",
            "The prompt or a file's name holds bytes that are no text in UTF-8. Type the prompt "
            "again, or rename the file.",
            str(error),
        ) from error
    seed = request.seed
    if isinstance(request, UpscaleRequest):
        seed = seed or 0
    elif seed is None:
        seed = secrets.randbelow(MAX_SEED - request.count + 2)
    elif seed + request.count - 1 > MAX_SEED:
        raise problem(
            "bad_input",
            "Variation {count} would need a seed above {largest}. Use a seed of at most {seed}.",
            count=request.count,
            largest=MAX_SEED,
            seed=MAX_SEED - request.count + 1,
        )
    hashed = {name: _hashed(file, hash_file) for name, file in inputs_of(request).items()}
    return msgspec.structs.replace(request, seed=seed, **hashed)


def _hashed(file: InputFile, hash_file: Callable[[Path], str]) -> InputFile:
    path = Path(file.path).expanduser().absolute()
    files.check_input(path)
    return InputFile(str(path), hash_file(path))
