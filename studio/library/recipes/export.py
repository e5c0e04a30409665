"""Export results: copy or convert them, and list their recipes in a table.

An export is whole or nothing. Copies are made in a work folder of the destination, with the table
as it will be. Putting the table in its place is the step that decides: what is killed before has
done nothing, and what is killed after is finished by the next export to that folder.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.formats.csv_cells import escaped
from studio.formats.recipes.aigc import AigcLabel
from studio.formats.untrusted_files import is_file, open_regular
from studio.kinds.coding import to_json
from studio.kinds.kind import Medium
from studio.library.disk_problems import file_problem
from studio.library.folder.file_names import numbered, portable_name
from studio.library.folder.file_placing import place_file, sync_folder
from studio.library.folder.work_folders import (
    SharedLock,
    WorkFolders,
    check_no_link,
    is_own_folder,
)
from studio.library.recipes.convert_picture import SUFFIXES, Format, convert_picture, labelled_png
from studio.library.recipes.metadata import write_with_recipe
from studio.library.records import Asset
from studio.library.review import marked_name
from studio.protocol import Problem, ProblemError, Sentence, problem

TABLE = "recipes.csv"
_COLUMNS = ("file", "task", "model", "seed", "prompt", "recipe", "review")
"""What the names of copies say of results that are not for use as they are."""
_WORK = "export"
_READY = "ready"
_LOCK_SECONDS = 30.0
_LONGEST_HEADER = 4096

ExportFormat: TypeAlias = Literal["", "webp", "jpeg"]
"""Format to convert pictures to, "" to copy files unchanged."""


class _Copy(Struct, frozen=True):
    """A finished copy of an asset in the work folder; `name` is the one that it should get."""

    asset: Asset
    file: Path
    name: str
    losses: tuple[Sentence, ...]


def export(
    assets: Sequence[Asset],
    folder: Path,
    format: ExportFormat = "",
    quality: int | None = None,
    on_loss: Callable[[Path, Sentence], object] = lambda _path, _loss: None,
    on_failure: Callable[[Asset, Problem], object] | None = None,
    visible_label: AigcLabel | None = None,
) -> list[Path]:
    """Copy results to `folder` and add a row for each to its `recipes.csv`: all of them or none.

    A `recipes.csv` that is not ours, or no longer in UTF-8, is left alone: the rows go to
    `recipes-2.csv` and so on.

    With `format`, pictures are converted, keeping their recipe; see `convert_picture` for
    `quality`. `on_loss` is called with the copy's path and a message for each loss. Existing
    files are not overwritten; a number is added to the name. Returns the copies.

    With a `visible_label`, pictures are marked as generated, in sight and in their metadata.

    A result whose file is missing, damaged or too large is passed to `on_failure` and left out.
    Without `on_failure`, and on disk errors, raises `ProblemError`, and nothing is exported.
    """
    work = WorkFolders(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_no_link(folder / TABLE)
        place = work.folder(folder, _WORK)
        copies: list[_Copy] = []
        for number, asset in enumerate(assets):
            try:
                file = place / str(number)
                copies.append(_copy(asset, file, format, quality, visible_label))
            except ProblemError as error:
                if on_failure is None:
                    raise
                on_failure(asset, error.problem)
        with SharedLock(folder, _WORK, _LOCK_SECONDS).held() as lock:
            try:
                for stale in work.stale(folder):
                    _finish(folder, stale / _WORK)
                targets = _publish(folder, place, copies) if copies else []
            finally:
                lock.remove()
    except OSError as error:
        raise file_problem(error, folder) from error
    finally:
        work.close()
    for copy, target in zip(copies, targets, strict=True):
        for loss in copy.losses:
            on_loss(target, loss)
    return targets


def check_export_folder(folder: Path, root: Path) -> None:
    """Raise `ProblemError` if copies would be made in the library: they are no results of it."""
    if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root)):
        raise problem(
            "bad_input",
            "The folder {path} belongs to the library, where copies would be taken for results. "
            "Choose another folder.",
            path=folder,
        )


def _copy(
    asset: Asset,
    file: Path,
    format: ExportFormat,
    quality: int | None,
    label: AigcLabel | None,
) -> _Copy:
    """Copy or convert an asset to the new file `file`, and sync it."""
    name = portable_name(asset.path.name)
    losses: list[Sentence] = []
    try:
        source = open_regular(asset.path)
    except OSError as error:
        raise problem(
            "bad_input",
            "The file {name} is no longer where it was saved.",
            str(error),
            name=asset.path.name,
        ) from error
    name = marked_name(name, asset.review_state)
    if label is not None and asset.medium is Medium.PICTURE:
        source.close()
        name = _write_labelled(asset, file, format, quality, label, losses.append, name)
        return _Copy(asset, file, name, tuple(losses))
    with source, file.open("xb") as target:
        is_same = format == "" or asset.medium is not Medium.PICTURE
        if format and not is_same:
            is_same = quality is None and asset.path.suffix.lower() in SUFFIXES[format]
        if format and not is_same:
            name = f"{Path(name).stem}{SUFFIXES[format][0]}"
            target.write(convert_picture(asset.path, asset.recipe, format, quality, losses.append))
        else:
            shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
        times = os.fstat(source.fileno())
    if is_same:
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    return _Copy(asset, file, name, tuple(losses))


def _write_labelled(
    asset: Asset,
    file: Path,
    format: ExportFormat,
    quality: int | None,
    label: AigcLabel,
    on_loss: Callable[[Sentence], object],
    name: str,
) -> str:
    """Write a picture with the visible label on it; return the name that it gets."""
    suffix = asset.path.suffix.lower()
    own: Format | None = next((each for each in SUFFIXES if suffix in SUFFIXES[each]), None)
    wanted = format or own
    if wanted:
        name = name if wanted == own else f"{Path(name).stem}{SUFFIXES[wanted][0]}"
        data = convert_picture(
            asset.path, asset.recipe, wanted, quality, on_loss, visible_label=True
        )
        with file.open("xb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        return name
    plain = file.with_name(f"{file.name}-pixels")
    plain.write_bytes(labelled_png(asset.path, on_loss))
    try:
        write_with_recipe(plain, file, asset.recipe, label)
    finally:
        plain.unlink()
    return f"{Path(name).stem}.png"


def _publish(folder: Path, place: Path, copies: Sequence[_Copy]) -> list[Path]:
    """Give finished copies their names, and list them in the table. Raises `OSError`."""
    taken = {name.casefold() for name in os.listdir(folder)}  # noqa: PTH208 names, not paths
    targets: list[Path] = []
    for copy in copies:
        target = next(
            path
            for n in range(1, 10_000 + len(copies))
            if (path := numbered(folder / copy.name, n)).name.casefold() not in taken
        )
        taken.add(target.name.casefold())
        targets.append(target)
    listed = _table_in(folder)
    _write_table(listed, place / TABLE, zip(copies, targets, strict=True))
    (place / _READY).mkdir()
    for copy, target in zip(copies, targets, strict=True):
        copy.file.rename(place / _READY / target.name)
    sync_folder(place / _READY)
    (place / TABLE).replace(listed)
    return [place_file(place / _READY / target.name, target) for target in targets]


def _finish(folder: Path, place: Path) -> None:
    """Move the copies of a killed export into its folder if it had put the table there."""
    ready = place / _READY
    if (place / TABLE).exists() or not (is_own_folder(place) and is_own_folder(ready)):
        return
    for file in sorted(ready.glob("*")):
        if file.is_symlink() or not is_file(file):
            continue
        target = folder / file.name
        # Killed in the middle of `place_file`: linked already, or the name is only reserved.
        if target.exists() and (target.samefile(file) or target.stat().st_size == 0):
            file.replace(target)
            file.unlink(missing_ok=True)  # renaming a link to itself does nothing
        else:
            place_file(file, target)


def _table_in(folder: Path) -> Path:
    """Return the first table that is ours or can be made. Raises `OSError`, `ProblemError`."""
    for number in itertools.count(1):
        path = numbered(folder / TABLE, number)
        check_no_link(path)
        if not is_file(path) or _is_ours(path):
            return path
    raise AssertionError


def _is_ours(path: Path) -> bool:
    """Return whether rows can be added to a table. Raises `OSError`."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        with open_regular(path) as file:
            start = decoder.decode(file.read(_LONGEST_HEADER))
            while data := file.read(1 << 20):
                decoder.decode(data)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    lines = start.splitlines()
    columns = tuple(next(csv.reader(lines[:1]), [])) if lines else ()
    return columns == _COLUMNS[: len(columns)]


def _has_column(table: Path, column: str) -> bool:
    with open_regular(table) as file:
        header = file.readline(_LONGEST_HEADER).decode("utf-8-sig", "replace")
    return column in next(csv.reader([header]), [])


def _review_text(asset: Asset) -> str:
    """Return the state of a result's review, and who decided it when, with the remark."""
    review = asset.review
    parts = (review.reviewer, review.date, review.remark) if review is not None else ()
    return "; ".join(filter(None, (asset.review_state, *parts)))


def _write_table(old: Path, new: Path, rows: Iterable[tuple[_Copy, Path]]) -> None:
    """Write the table `old` with more rows to the file `new`, and sync it. Raises `OSError`."""
    with new.open("xb") as file:
        if old.exists():
            with open_regular(old) as existing:
                shutil.copyfileobj(existing, file)
        is_new = file.tell() == 0
    has_review = is_new or _has_column(old, _COLUMNS[-1])
    with new.open("ab") as file:
        if not is_new:
            with open_regular(old) as existing:
                existing.seek(-1, os.SEEK_END)
                if existing.read(1) not in b"\r\n":
                    file.write(b"\r\n")
    # The byte order mark tells spreadsheet programs that the table is UTF-8.
    encoding = "utf-8-sig" if is_new else "utf-8"
    with new.open("a", encoding=encoding, errors="replace", newline="") as table:
        writer = csv.writer(table)
        if is_new:
            writer.writerow(_COLUMNS)
        for copy, target in rows:
            asset, recipe = copy.asset, copy.asset.recipe
            row = [
                escaped(target.name),
                asset.task,
                escaped(recipe.model_id),
                recipe.seed,
                escaped(asset.prompt),
                to_json(recipe),
            ]
            writer.writerow([*row, escaped(_review_text(asset))] if has_review else row)
        table.flush()
        os.fsync(table.fileno())
    if not is_new:
        shutil.copymode(old, new)
