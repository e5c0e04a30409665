"""Where the training data comes from: pinned packages, checked by their sha256.

Every package is fetched with the ordinary client of its registry (`npm pack`) and
unpacked under `<data>/raw/`. Licences: the Fluent sets and emojibase are MIT, the Noto
sets are Apache-2.0.
"""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One npm package: its name, its exact version, its licence and its checksum."""

    name: str
    version: str
    licence: str
    sha256: str

    @property
    def stem(self) -> str:
        """The file stem that `npm pack` gives the archive."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"


EMOJIBASE = Source(
    "emojibase-data",
    "17.0.0",
    "MIT",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
)
FLUENT = Source(
    "@iconify-json/fluent-emoji",
    "1.2.7",
    "MIT",
    "8044210dbf11e016d4de85f15d01a243423bd832457e7e2491df1b751c0e272b",
)
FLUENT_FLAT = Source(
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "MIT",
    "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
)
NOTO = Source(
    "@iconify-json/noto",
    "1.2.9",
    "Apache-2.0",
    "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
)
NOTO_V1 = Source(
    "@iconify-json/noto-v1",
    "1.2.5",
    "Apache-2.0",
    "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37",
)
FLUENT_3D = Source(
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "MIT",
    "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
)
SOURCES = (EMOJIBASE, FLUENT, FLUENT_FLAT, NOTO, NOTO_V1, FLUENT_3D)


class ChecksumError(RuntimeError):
    """An archive is not the one the recipe was written for."""


def sha256_of(path: Path) -> str:
    """The sha256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(source: Source, data: Path) -> Path:
    """Download (if absent), check and unpack one package; return its folder."""
    folder = data / "raw" / source.stem
    archive = data / "archives" / f"{source.stem}.tgz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not archive.exists():
        subprocess.run(
            ["npm", "pack", "--silent", f"{source.name}@{source.version}"],
            cwd=archive.parent,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    if sha256_of(archive) != source.sha256:
        raise ChecksumError(f"{archive.name} has another sha256 than the recipe names")
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        (partial / "package").rename(folder)
        partial.rmdir()
    return folder
