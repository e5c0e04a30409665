"""The app's side of the engine: hands over a command, passes its events on, ends it.

Nothing here imports torch. It is an `engine.api.Engine`.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from pathlib import Path

import msgspec

from studio.engine.api import Abilities, Work
from studio.engine.local.child_process import EngineProcess
from studio.engine.local.environment import LOG_NAME, EngineOptions, engine_variables
from studio.kinds.coding import pack, unpack_event
from studio.kinds.registry import kinds
from studio.protocol import (
    FINAL_EVENTS,
    CancelJob,
    Cancelled,
    DeviceMemory,
    Done,
    Event,
    Failed,
    FileRef,
    Problem,
    Ready,
    RunTogether,
    Shutdown,
    sentence,
)

CANCEL_SECONDS = 2.0
"""How long a job may take to reach its next interruptible point."""

EXIT_SECONDS = 0.2
"""Seconds between the end of the pipe and the end of the process, if it ends by itself."""

LONGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes. Pixels and weights never cross the pipe; a longer message is garbage."""

_log = logging.getLogger(__name__)


class _Run:
    """One call of `EngineClient.run`, as other threads see it."""

    def __init__(self, command: Work) -> None:
        self.job = command.job
        parts = command.parts if isinstance(command, RunTogether) else ()
        self.left = {part.job: threading.Event() for part in parts}
        """Parts that have not ended, each with the event that is set at its end."""
        self.cancelled_parts: list[str] = []
        """Parts that were cancelled, in order."""
        self.thread = threading.current_thread()
        self.engine: EngineProcess | None = None
        self.accepted = False
        self.cancelled = threading.Event()
        self.terminated = threading.Event()
        self.finished = False
        self.over = threading.Event()
        self.limits: list[threading.Thread] = []

    def ended(self, part: str) -> bool:
        """Note that a part has ended. Returns whether it had not before."""
        over = self.left.pop(part, None)
        if over is not None:
            over.set()
        return over is not None


class EngineClient:
    """Keeps one warm engine process and runs one command at a time in it.

    Args:
        log_dir: folder of the engine's log file; made when needed.
        fake: name of a script of the fake engine; empty for the real one, unless the variable
            `STUDIO_FAKE_ENGINE` names a script.
        device: preferred device, empty for the quickest.
        threads: threads to compute with, 0 for one a physical core.
        tuned: False leaves out the variables that are there for speed (for benchmarks).
        extra_environment: more variables for the engine's process; they win.
    """

    def __init__(
        self,
        *,
        log_dir: Path,
        fake: str = "",
        device: str = "",
        threads: int = 0,
        tuned: bool = True,
        extra_environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log_dir = log_dir
        self._fake = fake or os.environ.get("STUDIO_FAKE_ENGINE", "")
        self._device = device
        self._threads = threads
        self._tuned = tuned
        self._extra = dict(extra_environment or {})
        # Guards everything below.
        self._changed = threading.Condition()
        self._engine: EngineProcess | None = None
        self._memory: DeviceMemory | None = None
        self._runs: list[_Run] = []
        self._active: _Run | None = None
        self._closed = False
        self._wake_reader, self._wake_writer = multiprocessing.get_context("spawn").Pipe(
            duplex=False
        )

    @property
    def name(self) -> str:
        """What tells it from other engines."""
        return "local"

    @property
    def abilities(self) -> Abilities:
        """Every kind of work, and the models that each of them loads."""
        formats = frozenset(name for kind in kinds().values() for name in kind.formats)
        return Abilities(frozenset(kinds()), formats)

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that the engine computes on; None until its process has told."""
        return self._memory

    @property
    def pid(self) -> int | None:
        """The engine's process id, None while there is none."""
        engine = self._engine
        return engine.pid if engine is not None else None

    @property
    def log_file(self) -> Path:
        """Where the engine writes what its libraries say."""
        return self._log_dir / LOG_NAME

    def start(self) -> None:
        """Start the engine if it does not run. Returns at once. Opens a stopped client again."""
        with self._changed:
            self._closed = False
            if self._active is None:
                self._usable_engine()

    def run(self, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run one command; block until its final event, which is returned.

        `on_event` is called in this thread with every event, the final one included. The
        engine is started, or started again, when needed. Commands of several threads take
        turns. After `stop`, and until `start`, every command is `Cancelled`. Of `RunTogether`
        every part has a final event too, before that of the whole.

        Raises:
            ValueError: the command is none that is run (see `cancel` and `stop`).
            BaseException: what `on_event` raised; the job is cancelled first.
        """
        if isinstance(command, CancelJob | Shutdown):
            raise ValueError("Use cancel() and stop().")
        run = _Run(command)
        event: Event = Cancelled(run.job)
        try:
            if self._take_turn(run):
                event = self._drive(run, command, on_event)
        finally:
            with self._changed:
                run.finished = True
                self._runs.remove(run)
                if self._active is run:
                    self._active = None
                self._changed.notify_all()
            run.over.set()
            for over in run.left.values():
                over.set()
            for limit in run.limits:
                limit.join()
        for part in list(run.left):
            on_event(self._end_of(run, part, event))
        on_event(event)
        return event

    def cancel(self, job: str) -> None:
        """Cancel a job that runs or waits for its turn. Returns at once, from any thread.

        The job has two seconds to stop by itself; then its process is ended. A job that is
        not known (any more) is left alone. Of those that run together it ends alone, unless
        its process had to be ended.
        """
        with self._changed:
            for run in self._runs:
                if run.job == job:
                    self._request_end(run)
                elif job in run.left and job not in run.cancelled_parts and not run.finished:
                    run.cancelled_parts.append(job)
                    if run is self._active:
                        self._wake()
                        self._limit_time(run, run.left[job])

    def stop(self) -> None:
        """End the engine, and a running job with it. Blocks for three seconds at most."""
        with self._changed:
            self._closed = True
            engine, self._engine = self._engine, None
            active = self._active
            for run in self._runs:
                self._request_end(run)
        here = active is not None and active.thread is threading.current_thread()
        if active is not None and not here:
            # Until it is over, its thread alone uses the pipe.
            active.over.wait()
        if engine is None:
            return
        engine.started.wait()
        with contextlib.suppress(OSError, ValueError):
            engine.connection.send_bytes(pack(Shutdown()))
        engine.end_within(CANCEL_SECONDS)
        if not here:
            engine.close()

    def path_of(self, file: FileRef, work_dir: Path) -> Path:
        """Return where a file that a job announced lies: in the job's work folder."""
        return work_dir / Path(file.name).name

    # ---- one run

    def _take_turn(self, run: _Run) -> bool:
        """Wait until nothing else runs. False when the run is cancelled, or all is stopped."""
        with self._changed:
            self._runs.append(run)
            self._changed.wait_for(
                lambda: not self._active or run.cancelled.is_set() or self._closed
            )
            if run.cancelled.is_set() or self._closed:
                return False
            self._active = run
            for part in run.cancelled_parts:
                self._limit_time(run, run.left[part])
            return True

    def _drive(self, run: _Run, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run a command whose turn it is. Returns its final event, which is not yet reported."""
        while True:
            with self._changed:
                if run.cancelled.is_set():
                    return Cancelled(run.job)
                engine, new = self._usable_engine()
                run.engine = engine
            engine.started.wait()
            if engine.error is not None:
                return Failed(run.job, self._not_started(engine))
            try:
                with contextlib.suppress(OSError):
                    # When it is broken, listening will tell.
                    engine.connection.send_bytes(pack(command))
                event = self._listen(run, engine, on_event)
            except BaseException:
                # What `on_event` raised, or Ctrl+C: the engine must be free for the next job.
                self._cancel_and_drain(run, engine)
                raise
            if event is not None:
                return event
            engine.end_within(EXIT_SECONDS)
            if run.cancelled.is_set():
                return Cancelled(run.job)
            if run.accepted or new:
                return Failed(run.job, self._ended(engine))
            # It had exited while it was idle: the job is not to blame and gets a new one.

    def _listen(
        self, run: _Run, engine: EngineProcess, on_event: Callable[[Event], None]
    ) -> Event | None:
        """Pass events on until the final one, which is returned; None if the engine ended."""
        asked: set[str] = set()
        while not run.terminated.is_set():
            for job in [*run.cancelled_parts, *([run.job] if run.cancelled.is_set() else [])]:
                if job not in asked:
                    asked.add(job)
                    with contextlib.suppress(OSError):
                        engine.connection.send_bytes(pack(CancelJob(job)))
            ready = wait([engine.connection, engine.sentinel, self._wake_reader])
            while self._wake_reader.poll():
                self._wake_reader.recv_bytes()
            if engine.connection in ready:
                try:
                    event = unpack_event(engine.connection.recv_bytes(LONGEST_MESSAGE))
                except EOFError:
                    return None
                except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                    if isinstance(error, OSError) and error.errno is not None:
                        return None
                    engine.end(forced=True)
                    return Failed(run.job, self._garbage(error))
                if isinstance(event, Ready):
                    self._memory = event.memory
                elif event.job == run.job:
                    run.accepted = True
                    if isinstance(event, FINAL_EVENTS):
                        return event
                elif isinstance(event, FINAL_EVENTS):
                    with self._changed:
                        if not run.ended(event.job):
                            continue
                elif event.job not in run.left:
                    continue
                on_event(event)
            elif engine.sentinel in ready or engine.ended.is_set():
                return None
        return Cancelled(run.job)

    def _cancel_and_drain(self, run: _Run, engine: EngineProcess) -> None:
        with self._changed:
            self._request_end(run)
        try:
            if self._listen(run, engine, lambda _: None) is None:
                engine.end(forced=True)
        except BaseException:
            engine.end(forced=True)
            raise

    def _request_end(self, run: _Run) -> None:
        """Mark a run as cancelled and see to it that it ends. Call with `_changed` held."""
        if run.cancelled.is_set() or run.finished:
            return
        run.cancelled.set()
        self._changed.notify_all()
        if run is self._active:
            self._wake()
            self._limit_time(run, run.over)

    def _limit_time(self, run: _Run, over: threading.Event) -> None:
        """End the process unless `over` is set in time. Call with `_changed` held."""
        limit = threading.Thread(
            target=self._terminate_after, args=(run, over), name="studio-engine-cancel", daemon=True
        )
        run.limits.append(limit)
        limit.start()

    def _terminate_after(self, run: _Run, over: threading.Event) -> None:
        if over.wait(CANCEL_SECONDS):
            return
        with self._changed:
            engine = run.engine
            if run.finished or over.is_set():
                return
            if engine is not None:
                # From here on no other job gets it.
                engine.is_ending = True
        if engine is not None:
            _log.warning("The engine did not stop by itself and is ended.")
            engine.end_within(0)
        run.terminated.set()
        self._wake()

    def _wake(self) -> None:
        """Wake the thread that waits for events."""
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    def _usable_engine(self) -> tuple[EngineProcess, bool]:
        """Return an engine, and whether it is new. Call with `_changed` held."""
        engine = self._engine
        if engine is not None and not (engine.ended.is_set() or engine.is_ending):
            return engine, False
        if engine is not None:
            engine.close()
        options = EngineOptions(str(self._log_dir), os.getpid(), self._device, self._fake)
        variables = engine_variables(threads=self._threads, tuned=self._tuned) | self._extra
        self._engine = EngineProcess(options, variables, self._wake)
        return self._engine, True

    # ---- what is said when the engine fails

    def _end_of(self, run: _Run, part: str, whole: Event) -> Event:
        """Return how a part ended that has no final event of its own."""
        if run.cancelled.is_set() or part in run.cancelled_parts or self._closed:
            return Cancelled(part)
        if isinstance(whole, Failed):
            return Failed(part, whole.problem)
        if isinstance(whole, Done):
            return Done(part)
        message = sentence("The engine had to be stopped because of another job. Try again.")
        return Failed(part, Problem("engine_crashed", message))

    def _not_started(self, engine: EngineProcess) -> Problem:
        return Problem(
            "engine_crashed",
            sentence(
                "The engine could not be started: {error}. Close other programs and try again.",
                error=engine.error,
            ),
            repr(engine.error),
        )

    def _garbage(self, error: Exception) -> Problem:
        return Problem(
            "bug",
            sentence(
                "The engine sent an invalid message and was stopped. It restarts with the next"
                " job. Please report this with the details."
            ),
            repr(error),
        )

    def _ended(self, engine: EngineProcess) -> Problem:
        code = engine.exit_code
        detail = f"exit status {code}\n{engine.log_tail()}"
        if code == -9:
            message = sentence(
                "The engine was stopped by the system, probably because it ran out of memory."
                " Close other programs or choose a smaller model or size, then try again."
            )
        elif code is not None and code < 0:
            message = sentence(
                "The engine crashed ({reason}). It restarts with the next job. Details are in"
                " {path}.",
                reason=_signal_name(-code),
                path=self.log_file,
            )
        else:
            message = sentence(
                "The engine exited unexpectedly. It restarts with the next job. Details are in"
                " {path}.",
                path=self.log_file,
            )
        return Problem("engine_crashed", message, detail)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
