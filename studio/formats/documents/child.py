"""Read a document in a process of its own, with limits: it may be anyone's.

A reader that hangs or eats memory is ended, and one that crashes takes nothing with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from studio.formats.documents.document import Document
from studio.protocol import Problem, ProblemError, problem

MAX_SECONDS = 300.0
"""Of processor time where the system counts it, else of time."""
MAX_MEMORY = 1_500 * 2**20
_LOOK_EVERY = 0.2
_STUCK_SECONDS = 1_200.0


class _Answer(msgspec.Struct):
    document: Document | None = None
    problem: Problem | None = None


def read_in_child(
    path: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
    max_memory: int = MAX_MEMORY,
    max_seconds: float = MAX_SECONDS,
) -> Document:
    """Read a document in another process. Blocks; not for the thread of the window.

    Raises `ProblemError` (bad_input; cancelled).
    """
    from studio.formats.documents.read import too_large

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_child, args=(theirs, str(path), max_memory, max_seconds), daemon=True
    )
    data = b""
    try:
        process.start()
        theirs.close()
        end = time.monotonic() + _STUCK_SECONDS
        while not ours.poll(_LOOK_EVERY):
            if is_cancelled():
                raise problem("cancelled", "The reading of {name} was cancelled.", name=path.name)
            if time.monotonic() > end or _is_over(process.pid, max_memory, max_seconds):
                raise ProblemError(too_large(path))
        with contextlib.suppress(EOFError, OSError):
            data = ours.recv_bytes()
    finally:
        if process.pid is not None:
            process.kill() if not data else process.join(5)
            process.join(5)
        ours.close()
    if not data:
        # Ended by a limit of the system, or crashed.
        raise problem(
            "bad_input",
            "The document {name} cannot be read: it is damaged, or takes too much memory or time.",
            name=path.name,
        )
    answer = msgspec.msgpack.decode(data, type=_Answer)
    if answer.document is None:
        raise ProblemError(answer.problem or too_large(path))
    return answer.document


def _is_over(pid: int | None, max_memory: int, max_seconds: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        used: int = process.memory_info().rss
        spent: float = times.user + times.system
        return used > max_memory or spent > max_seconds
    except (psutil.Error, ValueError):
        return False


def _child(connection: Connection, path: str, max_memory: int, max_seconds: float) -> None:
    _limit(max_memory, max_seconds)
    _end_with_parent()
    from studio.formats.documents.read import read_document, too_large

    # Libraries write warnings about odd files.
    sys.stderr = sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 until the end
    try:
        answer = _Answer(document=read_document(Path(path)))
    except ProblemError as error:
        answer = _Answer(problem=error.problem)
    except (MemoryError, RecursionError):
        answer = _Answer(problem=too_large(Path(path)))
    connection.send_bytes(msgspec.msgpack.encode(answer))
    connection.close()


def _limit(max_memory: int, max_seconds: float) -> None:
    if sys.platform == "win32":
        return  # The parent looks at memory and time.
    import resource

    def lower(kind: int, value: int) -> None:
        with contextlib.suppress(ValueError, OSError):
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (value, hard))

    if sys.platform.startswith("linux"):
        lower(resource.RLIMIT_AS, max_memory)
    lower(resource.RLIMIT_CPU, int(max_seconds) + 1)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, 0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="document-parent", daemon=True).start()
