"""Pictures that came with a request, as files that a job can read."""

from __future__ import annotations

import contextlib
import hashlib
import io
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from studio.formats.atomic_write import write_atomic
from studio.jobs.input_check import picture_problem
from studio.library.disk_problems import file_problem
from studio.library.library_place import make_in_library
from studio.protocol import ProblemError, problem

FOLDER = ".inputs"
"""Hidden, since a rebuild of the index would take a picture in it for a result."""

_MASK = "mask"
_MAX_PIXELS = 100_000_000


@contextmanager
def uploaded(root: Path, files: Mapping[str, bytes], *, keeps: bool) -> Iterator[dict[str, Path]]:
    """Save files below a library, by name; delete them at the end, unless they are kept.

    What is kept is named by its hash: recipes refer to it. Raises `ProblemError`.
    """
    folder = root / FOLDER
    saved: dict[str, Path] = {}
    try:
        for name, data in files.items():
            content = _as_mask(data) if name == _MASK else data
            stem = hashlib.sha256(content).hexdigest()[:16] if keeps else uuid.uuid4().hex
            saved[name] = path = folder / f"{stem}.png"
            _save(root, path, content)
            found = picture_problem(path)
            if found is not None:
                raise _unreadable(name, found.detail)
        yield saved
    finally:
        for path in saved.values() if not keeps else ():
            with contextlib.suppress(OSError):
                path.unlink()


def _save(root: Path, path: Path, content: bytes) -> None:
    make_in_library(root, path.parent, private=True)
    try:
        write_atomic(path, content, private=True)
    except OSError as error:
        raise file_problem(error, path.parent) from error


def _as_mask(data: bytes) -> bytes:
    """Return a mask in which white is redrawn.

    Clients send one in which that part is transparent. One without transparency is as ours.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError("too large")
            has_alpha = "A" in image.getbands() or "transparency" in image.info
            grey = (
                image.convert("RGBA").getchannel("A").point(lambda alpha: 255 - alpha)
                if has_alpha
                else image.convert("L")
            )
        made = io.BytesIO()
        grey.save(made, "PNG")
    except Exception as error:  # decoders raise many types of errors for damaged files
        raise _unreadable(_MASK, str(error)) from error
    return made.getvalue()


def _unreadable(name: str, detail: str) -> ProblemError:
    return problem("bad_input", "{name} is not a picture that can be read.", detail, name=name)
