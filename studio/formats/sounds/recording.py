"""Sounds and videos of other programs, opened to hear what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.formats.containers import READ_OPTIONS
from studio.formats.untrusted_files import open_regular
from studio.protocol import ProblemError, problem


@contextmanager
def opened_recording(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a sound or video; yields PyAV's container and its first audio stream.

    Raises `ProblemError` (bad_input) with a sentence for a person.
    """
    import av

    try:
        file = open_regular(path)
    except OSError as error:
        raise problem(
            "bad_input",
            "{name} cannot be opened. Check that it is a file and that you have permission to"
            " read it.",
            str(error),
            name=path.name,
        ) from error
    with file:
        try:
            container = av.open(file, container_options=READ_OPTIONS, metadata_errors="replace")
        except MemoryError:
            raise
        except Exception as error:  # PyAV's types have no common base beside it
            raise _unreadable(path, error) from error
        with container:
            if not container.streams.audio:
                raise problem("bad_input", "There is no sound in {name}.", name=path.name)
            yield container, container.streams.audio[0]


def seconds_of(path: Path) -> float:
    """Return the length of a recording by its header, 0 if it says none or cannot be read."""
    try:
        with opened_recording(path) as (container, stream):
            return stated_seconds(container, stream)
    except ProblemError:
        return 0.0


def stated_seconds(container: Any, stream: Any) -> float:
    """Return the length that the header of an opened recording states, 0 if it states none."""
    if stream.duration is not None and stream.time_base is not None:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (container.duration or 0) / 1_000_000)


def _unreadable(path: Path, error: Exception) -> ProblemError:
    if path.exists() and not path.stat().st_size:
        return problem("bad_input", "The file {name} is empty.", name=path.name)
    return problem(
        "bad_input",
        "{name} is not a sound or video that can be read, or it is damaged or incomplete. Get "
        "another copy of it.",
        f"{type(error).__name__}: {error}",
        name=path.name,
    )
