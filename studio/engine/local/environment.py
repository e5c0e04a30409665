"""How the engine's process is prepared: its variables, its streams, its end with the app.

Imported by the app (which sets the variables) and by the child (which enters here), so nothing
heavy is imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

LOG_NAME = "engine.log"
_LOG_LIMIT = 5_000_000

_setting = threading.Lock()


@dataclass(frozen=True)
class EngineOptions:
    """What the app tells its engine at the start.

    Attributes:
        log_dir: folder of the log file.
        app: process id of the app; the engine ends when the app does.
        device: preferred device, empty for the quickest.
        fake: name of a script for `fake`, empty for the real engine.
    """

    log_dir: str
    app: int
    device: str = ""
    fake: str = ""


def engine_variables(*, threads: int = 0, tuned: bool = True) -> dict[str, str]:
    """Return the environment variables that the engine's process is started with.

    They are read when a process starts or imports torch, so they cannot be set in the engine.
    Those that the person has already set are left as they are, except that nothing ever goes
    to the network.

    Args:
        threads: threads to compute with, 0 for one a physical core.
        tuned: False leaves out what is there for speed alone (to measure what it is worth).
    """
    forced = {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # The engine ends without the libraries' own clean-up, and Python's tracker would tell
        # the person at the terminal about the semaphores that it then removes.
        "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
    }
    if threads > 0:
        forced["OMP_NUM_THREADS"] = str(threads)
    wanted = {"OMP_NUM_THREADS": str(physical_cores())}
    if tuned:
        wanted |= _speed()
    return {k: v for k, v in wanted.items() if k not in os.environ} | forced


def _speed() -> dict[str, str]:
    variables = {
        # Prompts are short: threads of the tokenizer cost more than they give.
        "TOKENIZERS_PARALLELISM": "false",
    }
    if sys.platform.startswith("linux"):
        variables |= {
            # Memory is the bottleneck of a CPU here. Huge pages, and a malloc that keeps what
            # is freed, took 15 to 19 % off a picture; `memory.collect` gives it back.
            "THP_MEM_ALLOC_ENABLE": "1",
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(2**34),
            # Threads that wait spin for a moment only: twice as quick while another program
            # keeps a core busy. Never spinning (OMP_WAIT_POLICY=PASSIVE) was 1.7 times slower.
            "GOMP_SPINCOUNT": "20000",
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        }
    return variables


def physical_cores() -> int:
    """Return how many cores this process may compute on; two threads of one core count once."""
    import psutil

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if sys.platform.startswith("linux"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, cores)


@contextlib.contextmanager
def environment_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process for the time that a child is started, then restore them."""
    with _setting:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


# ---- in the child


def enter(connection: Connection, options: EngineOptions) -> None:
    """Begin the engine's process: the target of `multiprocessing`. Does not return."""
    _open_log(Path(options.log_dir))
    _end_with_app(options.app)
    _close_in_forks(connection)
    module = importlib.import_module("studio.engine.fake" if options.fake else _PROCESS)
    module.serve(connection, options)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # The libraries' own ends at exit are slow and may hang; nothing of theirs is worth it.
    os._exit(0)


_PROCESS = "studio.engine.local.process"


def _open_log(folder: Path) -> None:
    """Point the streams at the log file: a windowed program has none, and libraries print."""
    path = folder / LOG_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            if path.stat().st_size > _LOG_LIMIT:
                path.replace(path.with_suffix(".old.log"))
        stream = path.open("ab", buffering=0)
    except OSError:
        stream = Path(os.devnull).open("ab", buffering=0)  # noqa: SIM115 stays open to the end
    for number in (1, 2):
        with contextlib.suppress(OSError):
            os.dup2(stream.fileno(), number)
    text = io.TextIOWrapper(stream, "utf-8", "backslashreplace", write_through=True)
    sys.stdout = sys.stderr = text
    faulthandler.enable(text)
    logging.basicConfig(
        stream=text, level=logging.INFO, format="%(asctime)s %(process)d %(name)s: %(message)s"
    )
    logging.captureWarnings(True)
    logging.getLogger(__name__).info("The engine begins at %s.", time.strftime("%Y-%m-%d %H:%M:%S"))


def _end_with_app(app: int) -> None:
    # Ctrl+C in a terminal reaches every process there. The app decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    # A group of its own, so that the helpers of a library end with the engine.
    with contextlib.suppress(OSError):
        os.setsid()
    if sys.platform.startswith("linux"):
        _alarm_at_end_of_app()
        if os.getppid() != app:
            end_now()


def end_now() -> None:
    """End the engine and everything it started, from any thread, whatever the others do."""
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


_PR_SET_PDEATHSIG = 1


def _alarm_at_end_of_app() -> None:
    """Have the kernel end this process one second after the app, even inside native code.

    The reader thread ends the engine as soon as the pipe closes, with its helpers; but it needs
    the interpreter's lock, which a library may hold for long. So the kernel sends SIGHUP when
    the app ends, and its handler is the C function alarm(), to which the signal's number, 1, is
    one second: no Python runs. See prctl(2) and signal-safety(7).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.signal.restype = ctypes.c_void_p
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal(signal.SIGHUP, ctypes.cast(libc.alarm, ctypes.c_void_p))
    libc.signal(signal.SIGALRM, 0)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGHUP), 0, 0, 0)


def _close_in_forks(connection: Connection) -> None:
    # A helper that held the pipe open would hide the engine's death from the app.
    if sys.platform != "win32":
        os.set_inheritable(connection.fileno(), False)
        os.register_at_fork(after_in_child=connection.close)
