"""Models on this machine, as for machines without network: a folder, a zip file, or one file.

They are copied like a download: into a hidden folder, which gets its name when it is complete.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout

from studio.downloads.file_names import check_names, folder_name_for
from studio.downloads.http_problems import cancelled, check_space, disk_problem
from studio.downloads.queue_folder import FOLDER, require_no_link
from studio.formats.folders import FileLock, make_below
from studio.formats.suffixes import MODEL_WEIGHTS
from studio.formats.untrusted_files import is_file, is_folder, open_regular, printable
from studio.protocol import ProblemError, problem

_BLOCK = 1 << 22
_WORK_PREFIX = "pack-"
_MAX_FILES = 20_000


def pack_size(path: Path) -> int:
    """Return the bytes that a pack needs once it is copied. Raises `ProblemError`."""
    try:
        return sum(size for _, size in _entries(path))
    except OSError as error:
        raise _damaged(path, str(error)) from error


def copy_pack(
    path: Path,
    models: Path,
    *,
    make_models: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    stop: threading.Event | None = None,
) -> Path:
    """Copy a pack into the models folder and return its folder there. Raises `ProblemError`.

    For `make_models` see `QueueFolder`.
    """
    root = models / FOLDER
    require_no_link(root)
    try:
        entries = _entries(path)
        check_names(name for name, _ in entries)
        make_models()
        root.mkdir(exist_ok=True)
        with FileLock(root / ".pack.lock", timeout=0):
            return _copy(path, entries, models, progress, stop)
    except Timeout as error:
        raise problem(
            "bad_input",
            "Another program is copying a model at the moment. Try again when it is done.",
            str(error),
        ) from error
    except OSError as error:
        raise disk_problem(models, error) from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise _damaged(path, str(error)) from error


def _copy(
    path: Path,
    entries: list[tuple[str, int]],
    models: Path,
    progress: Callable[[int, int], None],
    stop: threading.Event | None,
) -> Path:
    root = models / FOLDER
    for left_over in root.glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    total = sum(size for _, size in entries)
    check_space(root, total)
    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=root))
    try:
        done = 0
        for name, source in _contents(path, entries):
            target = work / "files" / name
            make_below(work, target.parent)
            with target.open("wb") as file:
                while block := source.read(_BLOCK):
                    if stop is not None and stop.is_set():
                        raise cancelled()
                    file.write(block)
                    done += len(block)
                    progress(done, total)
                file.flush()
                os.fsync(file.fileno())
        if done != total:
            raise _damaged(path, f"{done} bytes instead of {total}")
        return _place(work / "files", models, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _place(files: Path, models: Path, path: Path) -> Path:
    inside = list(files.iterdir())
    if len(inside) == 1 and inside[0].is_dir():  # an archive of one folder
        files = inside[0]
        wanted = folder_name_for(files.name)
    else:
        wanted = folder_name_for(path.name if is_folder(path) else path.stem)
    name, number = wanted, 2
    while (models / name).exists():
        name, number = f"{wanted}-{number}", number + 1
    return files.rename(models / name)


def _entries(path: Path) -> list[tuple[str, int]]:
    """Return the names and sizes of the files of a pack."""
    if is_folder(path):
        entries = list(_folder_entries(path))
    elif not is_file(path):
        raise problem(
            "model_missing",
            "There is nothing at {path}. Check the path.",
            path=printable(str(path)),
        )
    elif path.suffix.lower() == ".zip":
        entries = _zip_entries(path)
    else:
        entries = [(path.name, path.stat().st_size)]
    if not any(name.lower().endswith(MODEL_WEIGHTS) for name, _ in entries):
        raise problem(
            "bad_input",
            "There is no model in {path}: no .safetensors, .gguf or .pth file.",
            path=printable(str(path)),
        )
    return entries


def _folder_entries(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the files of a folder that are not hidden. Links to folders are not followed."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if name.startswith(".") or not is_file(file):
                continue
            count += 1
            if count > _MAX_FILES:
                raise problem(
                    "bad_input",
                    "{path} contains too many files for a model. Choose the folder of one model.",
                    path=printable(str(folder)),
                )
            yield file.relative_to(folder).as_posix(), file.stat().st_size


def _zip_entries(path: Path) -> list[tuple[str, int]]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, str(error)) from error
    for info in infos:
        if info.flag_bits & 1:
            raise problem("bad_input", "{path} is encrypted. Unpack it first.", path=path)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise problem(
                "bad_input",
                "{path} contains a link to another file ({name}), which is not unpacked.",
                path=path,
                name=info.filename[:200],
            )
    return [(info.filename, info.file_size) for info in infos]


def _contents(path: Path, entries: list[tuple[str, int]]) -> Iterator[tuple[str, BinaryIO]]:
    if path.suffix.lower() == ".zip" and is_file(path):
        with zipfile.ZipFile(path) as archive:
            for name, _ in entries:
                with archive.open(name) as file:
                    yield name, file  # type: ignore[misc]  # it reads as a binary file does
        return
    for name, _ in entries:
        with open_regular(path / name if is_folder(path) else path) as opened:
            yield name, opened


def _damaged(path: Path, detail: str) -> ProblemError:
    return problem(
        "model_broken",
        "{path} is incomplete or damaged. Copy or download it again.",
        detail,
        path=path,
    )
