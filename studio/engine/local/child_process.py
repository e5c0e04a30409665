"""One engine process as the app holds it: started, watched, ended without leaving orphans."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from studio.engine.local.environment import LOG_NAME, EngineOptions, enter, environment_set

TERMINATE_SECONDS = 0.4
KILL_SECONDS = 0.5

_running: set[EngineProcess] = set()


@atexit.register
def _end_all() -> None:
    # `multiprocessing` joins its children at exit, and these end only when they are told to.
    for engine in list(_running):
        engine.end_within(0)


class EngineProcess:
    """A child process and the app's end of its pipe.

    A thread of its own starts the process and stays until it ends: Linux tells a child that
    its parent died when the *thread* that started it ends, and only one may reap it.

    Args:
        options: given to the child.
        variables: set in the child's environment.
        on_end: called from the supervising thread once the process has ended.
    """

    def __init__(
        self, options: EngineOptions, variables: Mapping[str, str], on_end: Callable[[], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection
        self.connection, self._child_end = context.Pipe(duplex=True)
        self.started = threading.Event()
        self.ended = threading.Event()
        self.is_ending = False
        self.error: Exception | None = None
        self.exit_code: int | None = None
        self._log = Path(options.log_dir) / LOG_NAME
        self._log_start = self._log_size()
        self._variables = variables
        self._on_end = on_end
        self._lock = threading.Lock()
        # Not daemonic: libraries may start helpers.
        self._process = context.Process(
            target=enter, args=(self._child_end, options), name="studio-engine", daemon=False
        )
        self._thread = threading.Thread(
            target=self._supervise, name="studio-engine-supervisor", daemon=True
        )
        _running.add(self)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process's id; None before it runs and after it ended."""
        if self.ended.is_set() or not self.started.is_set():
            return None
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends. Valid between `started` and `close`."""
        return self._process.sentinel

    def end(self, *, forced: bool) -> None:
        """Ask the system to end the process: SIGTERM, or SIGKILL to it and its helpers."""
        self.is_ending = True
        with self._lock:
            if self.ended.is_set() or self._process.pid is None:
                return
            with contextlib.suppress(OSError):
                if not forced:
                    self._process.terminate()
                elif sys.platform == "win32":
                    self._process.kill()
                else:
                    self._kill_group()
                    self._process.kill()

    def end_within(self, seconds: float) -> None:
        """Wait for the end for some seconds, then terminate, then kill. Blocks."""
        for forced, patience in ((False, seconds), (True, TERMINATE_SECONDS)):
            if self.ended.wait(patience):
                return
            self.started.wait(KILL_SECONDS)
            self.end(forced=forced)
        self.ended.wait(KILL_SECONDS)

    def close(self) -> None:
        """Close the pipe. Only for the thread that reads it, or when none does."""
        self.connection.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(KILL_SECONDS)

    def log_tail(self, limit: int = 4000) -> str:
        """Return the last characters that this process wrote into its log."""
        try:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start if size >= self._log_start else 0, size - limit))
                return file.read(limit).decode("utf-8", "replace")
        except OSError:
            return ""

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _supervise(self) -> None:
        try:
            with environment_set(self._variables):
                self._process.start()
        except Exception as error:
            self.error = error
        finally:
            # Without this the end of the child would not close the pipe.
            self._child_end.close()
            self.started.set()
        if self.error is None:
            self._reap()
        self.ended.set()
        _running.discard(self)
        self._on_end()

    def _reap(self) -> None:
        if sys.platform != "win32" and hasattr(os, "waitid"):
            with contextlib.suppress(OSError):
                # Ended but not yet reaped, its number still names its group of helpers.
                os.waitid(os.P_PID, self._process.pid or 0, os.WEXITED | os.WNOWAIT)
        else:
            self._process.join()
        with self._lock:
            if sys.platform != "win32":
                self._kill_group()
            self._process.join()
            # Starting another child reaps too: its result may be a moment late.
            for _ in range(50):
                self.exit_code = self._process.exitcode
                if self.exit_code is not None:
                    break
                threading.Event().wait(0.01)

    def _kill_group(self) -> None:
        pid = self._process.pid
        if sys.platform != "win32" and pid:
            # The child leads a group only once it has run for a moment.
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
