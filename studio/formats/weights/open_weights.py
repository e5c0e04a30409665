"""Open weight files for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from studio.formats.untrusted_files import open_regular
from studio.protocol import problem


@contextmanager
def open_weights(path: Path) -> Iterator[BufferedReader]:
    """Open a weight file; errors of the disk inside the block count as well.

    Raises `ProblemError` (`model_missing`) if it cannot be read.
    """
    try:
        with open_regular(path) as file:
            yield file
    except OSError as error:
        raise problem(
            "model_missing",
            "The model file {file} cannot be read. Check that it exists and that you may open it.",
            detail=str(error),
            file=path,
        ) from error
