"""`studio doctor`: check this machine and the installation."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from studio import __version__
from studio.cli.columns import padded
from studio.cli.language import tr, translated
from studio.formats.untrusted_files import is_folder
from studio.kinds.registry import tasks
from studio.models.fit import main_memory
from studio.models.gpu_memory import gpu_memory
from studio.models.model_fits import fits_of
from studio.models.registry import Registry
from studio.models.starter import starter_status
from studio.protocol import DeviceMemory, readable_size
from studio.settings import Paths, default_paths, library_root, load_settings

_NEEDED = ("PySide6", "torch", "torchvision", "transformers", "diffusers", "accelerate", "spandrel")
_LOW_DISK = 5_000_000_000
_LOW_MEMORY = 4_000_000_000


@dataclass(frozen=True)
class Finding:
    """A line of output. `good` is None for information; if it is False, `text` says what to do."""

    name: str
    text: str
    good: bool | None = True


def doctor() -> int:
    """Print all findings. Return 0 if there are no problems, otherwise 1."""
    paths = default_paths()
    bad = 0
    for check in (
        _python,
        _packages,
        _memory,
        _gpu,
        _disk,
        _display,
        _input_method,
        _models,
        _places,
    ):
        for finding in check(paths):
            sign = {True: "ok", False: "!!", None: "  "}[finding.good]
            print(f"{sign:<3}{padded(finding.name, 17)}{finding.text}")
            bad += finding.good is False
    print()
    if bad:
        print(
            tr("1 problem found, marked with !! above.")
            if bad == 1
            else tr("{count} problems found, marked with !! above.", count=bad)
        )
    else:
        print(tr("No problems found."))
    return int(bool(bad))


def _python(_paths: Paths) -> Iterator[Finding]:
    yield Finding(
        "Prompt Studio",
        f"{__version__}, Python {platform.python_version()}, {platform.platform()}",
        None,
    )


def _packages(_paths: Paths) -> Iterator[Finding]:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding(
            tr("Packages"),
            tr(
                "{names} not installed. Run `make run`, or `python packaging/bootstrap.py run`.",
                names=", ".join(missing),
            ),
            False,
        )
        return
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _NEEDED)
    yield Finding(tr("Packages"), versions)


def _memory(_paths: Paths) -> Iterator[Finding]:
    memory = main_memory()
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    free, total = readable_size(memory.free), readable_size(memory.total)
    if memory.free < _LOW_MEMORY:
        text = tr(
            "{free} of {total} free, {cores} cores. Close other programs before loading large"
            " models.",
            free=free,
            total=total,
            cores=cores,
        )
    else:
        text = tr("{free} of {total} free, {cores} cores", free=free, total=total, cores=cores)
    yield Finding(tr("Memory"), text, memory.free >= _LOW_MEMORY)


def _gpu(_paths: Paths) -> Iterator[Finding]:
    """Query `nvidia-smi`, since importing torch would take seconds."""
    tool = shutil.which("nvidia-smi")
    # Windows looks for programs in the current folder too.
    if tool is not None and Path(tool).is_absolute():
        answer = _output_of([tool, "--query-gpu=name,memory.total", "--format=csv,noheader"])
        if answer:
            yield from (Finding(tr("Graphics card"), line.strip()) for line in answer.splitlines())
            if (gpu := gpu_memory()) is not None:
                free, total = readable_size(gpu.free), readable_size(gpu.total)
                text = tr("{free} of {total} free", free=free, total=total)
                yield Finding("  " + tr("its memory"), text, None)
            return
    if sys.platform == "darwin" and platform.machine() == "arm64":
        text = tr("Apple silicon, used through Metal. It shares the main memory.")
        yield Finding(tr("Graphics card"), text)
        return
    yield Finding(
        tr("Graphics card"),
        tr("none found. Everything runs on the processor, where large image models are slow."),
        None,
    )


def _output_of(command: list[str]) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _disk(paths: Paths) -> Iterator[Finding]:
    for name, place in (
        (tr("Disk (library)"), paths.library),
        (tr("Disk (models)"), paths.models),
    ):
        usage = shutil.disk_usage(_existing(place))
        free = readable_size(usage.free)
        text = tr("{free} free", free=free)
        if usage.free < _LOW_DISK:
            text = tr(
                "{free} free. Free some space on the disk with {place}.", free=free, place=place
            )
        yield Finding(name, text, usage.free >= _LOW_DISK)


def _existing(place: Path) -> Path:
    return next(folder for folder in (place, *place.parents) if is_folder(folder))


def _display(_paths: Paths) -> Iterator[Finding]:
    if sys.platform not in ("win32", "darwin") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        text = tr("none. The window cannot open; the command line works.")
        yield Finding(tr("Display"), text, None)
        return
    # In a separate process: a missing system library makes Qt abort.
    check = "from PySide6.QtWidgets import QApplication; QApplication([]); print('ready')"
    if _output_of([sys.executable, "-c", check]) == "ready":
        yield Finding(tr("Display"), tr("the window can open"))
    else:
        yield Finding(
            tr("Display"),
            tr(
                "the window cannot open: Qt lacks a system library. On Debian or Ubuntu: {command}",
                command="apt install libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4"
                " libxcb-keysyms1",
            ),
            False,
        )


def _input_method(_paths: Paths) -> Iterator[Finding]:
    """Say how Chinese is typed with fcitx, whose plugin for Qt PySide6 does not bring."""
    wanted = os.environ.get("QT_IM_MODULE", "") + os.environ.get("XMODIFIERS", "")
    if not sys.platform.startswith("linux") or "fcitx" not in wanted:
        return
    text = tr(
        "fcitx, reached through IBus. If nothing can be typed with it: in fcitx5-configtool, under"
        " Addons, switch on IBus Frontend, and quit ibus-daemon."
    )
    yield Finding(tr("Input method"), text, None)


def _models(paths: Paths) -> Iterator[Finding]:
    missing = [item.id for item in starter_status(paths) if not item.installed]
    if missing:
        yield Finding(
            tr("Starter models"),
            tr("{names} missing. `studio models starter` installs them.", names=", ".join(missing)),
            False,
        )
    else:
        yield Finding(tr("Starter models"), tr("installed"))
    registry = Registry(paths)
    found = registry.list()
    for task in tasks():
        names = [ref.name for ref in found if ref.task == task]
        text = ", ".join(names) or tr("no model. `studio models add PATH` adds one.")
        yield Finding(f"  {task}", text, None)
    memory = _memory_of_jobs(paths)
    for id, verdict in fits_of(found, memory).items():
        if verdict.verdict != "fits":
            yield Finding(f"  {id}", translated(verdict.sentence), None)
    for name, found_problem in registry.problems().items():
        yield Finding(f"  {name}", translated(found_problem.message), False)


def _memory_of_jobs(paths: Paths) -> DeviceMemory:
    """Return the memory of the device that jobs run on."""
    settings, _ = load_settings(paths.settings)
    gpu = gpu_memory() if settings.device != "cpu" else None
    return gpu or main_memory()


def _places(paths: Paths) -> Iterator[Finding]:
    settings, found_problem = load_settings(paths.settings)
    if found_problem is not None:
        yield Finding(tr("Settings"), translated(found_problem.message), False)
    places: tuple[tuple[str, Path], ...] = (
        (tr("Library"), library_root(settings, paths)),
        (tr("Settings"), paths.settings),
        (tr("Logs"), paths.logs),
    )
    for name, place in places:
        writable = os.access(_existing(place), os.W_OK)
        text = str(place) if writable else tr("{place}. It cannot be written to.", place=place)
        yield Finding(name, text, None if writable else False)
