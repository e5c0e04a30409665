"""What a reader must keep to, whatever it is given, watched while it runs.

A value or a documented error, within a second of processor time and 500 MB of memory; nothing is
written outside of the input's folder, and nothing else is opened. Time is that of the processor,
so that a loaded machine changes nothing; memory is the peak of the process (Linux only).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeAlias, TypeVar, cast

from tests.fuzz.known import KNOWN

MAX_SECONDS = 1.0
MAX_BYTES = 500_000_000
_MAX_WALL_SECONDS = 60.0
"""For what waits without computing, such as the opening of a pipe."""

Fault: TypeAlias = Literal["error", "slow", "memory", "written", "opened"]
Value = TypeVar("Value")

inputs: Counter[str] = Counter()
"""How many inputs each reader was given in this process."""
known_seen: Counter[str] = Counter()
"""How often a fault that is known was met, by its reason."""
found: Counter[str] = Counter()
"""How often each other kind of finding was met, where they are collected."""

FINDINGS = "STUDIO_FUZZ_FINDINGS"
"""Environment variable of the runner: the folder for the inputs of what it finds."""


def _absolute(path: str | Path) -> str:
    # As it is written: links are not followed, and nothing is asked of the disk.
    return os.path.normpath(Path(path).absolute())


_ROOT = Path(__file__).resolve().parents[2]
_READABLE = tuple(
    _absolute(folder)
    for folder in (sys.prefix, sys.base_prefix, _ROOT, "/proc/self", "/usr", "/etc/localtime")
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.truncate": 1,
    "os.chmod": 1,
    "sqlite3.connect": 1,
}
_REACHES = (
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
    "ctypes.dlopen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "webbrowser.open",
)


class Finding(AssertionError):
    """A reader did not keep to its bounds."""

    def __init__(self, reader: str, fault: Fault, said: str) -> None:
        super().__init__(f"{reader}: {fault}: {said}")
        self.reader = reader
        self.fault = fault
        self.said = said


class _TooLong(BaseException):
    """Raised in the middle of a reader. No `except Exception` catches it."""


def bounded(
    reader: str,
    folder: Path,
    call: Callable[[], Value],
    *documented: type[Exception],
    forked: bool = False,
) -> Value | None:
    """Return what `call` does, None where it raises one of the documented errors.

    With `forked` it runs in a fork that can be killed, and nothing is returned: for what may
    compute for ever below Python, where no signal is heard. Raises `Finding`, unless the fault
    is one of those that are known.
    """
    inputs[reader] += 1
    try:
        if forked and hasattr(os, "fork"):
            _in_fork(reader, folder, call, documented)
            return None
        return _watched(reader, folder, call, documented)
    except Finding as finding:
        text = str(finding)
        for known in KNOWN:
            if known.matches(reader, text):
                known_seen[known.reason] += 1
                return None
        if _is_kept(finding, folder):
            return None
        raise


def _watched(
    reader: str,
    folder: Path,
    call: Callable[[], Value],
    documented: tuple[type[Exception], ...],
) -> Value | None:
    value: Value | None = None
    with _memory() as peak, _timer(), _watching(folder) as seen:
        try:
            value = call()
        except documented as error:
            if _is_from_memory(error):
                raise Finding(reader, "memory", _where(error)) from error
        except _TooLong as error:
            raise Finding(reader, "slow", _where(error)) from None
        except MemoryError as error:
            raise Finding(reader, "memory", _where(error)) from error
        except Exception as error:
            raise Finding(reader, "error", _where(error)) from error
    grown = peak()
    if grown > MAX_BYTES:
        raise Finding(reader, "memory", f"{grown / 1e6:.0f} MB")
    for fault, what in seen:
        raise Finding(reader, fault, what)
    return value


def _in_fork(
    reader: str,
    folder: Path,
    call: Callable[[], object],
    documented: tuple[type[Exception], ...],
) -> None:
    import resource

    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        said = "error\nno answer"
        try:
            # The second that is too many is the end, where Python cannot say so itself.
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + 3),) * 2)
            _watched(reader, folder, call, documented)
            said = ""
        except Finding as finding:
            said = f"{finding.fault}\n{finding.said}"
        finally:
            os.write(told, said.encode("utf-8", "replace")[:4_000])
            os._exit(0)
    os.close(told)
    with os.fdopen(heard, "rb") as file:
        answer = file.read().decode("utf-8", "replace")
    _, ended = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(ended):
        raise Finding(reader, "slow", "killed while it computed below Python")
    if answer:
        fault, _, what = answer.partition("\n")
        raise Finding(reader, cast(Fault, fault), what)


def _is_from_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def _where(error: BaseException) -> str:
    """Return type and text of an error, and the last function of ours that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}studio{os.sep}" in frame.filename]
    place = f" in {Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else ""
    return f"{type(error).__name__}: {str(error)[:200]}{place}"


def _is_kept(finding: Finding, folder: Path) -> bool:
    """Count a finding and copy its input to where the runner wants it, where there is one.

    The runner goes on: what it finds in an hour are many inputs of few kinds.
    """
    wanted = os.environ.get(FINDINGS)
    if not wanted:
        return False
    kind = re.sub(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"", "N", str(finding))
    found[kind] += 1
    target = Path(wanted) / f"{finding.reader}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"
    if not target.exists():
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(folder, target, symlinks=True)
            (target / "finding.txt").write_text(f"{finding}\n", "utf-8", "replace")
    return True


# ---- time


@contextlib.contextmanager
def _timer() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        yield
        return
    is_armed = True

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if is_armed:
            raise _TooLong

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, _MAX_WALL_SECONDS)
    try:
        yield
    finally:
        is_armed = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


# ---- memory


@contextlib.contextmanager
def _memory() -> Iterator[Callable[[], int]]:
    """Give the growth of the peak, in bytes, to whoever asks afterwards; refuse far more."""
    if not sys.platform.startswith("linux"):
        yield lambda: 0
        return
    import resource

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmHWM")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + 2 * MAX_BYTES, hard))
    try:
        yield lambda: _status("VmHWM") - before
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


# ---- files

_watches: list[tuple[str, list[tuple[Fault, str]]]] = []


@contextlib.contextmanager
def _watching(folder: Path) -> Iterator[list[tuple[Fault, str]]]:
    """Collect what is opened and changed outside of `folder`."""
    seen: list[tuple[Fault, str]] = []
    _watches.append((_absolute(folder), seen))
    try:
        yield seen
    finally:
        _watches.pop()


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watches:
        return
    folder, seen = _watches[-1]
    if event == "open":
        path, _mode, flags = arguments
        is_written = isinstance(flags, int) and bool(flags & _WRITES)
        if not _is_below(path, folder, *(() if is_written else _READABLE)):
            seen.append(("written" if is_written else "opened", f"open {path!r}"))
    elif event in _CHANGES:
        for path in arguments[: _CHANGES[event]]:
            if event in ("os.remove", "os.rmdir"):
                path = _from_folder(path, arguments[1])
            if not _is_below(path, folder):
                seen.append(("written", f"{event} {path!r}"))
    elif event in _REACHES:
        seen.append(("opened", f"{event} {arguments!r:.200}"))


def _from_folder(path: Any, folder: int) -> Any:
    """Return a path that may be relative to an open folder, as `shutil.rmtree` uses it."""
    return path if folder < 0 else Path(f"/proc/self/fd/{folder}").readlink() / path


def _is_below(path: object, *folders: str) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return True  # a file that is open already
    place = _absolute(os.fsdecode(path))
    if place in (os.devnull, "/dev/urandom", _absolute(":memory:")):
        return True
    return any(place == folder or place.startswith(f"{folder}{os.sep}") for folder in folders)


sys.addaudithook(_heard)
