"""The app's side of the local engine: sends commands, forwards events, stops the process.

Implements `engine.api.Engine`. Does not import torch.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from pathlib import Path

import msgspec

from studio.engine.api import Abilities, Work
from studio.engine.local.child_process import EngineProcess
from studio.engine.local.command_run import Run
from studio.engine.local.environment import LOG_NAME, EngineOptions, engine_variables
from studio.engine.local.memory_kills import memory_kills, was_killed_for_memory
from studio.engine.local.process_problems import (
    exit_problem,
    invalid_message_problem,
    restarted_problem,
    start_problem,
)
from studio.kinds.coding import pack, unpack_event
from studio.kinds.registry import kinds
from studio.protocol import (
    FINAL_EVENTS,
    Alive,
    CancelJob,
    Cancelled,
    DeviceMemory,
    Done,
    Event,
    Failed,
    FileRef,
    NotResponding,
    Problem,
    Ready,
    Responding,
    Shutdown,
    sentence,
)

CANCEL_SECONDS = 2.0
"""Seconds that a job may take to reach its next interruptible point."""

EXIT_SECONDS = 0.2
"""Seconds that the process may take to exit after its end of the pipe was closed."""

SILENCE_SECONDS = 15.0
"""Seconds without a message after which the engine of a running command is not responding."""

HEARTBEATS_PER_SILENCE = 5
"""Signs of life that the process sends in that time while it works."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Pixels and weights never cross the pipe, so a longer message is invalid."""

_log = logging.getLogger(__name__)


class EngineClient:
    """Keeps one warm engine process and runs one command at a time in it.

    Args:
        log_dir: folder of the engine's log file; created when needed.
        fake: name of a script of the fake engine; empty for the real one, unless the variable
            `STUDIO_FAKE_ENGINE` names a script.
        device: preferred device, empty for the fastest.
        threads: threads to compute with, 0 for one per physical core.
        tuned: False leaves out the performance tuning (for benchmarks).
        extra_environment: additional variables for the engine process; they take precedence.
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
        self._memory_kills: int | None = None
        self._engine: EngineProcess | None = None
        self._memory: DeviceMemory | None = None
        self._runs: list[Run] = []
        self._active: Run | None = None
        self._closed = False
        self._wake_reader, self._wake_writer = multiprocessing.get_context("spawn").Pipe(
            duplex=False
        )

    @property
    def name(self) -> str:
        """The unique name of this engine."""
        return "local"

    @property
    def abilities(self) -> Abilities:
        """All kinds of work and the model formats that they load."""
        formats = frozenset(name for kind in kinds().values() for name in kind.formats)
        return Abilities(frozenset(kinds()), formats)

    @property
    def memory(self) -> DeviceMemory | None:
        """The device that the engine computes on; None until its process has reported it."""
        return self._memory

    @property
    def pid(self) -> int | None:
        """The id of the engine process, None if it is not running."""
        engine = self._engine
        return engine.pid if engine is not None else None

    @property
    def log_file(self) -> Path:
        """The log file of the engine and its libraries."""
        return self._log_dir / LOG_NAME

    def start(self) -> None:
        """Start the engine if it is not running. Returns at once. Reopens a stopped client."""
        with self._changed:
            self._closed = False
            if self._active is None:
                self._get_or_start_process()

    def run(self, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run one command, block until its final event and return that event.

        `on_event` is called in this thread with every event, including the final one. The engine
        is started or restarted when needed. Commands from several threads run one at a time.
        Between `stop` and `start`, every command ends with `Cancelled`. With `RunTogether`,
        every part has its own final event before that of the group.

        Raises:
            ValueError: for commands that have their own methods (`cancel`, `stop`).
            BaseException: raised by `on_event`; the job is cancelled first.
        """
        if isinstance(command, CancelJob | Shutdown):
            raise ValueError("Use cancel() and stop().")
        run = Run(command)
        event: Event = Cancelled(run.job)
        try:
            if self._wait_for_turn(run):
                event = self._execute(run, command, on_event)
        finally:
            with self._changed:
                run.finished = True
                self._runs.remove(run)
                if self._active is run:
                    self._active = None
                self._changed.notify_all()
            run.done.set()
            for done in run.open_parts.values():
                done.set()
            for thread in run.threads:
                thread.join()
        for part in list(run.open_parts):
            on_event(self._final_event_of_part(run, part, event))
        on_event(event)
        return event

    def cancel(self, job: str) -> None:
        """Cancel a running or waiting job. Returns at once; thread-safe.

        The job has two seconds to stop; then the engine process is terminated, or at once if it
        does not respond. Unknown and finished jobs are ignored. A part of a group is cancelled
        alone, unless the process had to be terminated.
        """
        with self._changed:
            for run in self._runs:
                if run.job == job:
                    self._request_cancel(run)
                elif job in run.open_parts and job not in run.cancelled_parts and not run.finished:
                    run.cancelled_parts.append(job)
                    if run is self._active:
                        self._wake()
                        self._start_timeout(run, run.open_parts[job])

    def restart(self) -> None:
        """End the process at once, also a stopped one; see `Engine.restart`."""
        with self._changed:
            engine, run = self._engine, self._active
            if engine is None:
                return
            engine.is_stopping = True
            if run is not None and run.engine is engine:
                run.restarted = True
        engine.started.wait()
        engine.terminate(forced=True)

    def stop(self) -> None:
        """Stop the engine and any running job. Blocks for at most three seconds."""
        with self._changed:
            self._closed = True
            engine, self._engine = self._engine, None
            active = self._active
            for run in self._runs:
                self._request_cancel(run)
        called_from_callback = active is not None and active.thread is threading.current_thread()
        if active is not None and not called_from_callback:
            # Until then, only the thread of the running command may use the pipe.
            active.done.wait()
        if engine is None:
            return
        engine.started.wait()
        with contextlib.suppress(OSError, ValueError):
            engine.connection.send_bytes(pack(Shutdown()))
        engine.stop_within(CANCEL_SECONDS)
        if not called_from_callback:
            engine.close()

    def path_of(self, file: FileRef, work_dir: Path) -> Path:
        """Return the path of a job's output file, which is in the job's work folder."""
        return work_dir / Path(file.name).name

    # ---- running a command

    def _wait_for_turn(self, run: Run) -> bool:
        """Wait until no other command runs. Returns False if cancelled or stopped meanwhile."""
        with self._changed:
            self._runs.append(run)
            self._changed.wait_for(
                lambda: not self._active or run.cancelled.is_set() or self._closed
            )
            if run.cancelled.is_set() or self._closed:
                return False
            self._active = run
            for part in run.cancelled_parts:
                self._start_timeout(run, run.open_parts[part])
            return True

    def _execute(self, run: Run, command: Work, on_event: Callable[[Event], None]) -> Event:
        """Run a command and return its final event, without passing that to `on_event`."""
        while True:
            with self._changed:
                if run.cancelled.is_set():
                    return Cancelled(run.job)
                engine, new = self._get_or_start_process()
                run.engine = engine
            engine.started.wait()
            if engine.error is not None:
                return Failed(run.job, start_problem(engine))
            try:
                self._start_sending(run, engine, pack(command))
                event = self._forward_events(run, engine, on_event)
            except BaseException:
                # Raised by `on_event`, or Ctrl+C: the engine must be free for the next job.
                self._cancel_and_drain(run, engine)
                raise
            if event is not None:
                return event
            engine.stop_within(EXIT_SECONDS)
            if run.cancelled.is_set():
                return Cancelled(run.job)
            if run.restarted:
                return Failed(run.job, restarted_problem())
            if run.accepted or new:
                problem = exit_problem(engine, self.log_file)
                return Failed(
                    run.job,
                    problem,
                    was_killed=was_killed_for_memory(engine.exit_code, self._memory_kills),
                )
            # The process had already exited while idle: retry with a new one.

    def _start_sending(self, run: Run, engine: EngineProcess, data: bytes) -> None:
        """Send a command in a thread: a stopped process does not empty the pipe."""
        run.is_sent = False

        def send() -> None:
            # A broken pipe is handled when reading from it.
            with contextlib.suppress(OSError):
                engine.connection.send_bytes(data)
            run.is_sent = True
            self._wake()

        thread = threading.Thread(target=send, name="studio-engine-send", daemon=True)
        run.threads.append(thread)
        thread.start()

    def _forward_events(
        self, run: Run, engine: EngineProcess, on_event: Callable[[Event], None]
    ) -> Event | None:
        """Forward events until the final one, which is returned; None if the process exited."""
        sent: set[str] = set()
        heard = time.monotonic()
        while not run.terminated.is_set():
            for job in [*run.cancelled_parts, *([run.job] if run.cancelled.is_set() else [])]:
                if job not in sent and run.is_sent:
                    sent.add(job)
                    with contextlib.suppress(OSError):
                        engine.connection.send_bytes(pack(CancelJob(job)))
            silence = (
                None if run.is_silent else max(0.0, heard + SILENCE_SECONDS - time.monotonic())
            )
            ready = wait([engine.connection, engine.sentinel, self._wake_reader], silence)
            if not ready:
                run.is_silent = True
                on_event(NotResponding(run.reporting_job, SILENCE_SECONDS))
            while self._wake_reader.poll():
                self._wake_reader.recv_bytes()
            if engine.connection in ready:
                try:
                    event = unpack_event(engine.connection.recv_bytes(MAX_MESSAGE_BYTES))
                except EOFError:
                    return None
                except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                    if isinstance(error, OSError) and error.errno is not None:
                        return None
                    engine.terminate(forced=True)
                    return Failed(run.job, invalid_message_problem(error))
                if run.is_silent:
                    run.is_silent = False
                    on_event(Responding(run.reporting_job))
                heard = time.monotonic()
                if isinstance(event, Alive):
                    continue
                if isinstance(event, Ready):
                    self._memory = event.memory
                elif event.job == run.job:
                    run.accepted = True
                    if isinstance(event, FINAL_EVENTS):
                        return event
                elif isinstance(event, FINAL_EVENTS):
                    with self._changed:
                        if not run.end_part(event.job):
                            continue
                elif event.job not in run.open_parts:
                    continue
                on_event(event)
                # Not the time that `on_event` took.
                heard = time.monotonic()
            elif engine.sentinel in ready or engine.ended.is_set():
                return None
        return Cancelled(run.job)

    def _cancel_and_drain(self, run: Run, engine: EngineProcess) -> None:
        with self._changed:
            self._request_cancel(run)
        try:
            if self._forward_events(run, engine, lambda _: None) is None:
                engine.terminate(forced=True)
        except BaseException:
            engine.terminate(forced=True)
            raise

    def _request_cancel(self, run: Run) -> None:
        """Mark a run as cancelled and start its timeout. Call with `_changed` held."""
        if run.cancelled.is_set() or run.finished:
            return
        run.cancelled.set()
        self._changed.notify_all()
        if run is self._active:
            self._wake()
            self._start_timeout(run, run.done)

    def _start_timeout(self, run: Run, done: threading.Event) -> None:
        """Terminate the process unless `done` is set in time. Call with `_changed` held."""
        thread = threading.Thread(
            target=self._terminate_after, args=(run, done), name="studio-engine-cancel", daemon=True
        )
        run.threads.append(thread)
        thread.start()

    def _terminate_after(self, run: Run, done: threading.Event) -> None:
        if done.wait(0 if run.is_silent else CANCEL_SECONDS):
            return
        with self._changed:
            engine = run.engine
            if run.finished or done.is_set():
                return
            if engine is not None:
                # No other job may use this process any more.
                engine.is_stopping = True
        if engine is not None:
            if run.is_silent:
                engine.terminate(forced=True)
            else:
                _log.warning("The engine did not stop in time and is terminated.")
            engine.stop_within(0)
        run.terminated.set()
        self._wake()

    def _wake(self) -> None:
        """Wake the thread that is waiting for events."""
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    def _get_or_start_process(self) -> tuple[EngineProcess, bool]:
        """Return a running process, and whether it is new. Call with `_changed` held."""
        engine = self._engine
        if engine is not None and not (engine.ended.is_set() or engine.is_stopping):
            return engine, False
        if engine is not None:
            engine.close()
        heartbeat = SILENCE_SECONDS / HEARTBEATS_PER_SILENCE
        options = EngineOptions(
            str(self._log_dir), os.getpid(), self._device, self._fake, heartbeat
        )
        variables = engine_variables(threads=self._threads, tuned=self._tuned) | self._extra
        self._memory_kills = memory_kills()
        self._engine = EngineProcess(options, variables, self._wake)
        return self._engine, True

    # ---- problems when the engine fails

    def _final_event_of_part(self, run: Run, part: str, whole: Event) -> Event:
        """Return the final event of a part that the engine did not report as ended."""
        if run.cancelled.is_set() or part in run.cancelled_parts or self._closed:
            return Cancelled(part)
        if isinstance(whole, Failed):
            return Failed(part, whole.problem, whole.was_killed)
        if isinstance(whole, Done):
            return Done(part)
        message = sentence("The engine had to be stopped because of another job. Try again.")
        return Failed(part, Problem("engine_crashed", message))
