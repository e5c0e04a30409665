"""The engine's process: takes commands, runs one job at a time, reports events.

Two threads: a reader, which notes cancellations and the end of the app at any moment, and the
main thread, which runs the jobs. torch is imported with the first command that needs it.
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
from typing import Any

import msgspec

from studio.engine.local.environment import EngineOptions, end_now
from studio.engine.local.group import Group
from studio.engine.local.job import Job, JobCancelled
from studio.kinds.coding import pack, unpack_command
from studio.kinds.registry import kind_of, kinds
from studio.protocol import (
    Accepted,
    CancelJob,
    Cancelled,
    Command,
    ConvertModel,
    Described,
    DescribeModel,
    Done,
    Event,
    Failed,
    Problem,
    ProblemError,
    Ready,
    RunJob,
    RunTogether,
    Shutdown,
    sentence,
    unexpected,
)

IDLE_SECONDS = 2.0
"""After so long without a command, freed memory is given back to the system."""

_log = logging.getLogger(__name__)


class Channel:
    """The child's end of the pipe.

    `commands` holds what is to be run, each with the events that cancel it and its parts, by
    their ids, and None for the end.
    """

    def __init__(self, connection: Connection) -> None:
        self.commands: queue.SimpleQueue[tuple[Command, dict[str, threading.Event]] | None] = (
            queue.SimpleQueue()
        )
        self._connection = connection
        self._sending = threading.Lock()
        self._cancels: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="engine-reader", daemon=True).start()

    def send(self, event: Event) -> None:
        """Send an event; from any thread. Ends the process when the app has exited."""
        data = pack(event)
        try:
            with self._sending:
                self._connection.send_bytes(data)
        except OSError:
            end_now()

    def forget(self, command: Command) -> None:
        """Note that a command is over: a late cancellation must not reach a later one."""
        with self._lock:
            for job in _jobs_of(command):
                self._cancels.pop(job, None)

    def _read(self) -> None:
        while True:
            try:
                data = self._connection.recv_bytes()
            except (EOFError, OSError):
                end_now()
            try:
                command = unpack_command(data)
            except msgspec.DecodeError:
                _log.exception("A command cannot be understood.")
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
                        own = {job: threading.Event() for job in _jobs_of(command)}
                        self._cancels |= {job: [event] for job, event in own.items()}
                        # Who cancels the whole cancels its parts.
                        self._cancels[command.job] = list(own.values())
                        self.commands.put((command, own))


def _jobs_of(command: Command) -> list[str]:
    """Return the ids that a command can be cancelled by."""
    if isinstance(command, Shutdown):
        return []
    parts = command.parts if isinstance(command, RunTogether) else ()
    return [command.job, *(part.job for part in parts)]


def serve(
    connection: Connection,
    options: EngineOptions,
    load: Callable[[str], Any] = importlib.import_module,
) -> None:
    """Run commands until `Shutdown`, or until the app exits. `load` imports modules."""
    channel = Channel(connection)
    engine = Engine(channel.send, options.device, load)
    worked = False
    while True:
        try:
            item = channel.commands.get(timeout=IDLE_SECONDS if worked else None)
        except queue.Empty:
            # The tuned malloc keeps what jobs have freed, which is quick for the next one only.
            importlib.import_module("studio.engine.local.memory").collect()
            worked = False
            continue
        if item is None:
            return
        worked = True
        command, cancelled = item
        if isinstance(command, CancelJob | Shutdown):
            continue
        if isinstance(command, RunTogether):
            final = engine.execute_together(command, cancelled)
        else:
            final = engine.execute(command, cancelled[command.job])
        channel.forget(command)
        channel.send(final)


class Engine:
    """Runs commands one after another; keeps models loaded in between.

    Args:
        send: takes events; safe to call from any thread.
        device: preferred device, empty for the quickest.
        load: imports a module by name; the fake gives modules of its own.
    """

    def __init__(
        self,
        send: Callable[[Event], None],
        device: str = "",
        load: Callable[[str], Any] = importlib.import_module,
    ) -> None:
        self._send = send
        self._preferred = device
        self._load = load
        self._importer = Importer(load)
        self._tools: tuple[Any, Any] | None = None

    def execute(
        self,
        command: RunJob | ConvertModel | DescribeModel,
        cancelled: threading.Event,
    ) -> Event:
        """Run one command and return its final event. Raises nothing."""
        started = time.monotonic()
        work_dir = Path(command.work_dir) if isinstance(command, RunJob) else Path()
        job = Job(command.job, work_dir, self._send, cancelled)
        self._send(Accepted(command.job))
        final = self._run(command, job)
        if isinstance(final, Done):
            return Done(command.job, {"seconds": time.monotonic() - started} | final.stats)
        return final

    def execute_together(
        self, command: RunTogether, cancelled: Mapping[str, threading.Event]
    ) -> Event:
        """Run the jobs of a group and return the final event of the whole. Raises nothing.

        What the task leaves undone is run one by one.
        """
        group = Group(command, self._send, cancelled)
        for job in _jobs_of(command):
            self._send(Accepted(job))
        self._share(group)
        alone = group.active()
        for part in alone:
            part.end(self._run(part.command, group.alone(part)))
        return Done(command.job, {"alone": float(len(alone))})

    def _share(self, group: Group) -> None:
        """Have the task run as much of a group together as it can."""
        try:
            group.job.check()
            package = kind_of(group.parts[0].command.request).task_package
            run = self._module(f"{package}.together", group.job).run_together
            device, memory = self._ready(group.job)
            run(group, memory, device)
            return
        except BaseException as error:
            for part in group.active():
                part.end(final_event(error, part.job))
            collector = importlib.import_module("studio.engine.local.memory")
            collector.release_frames(error)
        collector.collect()

    def _run(
        self, command: RunJob | ConvertModel | DescribeModel, job: Job
    ) -> Done | Failed | Cancelled:
        """Run one command. Returns how it ended."""
        try:
            job.check()
            stats = self._dispatch(command, job)
            job.flush()
            return Done(command.job, stats)
        except BaseException as error:
            final = final_event(error, job)
            memory = importlib.import_module("studio.engine.local.memory")
            memory.release_frames(error)
        # Only here is the error gone, and with it what its frames held.
        memory.collect()
        return final

    def _dispatch(
        self, command: RunJob | ConvertModel | DescribeModel, job: Job
    ) -> dict[str, float]:
        match command:
            case RunJob():
                package = kind_of(command.request).task_package
                run = self._module(f"{package}.run", job).run
                device, memory = self._ready(job)
                stats: dict[str, float] = run(job, command, memory, device)
                return stats
            case ConvertModel():
                convert = self._function(kinds()[command.task].converter, job)
                convert(job, Path(command.source), Path(command.target))
            case DescribeModel():
                describe = self._function(kinds()[command.model.task].describer, job)
                capabilities = describe(command.model)
                self._send(Described(job.id, command.model.id, capabilities))
        return {}

    def _function(self, place: str, job: Job) -> Any:
        """Import what a kind names as `module:function`."""
        module, _, name = place.partition(":")
        return getattr(self._module(module, job), name)

    def _module(self, name: str, job: Job) -> Any:
        """Import a module in the background, so that a job can be cancelled meanwhile."""
        if not self._importer.has(name):
            job.loading(sentence("Starting the engine"))
        return self._importer.wait_for(name, job)

    def _ready(self, job: Job) -> tuple[Any, Any]:
        if self._tools is None:
            self._importer.wait_for("torch", job)
            devices = self._load("studio.engine.local.devices")
            memory = self._load("studio.engine.local.memory")
            device = devices.pick_device(self._preferred)
            self._tools = device, memory.MemoryArbiter(device)
            self._send(Ready(device.name, devices.libraries(), devices.memory_of(device)))
            job.check()
        return self._tools


class Importer:
    """Imports modules one after another in a thread of its own.

    Importing torch and its friends takes seconds and cannot be interrupted. A cancelled job
    does not wait for it, and the next job finds it done.
    """

    def __init__(self, load: Callable[[str], Any]) -> None:
        self._load = load
        self._changed = threading.Condition()
        self._modules: dict[str, Any] = {}
        self._errors: dict[str, BaseException] = {}
        self._thread: threading.Thread | None = None

    def has(self, name: str) -> bool:
        """Whether the module has been imported."""
        return name in self._modules

    def wait_for(self, name: str, job: Job) -> Any:
        """Return the module. Raises what importing it raised, or `JobCancelled`."""
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
    """Return the event that ends a job with an error. The error itself does not leave."""
    try:
        job.flush()
    except Exception:
        _log.exception("What the job held back cannot be sent.")
    if isinstance(error, JobCancelled) or job.is_cancelled:
        # Libraries answer an interruption with errors of their own.
        return Cancelled(job.id)
    text = "".join(traceback.format_exception(error))
    if isinstance(error, ProblemError):
        problem = error.problem
        return Failed(job.id, msgspec.structs.replace(problem, detail=problem.detail or text))
    _log.error("Job %s failed.\n%s", job.id, text)
    return Failed(job.id, problem_of(error, text))


def problem_of(error: BaseException, detail: str) -> Problem:
    """Return what to tell a person about an error that no task expected."""
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
