"""Complete and validate a request before it is stored: seed, absolute paths, file hashes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from studio.formats.untrusted_files import user_path
from studio.kinds.coding import to_json
from studio.kinds.registry import kind_of
from studio.kinds.requests import prompt_of, unsupported_reason, with_inputs
from studio.library.folder.file_placing import check_input, hash_file
from studio.protocol import MAX_SEED, InputFile, Problem, ProblemError, Request, problem


def resolve_request(request: Request, hash_file: Callable[[Path], str] = hash_file) -> Request:
    """Return the request with an explicit seed and hashed input files.

    Raises `ProblemError` (bad_input) for a value out of range, a missing prompt, seeds above
    `MAX_SEED`, an input file that is missing or unreadable, or a request of another version that
    cannot run here.
    """
    check_supported(request)
    kind = kind_of(request)
    if kind.needs_prompt and not prompt_of(request).strip():
        raise problem("bad_input", "The prompt is empty. Write what you want to get.")
    try:
        to_json(request)
    except UnicodeEncodeError as error:
        raise problem(
            "bad_input",
            "The prompt or a file name is not valid UTF-8. Type the prompt again, or rename the "
            "file.",
            str(error),
        ) from error
    seed = request.seed
    if not kind.is_seeded:
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
    hashed = with_inputs(request, lambda file: _hashed(file, hash_file))
    return hashed.with_values(seed=seed)


def check_supported(request: Request) -> None:
    """Raise `ProblemError` (bad_input) if this version cannot run a stored request."""
    reason = unsupported_reason(request)
    if reason is not None:
        raise ProblemError(Problem("bad_input", reason))


def _hashed(file: InputFile, hash_file: Callable[[Path], str]) -> InputFile:
    path = user_path(file.path)
    check_input(path)
    return InputFile(str(path), hash_file(path))
