"""The app's handle on one engine process: start, supervise, stop, leave no orphans."""

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

from studio.engine.local.environment import (
    LOG_NAME,
    EngineOptions,
    child_main,
    temporary_environment,
)
from studio.formats.untrusted_files import open_regular

TERMINATE_SECONDS = 0.4
KILL_SECONDS = 0.5

_running: set[EngineProcess] = set()


@atexit.register
def _stop_all() -> None:
    # `multiprocessing` joins its children at exit, so they must be stopped first.
    for engine in list(_running):
        engine.stop_within(0)


class EngineProcess:
    """A child process and the app's end of its pipe.

    A dedicated thread starts the process and lives until the process ends: Linux sends the
    parent-death signal when the *thread* that started the child ends, and only one thread may
    reap it.

    Args:
        options: passed to the child.
        variables: the child's additional environment variables.
        on_exit: called from the supervising thread once the process has ended.
    """

    def __init__(
        self, options: EngineOptions, variables: Mapping[str, str], on_exit: Callable[[], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection
        self.connection, self._child_end = context.Pipe(duplex=True)
        self.started = threading.Event()
        self.ended = threading.Event()
        self.is_stopping = False
        self.error: Exception | None = None
        self.exit_code: int | None = None
        self._log = Path(options.log_dir) / LOG_NAME
        self._log_start = self._log_size()
        self._variables = variables
        self._on_exit = on_exit
        self._lock = threading.Lock()
        # Not daemonic: libraries may start helper processes.
        self._process = context.Process(
            target=child_main, args=(self._child_end, options), name="studio-engine", daemon=False
        )
        self._thread = threading.Thread(
            target=self._supervise, name="studio-engine-supervisor", daemon=True
        )
        _running.add(self)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process id; None before the start and after the end."""
        if self.ended.is_set() or not self.started.is_set():
            return None
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """A handle that becomes ready when the process ends. Valid from `started` to `close`."""
        return self._process.sentinel

    def terminate(self, *, forced: bool) -> None:
        """Send SIGTERM, or if `forced` SIGKILL to the process and its helpers."""
        self.is_stopping = True
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

    def stop_within(self, seconds: float) -> None:
        """Wait up to `seconds` for the process to exit, then terminate it, then kill it. Blocks."""
        for forced, patience in ((False, seconds), (True, TERMINATE_SECONDS)):
            if self.ended.wait(patience):
                return
            self.started.wait(KILL_SECONDS)
            self.terminate(forced=forced)
        self.ended.wait(KILL_SECONDS)

    def close(self) -> None:
        """Close the pipe. Must be called by the thread that reads it, if there is one."""
        self.connection.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(KILL_SECONDS)

    def log_tail(self, limit: int = 4000) -> str:
        """Return the last `limit` bytes that this process wrote to the log, as text."""
        try:
            with open_regular(self._log) as file:
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
            with temporary_environment(self._variables):
                self._process.start()
        except Exception as error:
            self.error = error
        finally:
            # Otherwise the pipe would stay open after the child has exited.
            self._child_end.close()
            self.started.set()
        if self.error is None:
            self._reap()
        self.ended.set()
        _running.discard(self)
        self._on_exit()

    def _reap(self) -> None:
        if sys.platform != "win32" and hasattr(os, "waitid"):
            with contextlib.suppress(OSError):
                # Until it is reaped, its process id still identifies the group of helpers.
                os.waitid(os.P_PID, self._process.pid or 0, os.WEXITED | os.WNOWAIT)
        else:
            self._process.join()
        with self._lock:
            if sys.platform != "win32":
                self._kill_group()
            self._process.join()
            # Starting another child also reaps, so the exit code may arrive slightly later.
            for _ in range(50):
                self.exit_code = self._process.exitcode
                if self.exit_code is not None:
                    break
                threading.Event().wait(0.01)

    def _kill_group(self) -> None:
        pid = self._process.pid
        if sys.platform != "win32" and pid:
            # Fails if the child has not created its process group yet.
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
