"""The child process of the engine: receives commands, runs one job at a time, sends events.

There are three threads: a reader, which handles cancellations and the end of the app at any
time, one that sends signs of life, and the main thread, which runs the jobs. torch is imported by
the first command that needs it.
"""

from __future__ import annotations

import errno
import importlib
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from studio.engine.local.environment import (
    EngineOptions,
    continue_on_app_exit,
    exit_immediately,
)
from studio.engine.local.group import Group
from studio.engine.local.job import Job, JobCancelledError
from studio.kinds.coding import pack, unpack_command
from studio.kinds.registry import kind_of, kinds
from studio.protocol import (
    Accepted,
    Alive,
    CancelJob,
    Cancelled,
    Command,
    ConvertModel,
    Described,
    DescribeModel,
    Done,
    EmbedTexts,
    Event,
    Failed,
    ListAlternatives,
    Problem,
    ProblemError,
    Ready,
    RunJob,
    RunTogether,
    Shutdown,
    sentence,
    unexpected,
)

SingleCommand: TypeAlias = RunJob | ConvertModel | DescribeModel | ListAlternatives | EmbedTexts

WAIT_SECONDS = 0.25
"""Idle time after which a job's work for the next one begins."""

IDLE_SECONDS = 2.0
"""Idle time after which freed memory is returned to the system."""

_log = logging.getLogger(__name__)


class Channel:
    """The child's end of the pipe.

    `commands` is the queue of commands to run, each with a cancel event for itself and for each
    of its parts, by job id. None means shutdown. While a command is running, a sign of life is
    sent every `heartbeat` seconds.
    """

    def __init__(self, connection: Connection, heartbeat: float) -> None:
        self.commands: queue.SimpleQueue[tuple[Command, dict[str, threading.Event]] | None] = (
            queue.SimpleQueue()
        )
        self._connection = connection
        self._send_lock = threading.Lock()
        self._cancels: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()
        self._heartbeat = heartbeat
        self._running = ""
        self._is_running = threading.Event()
        for target in (self._read, self._send_heartbeats):
            threading.Thread(target=target, name="engine-channel", daemon=True).start()

    def send(self, event: Event) -> None:
        """Send an event; thread-safe. Exits the process if the app has exited."""
        data = pack(event)
        try:
            with self._send_lock:
                self._connection.send_bytes(data)
        except OSError:
            exit_immediately()

    def begin(self, job: str) -> None:
        """Send signs of life for the command `job` until `finish`."""
        self._running = job
        self._is_running.set()

    def check_idle(self) -> None:
        """Raise `JobCancelledError` if a command waits."""
        if not self.commands.empty():
            raise JobCancelledError

    def finish(self, command: Command) -> None:
        """Drop the cancel events of a finished command."""
        # Nothing reads the pipe between two commands, so it must not fill up.
        self._is_running.clear()
        with self._lock:
            for job in _jobs_of(command):
                self._cancels.pop(job, None)

    def _send_heartbeats(self) -> None:
        continue_on_app_exit()
        while True:
            self._is_running.wait()
            self.send(Alive(self._running))
            time.sleep(self._heartbeat)

    def _read(self) -> None:
        while True:
            try:
                data = self._connection.recv_bytes()
            except (EOFError, OSError):
                exit_immediately()
            try:
                command = unpack_command(data)
            except msgspec.DecodeError:
                _log.exception("Ignoring an invalid command.")
                continue
            with self._lock:
                match command:
                    case CancelJob():
                        for event in self._cancels.get(command.job, ()):
                            event.set()
                    case Shutdown():
                        for events in self._cancels.values():
                            for event in events:
                                event.set()
                        self.commands.put(None)
                    case _:
                        own_events = {job: threading.Event() for job in _jobs_of(command)}
                        self._cancels |= {job: [event] for job, event in own_events.items()}
                        # Cancelling the group cancels all of its parts.
                        self._cancels[command.job] = list(own_events.values())
                        self.commands.put((command, own_events))


def _jobs_of(command: Command) -> list[str]:
    """Return the job ids by which a command can be cancelled."""
    if isinstance(command, Shutdown):
        return []
    parts = command.parts if isinstance(command, RunTogether) else ()
    return [command.job, *(part.job for part in parts)]


def serve(
    connection: Connection,
    options: EngineOptions,
    load: Callable[[str], Any] = importlib.import_module,
) -> None:
    """Run commands until `Shutdown` or until the app exits. `load` imports a module by name."""
    channel = Channel(connection, options.heartbeat)
    engine = Engine(channel.send, options.device, load)
    timeout: float | None = None
    while True:
        try:
            item = channel.commands.get(timeout=timeout)
        except queue.Empty:
            if engine.work_while_idle(channel.check_idle):
                timeout = IDLE_SECONDS
                continue
            # The tuned malloc keeps freed memory, which only pays off while jobs are running.
            importlib.import_module("studio.engine.local.memory").collect()
            timeout = None
            continue
        if item is None:
            return
        command, cancelled = item
        if isinstance(command, CancelJob | Shutdown):
            continue
        channel.begin(command.job)
        if isinstance(command, RunTogether):
            final = engine.execute_together(command, cancelled)
        else:
            final = engine.execute(command, cancelled[command.job])
        channel.finish(command)
        channel.send(final)
        timeout = WAIT_SECONDS if engine.has_idle_work else IDLE_SECONDS


class Engine:
    """Runs commands one at a time and keeps models loaded in between.

    Args:
        send: sends events; thread-safe.
        device: preferred device, empty for the fastest.
        load: imports a module by name; the fake engine substitutes its own modules.
    """

    def __init__(
        self,
        send: Callable[[Event], None],
        device: str = "",
        load: Callable[[str], Any] = importlib.import_module,
    ) -> None:
        self._send = send
        self._preferred_device = device
        self._load = load
        self._importer = Importer(load)
        self._device_and_memory: tuple[Any, Any] | None = None
        self._idle_work: Callable[[Callable[[], None]], None] | None = None

    @property
    def has_idle_work(self) -> bool:
        """Whether the last job left something to do for the next one."""
        return self._idle_work is not None

    def work_while_idle(self, check: Callable[[], None]) -> bool:
        """Do what the last job left to do until `check` raises. Returns whether there was any.

        Never raises: what fails here is done, and reported, by the job that needs it.
        """
        work, self._idle_work = self._idle_work, None
        if work is None:
            return False
        try:
            work(check)
            return True
        except JobCancelledError as error:
            failure: Exception = error
        except Exception as error:
            _log.warning("Preparing for the next job failed.", exc_info=True)
            failure = error
        importlib.import_module("studio.engine.local.memory").release_frames(failure)
        return True

    def execute(
        self,
        command: SingleCommand,
        cancelled: threading.Event,
    ) -> Event:
        """Run one command and return its final event. Never raises."""
        started = time.monotonic()
        work_dir = Path(command.work_dir) if isinstance(command, RunJob) else Path()
        job = Job(command.job, work_dir, self._send, cancelled)
        self._idle_work = None
        self._send(Accepted(command.job))
        final = self._run(command, job)
        if isinstance(final, Done):
            self._idle_work = job.when_idle
            return Done(command.job, {"seconds": time.monotonic() - started} | final.stats)
        return final

    def execute_together(
        self, command: RunTogether, cancelled: Mapping[str, threading.Event]
    ) -> Event:
        """Run the jobs of a group and return the final event of the group. Never raises.

        Jobs that the task did not finish are then run one by one.
        """
        self._idle_work = None
        group = Group(command, self._send, cancelled)
        for job in _jobs_of(command):
            self._send(Accepted(job))
        self._run_group(group)
        remaining = group.active()
        for part in remaining:
            part.end(self._run(part.command, group.single_job(part)))
        return Done(command.job, {"alone": float(len(remaining))})

    def _run_group(self, group: Group) -> None:
        """Run as many jobs of a group together as the task can."""
        try:
            group.job.check()
            package = kind_of(group.parts[0].command.request).task_package
            run = self._import_module(f"{package}.together", group.job).run_together
            device, memory = self._get_device_and_memory(group.job)
            run(group, memory, device)
            return
        except BaseException as error:
            for part in group.active():
                part.end(final_event(error, part.job))
            collector = importlib.import_module("studio.engine.local.memory")
            collector.release_frames(error)
        collector.collect()

    def _run(self, command: SingleCommand, job: Job) -> Done | Failed | Cancelled:
        """Run one command and return its final event."""
        try:
            job.check()
            stats = self._dispatch(command, job)
            job.flush()
            return Done(command.job, stats)
        except BaseException as error:
            final = final_event(error, job)
            memory = importlib.import_module("studio.engine.local.memory")
            memory.release_frames(error)
        # After the handler, so that the error and its frames no longer hold any tensors.
        memory.collect()
        return final

    def _dispatch(self, command: SingleCommand, job: Job) -> dict[str, float]:
        match command:
            case RunJob():
                package = kind_of(command.request).task_package
                run = self._import_module(f"{package}.run", job).run
                device, memory = self._get_device_and_memory(job)
                stats: dict[str, float] = run(job, command, memory, device)
                return stats
            case ConvertModel():
                convert = self._import_function(kinds()[command.task].converter, job)
                convert(job, Path(command.source), Path(command.target))
            case DescribeModel():
                describe = self._import_function(kinds()[command.model.task].describer, job)
                capabilities = describe(command.model)
                self._send(Described(job.id, command.model.id, capabilities))
            case ListAlternatives():
                place = kind_of(command.request).alternatives
                list_alternatives = self._import_function(place, job)
                device, memory = self._get_device_and_memory(job)
                self._send(list_alternatives(job, command, memory, device))
            case EmbedTexts():
                embed = self._import_function(kinds()[command.model.task].embedder, job)
                device, memory = self._get_device_and_memory(job)
                self._send(embed(job, command, memory, device))
        return {}

    def _import_function(self, place: str, job: Job) -> Any:
        """Import a function given as `module:function`."""
        module, _, name = place.partition(":")
        return getattr(self._import_module(module, job), name)

    def _import_module(self, name: str, job: Job) -> Any:
        """Import a module in the background, so that the job can be cancelled meanwhile."""
        if not self._importer.is_imported(name):
            job.loading(sentence("Starting the engine"))
        return self._importer.wait_for(name, job)

    def _get_device_and_memory(self, job: Job) -> tuple[Any, Any]:
        if self._device_and_memory is None:
            devices = self._load("studio.engine.local.devices")
            if devices.needs_torch(self._preferred_device):
                self._importer.wait_for("torch", job)
            memory = self._load("studio.engine.local.memory")
            device = devices.pick_device(self._preferred_device)
            self._device_and_memory = device, memory.MemoryArbiter(device)
            self._send(Ready(device.name, devices.libraries(), devices.memory_of(device)))
            job.check()
        return self._device_and_memory


class Importer:
    """Imports modules one at a time in a background thread.

    Importing torch and related libraries takes seconds and cannot be interrupted. A cancelled
    job stops waiting for the import, which continues for the next job.
    """

    def __init__(self, load: Callable[[str], Any]) -> None:
        self._load = load
        self._changed = threading.Condition()
        self._modules: dict[str, Any] = {}
        self._errors: dict[str, BaseException] = {}
        self._thread: threading.Thread | None = None

    def is_imported(self, name: str) -> bool:
        """Whether the module has been imported."""
        return name in self._modules

    def wait_for(self, name: str, job: Job) -> Any:
        """Return the module. Raises the import's error, or `JobCancelledError`."""
        while name not in self._modules:
            with self._changed:
                if name in self._errors:
                    raise self._errors.pop(name)
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._import, args=(name,), name="engine-import", daemon=True
                    )
                    self._thread.start()
                self._changed.wait(0.05)
            job.check()
        return self._modules[name]

    def _import(self, name: str) -> None:
        try:
            module = self._load(name)
        except BaseException as error:
            with self._changed:
                self._errors[name] = error
        else:
            self._modules[name] = module
        with self._changed:
            self._thread = None
            self._changed.notify_all()


def final_event(error: BaseException, job: Job) -> Failed | Cancelled:
    """Convert an error into the final event of its job."""
    try:
        job.flush()
    except Exception:
        _log.exception("The pending reports of the job could not be sent.")
    if isinstance(error, JobCancelledError) or job.is_cancelled:
        # Libraries turn the interruption into errors of their own.
        return Cancelled(job.id)
    text = "".join(traceback.format_exception(error))
    if isinstance(error, ProblemError):
        problem = error.problem
        return Failed(job.id, msgspec.structs.replace(problem, detail=problem.detail or text))
    _log.error("Job %s failed.\n%s", job.id, text)
    return Failed(job.id, problem_of(error, text))


def problem_of(error: BaseException, detail: str) -> Problem:
    """Return the problem to show for an error that the task did not handle."""
    devices = importlib.import_module("studio.engine.local.devices")
    if devices.is_out_of_memory(error):
        return Problem(
            "out_of_memory",
            sentence(
                "Memory ran out. Close other programs, or choose a smaller model, size or count,"
                " and try again."
            ),
            detail,
        )
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    ):
        return Problem(
            "disk_full",
            sentence("The disk is full. Free some space and try again."),
            detail,
        )
    return unexpected(error)
