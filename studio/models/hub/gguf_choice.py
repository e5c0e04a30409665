"""GGUF repositories hold one model in many quantisations: group their files, and choose one."""

from __future__ import annotations

import re

from msgspec import Struct

from studio.models.hub.description import HubFile

_QUANTISATION = re.compile(
    r"(?<![A-Za-z0-9])((?:UD-)?(?:I?Q[1-8](?:_[0-9A-Z]+)*|TQ[12]_0|BF16|F16|F32|FP16|FP32|MXFP4"
    r"(?:_MOE)?|NVFP4))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)", re.IGNORECASE)

_PREFERRED = ("Q4_K_M", "UD-Q4_K_XL", "Q4_K_S", "Q5_K_M", "Q4_1", "Q4_0", "IQ4_XS", "Q6_K", "Q8_0")
"""The best known balance of size and quality first."""

_WHOLE = ("BF16", "F16", "FP16", "F32", "FP32")
_PROJECTORS = ("F16", "FP16", "Q8_0", "BF16")
"""Projectors for pictures, the best known balance first. Processors are slow with BF16."""

_ROOM = 1.25
"""Memory of a loaded model, as a multiple of its file: weights, context and libraries."""


class GgufVersion(Struct, frozen=True):
    """A model in one quantisation: one file, or all parts of a split one."""

    quantisation: str
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size or 0 for file in self.files)

    def fits(self, memory: int | None) -> bool:
        """Return whether it fits into so many bytes of memory; True if they are not known."""
        return memory is None or self.size * _ROOM <= memory

    @property
    def is_whole(self) -> bool:
        """Whether no part is missing."""
        found = _PART.search(self.files[0].name)
        return found is None or len(self.files) == int(found[2])


def gguf_versions(files: tuple[HubFile, ...]) -> tuple[GgufVersion, ...]:
    """Return the versions among the files of a repository, the smallest first.

    Projectors for pictures (`mmproj`) and importance matrices are not models.
    """
    groups: dict[str, list[HubFile]] = {}
    for file in files:
        name = file.name.rpartition("/")[2].lower()
        if name.endswith(".gguf") and not name.startswith(("mmproj", "imatrix")):
            groups.setdefault(_PART.sub("", file.name), []).append(file)
    versions = [
        GgufVersion(quantisation_of(name), tuple(sorted(group, key=lambda file: file.name)))
        for name, group in groups.items()
    ]
    return tuple(sorted((v for v in versions if v.is_whole), key=lambda version: version.size))


def projector_for(version: GgufVersion, files: tuple[HubFile, ...]) -> HubFile | None:
    """Return the file that lets a version see pictures (`mmproj`), None without one."""
    folder = version.files[0].name.rpartition("/")[0]
    found = [
        file
        for file in files
        if file.name.rpartition("/")[0] in (folder, "")
        and file.name.rpartition("/")[2].lower().startswith("mmproj")
        and file.name.lower().endswith(".gguf")
    ]

    def rank(file: HubFile) -> tuple[bool, int, int]:
        name = quantisation_of(file.name)
        place = _PROJECTORS.index(name) if name in _PROJECTORS else len(_PROJECTORS)
        return file.name.rpartition("/")[0] != folder, place, file.size or 0

    return min(found, key=rank, default=None)


def quantisation_of(name: str) -> str:
    """Return the quantisation in a file's name in upper case, "" if there is none."""
    found = _QUANTISATION.findall(name.rpartition("/")[2]) or _QUANTISATION.findall(name)
    return str(found[-1]).upper() if found else ""


def best_version(versions: tuple[GgufVersion, ...], memory: int | None) -> GgufVersion | None:
    """Return the preferred version that fits into a memory of so many bytes, None if none does.

    If no preferred one fits, it is the largest that does. Files in one part come first.
    """
    single = [version for version in versions if len(version.files) == 1] or list(versions)
    fitting = [v for v in single if v.fits(memory)]
    for name in _PREFERRED:
        for version in fitting:
            if version.quantisation == name:
                return version
    quantised = [v for v in fitting if v.quantisation not in _WHOLE]
    candidates = quantised or fitting
    return candidates[-1] if candidates else None
