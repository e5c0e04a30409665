"""Whether a process is downloading or copying into a models folder at the moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from studio.downloads.http_problems import disk_problem
from studio.downloads.queue_folder import FOLDER, require_no_link
from studio.formats.folders import FileLock
from studio.formats.untrusted_files import entries_of, is_file
from studio.protocol import problem


@contextmanager
def no_writers(models: Path) -> Iterator[None]:
    """Keep others from downloading and copying into a models folder, as while it is moved.

    What was written by halves would be moved, and be incomplete at both places. Raises
    `ProblemError` if a process is writing there.
    """
    root = models / FOLDER
    require_no_link(root)
    with ExitStack() as held:
        for file in entries_of(root):
            if file.suffix == ".lock" and is_file(file):
                _hold(file, held)
        if os.name == "nt":
            held.close()  # a locked file can be neither copied nor deleted there
        yield


def _hold(file: Path, held: ExitStack) -> None:
    try:
        held.enter_context(FileLock(file, timeout=0))
    except Timeout as error:
        raise problem(
            "bad_input",
            "A model is being downloaded or copied at the moment. Pause the downloads, or wait "
            "until it is done.",
            detail=str(error),
        ) from error
    except OSError as error:
        raise disk_problem(file.parent, error) from error
