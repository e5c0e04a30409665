"""Set-up of the engine process: environment variables, output streams, exit with the app.

Imported by the app (which sets the variables) and by the child (whose entry point is here), so
imports stay light.
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

from studio.formats.atomic_write import make_private_folder
from studio.formats.untrusted_files import open_to_append

LOG_NAME = "engine.log"
_MAX_LOG_BYTES = 5_000_000

_environment_lock = threading.Lock()


@dataclass(frozen=True)
class EngineOptions:
    """Options that the app passes to the engine process.

    Attributes:
        log_dir: folder of the log file.
        app: process id of the app; the engine exits with it.
        device: preferred device, empty for the fastest.
        fake: name of a script for the fake engine, empty for the real one.
        heartbeat: seconds between two signs of life while a command runs.
    """

    log_dir: str
    app: int
    device: str = ""
    fake: str = ""
    heartbeat: float = 3.0


def engine_variables(*, threads: int = 0, tuned: bool = True) -> dict[str, str]:
    """Return the environment variables for starting the engine process.

    They are read when a process starts or imports torch, so the engine cannot set them itself.
    Variables that are already set take precedence, except for those that forbid network access.

    Args:
        threads: threads to compute with, 0 for one per physical core.
        tuned: False leaves out the performance tuning (for benchmarks).
    """
    forced = {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # The engine exits without the libraries' clean-up, and Python's resource tracker would
        # warn on the terminal about the semaphores that it removes.
        "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
    }
    if threads > 0:
        forced["OMP_NUM_THREADS"] = str(threads)
    wanted = {"OMP_NUM_THREADS": str(physical_cores())}
    if tuned:
        wanted |= _tuning_variables()
    return {k: v for k, v in wanted.items() if k not in os.environ} | forced


def _tuning_variables() -> dict[str, str]:
    variables = {
        # Prompts are short: tokenizer threads cost more than they gain.
        "TOKENIZERS_PARALLELISM": "false",
    }
    if sys.platform.startswith("linux"):
        variables |= {
            # Memory is the bottleneck on a CPU. Huge pages and a malloc that keeps freed memory
            # made pictures 15 to 19 % faster; `memory.collect` returns the memory.
            "THP_MEM_ALLOC_ENABLE": "1",
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(2**34),
            # Waiting threads spin only briefly: twice as fast while another program keeps a
            # core busy. Never spinning (OMP_WAIT_POLICY=PASSIVE) was 1.7 times slower.
            "GOMP_SPINCOUNT": "20000",
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        }
    return variables


def physical_cores() -> int:
    """Return the number of physical cores that this process may use."""
    import psutil

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if sys.platform.startswith("linux"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, cores)


def compute_threads() -> int:
    """Return the number of threads that this process was started to compute with."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(wanted)) if wanted.isdigit() else physical_cores()


@contextlib.contextmanager
def temporary_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process while a child is started, then restore them."""
    with _environment_lock:
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


def child_main(connection: Connection, options: EngineOptions) -> None:
    """Run the engine process: the target of `multiprocessing`. Does not return."""
    _open_log(Path(options.log_dir))
    _exit_with_app(options.app)
    _close_in_forks(connection)
    module = importlib.import_module("studio.engine.fake" if options.fake else _PROCESS)
    module.serve(connection, options)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # The libraries' exit handlers are slow and may hang, and none of them is needed.
    os._exit(0)


_PROCESS = "studio.engine.local.process"


def _open_log(folder: Path) -> None:
    """Redirect output to the log file: libraries print, and a windowed app has no console."""
    path = folder / LOG_NAME
    try:
        make_private_folder(folder)
        with contextlib.suppress(OSError):
            if path.stat().st_size > _MAX_LOG_BYTES:
                path.replace(path.with_suffix(".old.log"))
        stream = os.fdopen(open_to_append(path), "ab", buffering=0)
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
    logging.getLogger(__name__).info("Engine started at %s.", time.strftime("%Y-%m-%d %H:%M:%S"))


def _exit_with_app(app: int) -> None:
    # Ctrl+C in a terminal reaches every process. Only the app handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    # A separate process group, so that helper processes of libraries end with the engine.
    with contextlib.suppress(OSError):
        os.setsid()
    if sys.platform.startswith("linux"):
        _alarm_on_app_exit()
        if os.getppid() != app:
            exit_immediately()


def exit_immediately() -> None:
    """Kill the engine and its helper processes at once, from any thread."""
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


_PR_SET_PDEATHSIG = 1


def _alarm_on_app_exit() -> None:
    """Have the kernel end this process one second after the app, even inside native code.

    The reader thread kills the engine and its helpers as soon as the pipe closes, but it needs
    the GIL, which a library may hold for a long time. Therefore the kernel sends SIGHUP when the
    app exits. Its handler is the C function alarm(), called with the signal number 1, i.e. one
    second, so no Python code has to run. See prctl(2) and signal-safety(7).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.signal.restype = ctypes.c_void_p
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal(signal.SIGHUP, ctypes.cast(libc.alarm, ctypes.c_void_p))
    libc.signal(signal.SIGALRM, 0)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGHUP), 0, 0, 0)


def continue_on_app_exit() -> None:
    """Have the kernel continue this process, if it is stopped, when the app exits (Linux).

    A stopped process handles neither SIGHUP nor the end of the pipe. The signal at the parent's
    death is set per thread, and that of the main thread is SIGHUP: call this in another one.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT), 0, 0, 0)


def _close_in_forks(connection: Connection) -> None:
    # A helper process that kept the pipe open would hide the engine's exit from the app.
    if sys.platform != "win32":
        os.set_inheritable(connection.fileno(), False)
        os.register_at_fork(after_in_child=connection.close)
