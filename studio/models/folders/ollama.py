"""The models of Ollama: `manifests` name the file of each model among the `blobs`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.json_file import read_json_file
from studio.formats.untrusted_files import entries_of, is_file, is_folder

_MODEL = "application/vnd.ollama.image.model"
_DEFAULT_HOST = "registry.ollama.ai"
_DEFAULT_NAMESPACE = "library"
_MAX_MANIFESTS = 5_000


class _Layer(Struct):
    mediaType: str = ""
    digest: str = ""


class _Manifest(Struct):
    layers: list[_Layer] = []


def ollama_models(folder: Path) -> list[tuple[Path, str]] | None:
    """Return path and name (`llama3:8b`) of each model, None if this is no folder of Ollama."""
    manifests, blobs = folder / "manifests", folder / "blobs"
    if not is_folder(manifests) or not is_folder(blobs):
        return None
    found: list[tuple[Path, str]] = []
    for file in _files(manifests):
        try:
            manifest = read_json_file(file, _Manifest)
        except msgspec.DecodeError:
            continue
        for layer in manifest.layers if manifest is not None else ():
            name = layer.digest.replace(":", "-")
            if layer.mediaType == _MODEL and name.startswith("sha256-") and "/" not in name:
                blob = blobs / name
                if is_file(blob):
                    found.append((blob, _name(file.relative_to(manifests).parts)))
    return found


def _files(folder: Path) -> list[Path]:
    """Return the manifests: files four levels below `folder` (host, namespace, model, tag)."""
    level = [folder]
    for _ in range(4):
        level = [
            entry
            for parent in level
            if is_folder(parent)
            for entry in entries_of(parent)
            if not entry.name.startswith(".")
        ][:_MAX_MANIFESTS]
    return [entry for entry in level if is_file(entry)]


def _name(parts: tuple[str, ...]) -> str:
    host, namespace, model, tag = parts
    start = "" if namespace == _DEFAULT_NAMESPACE else f"{namespace}/"
    start = start if host == _DEFAULT_HOST else f"{host}/{namespace}/"
    return f"{start}{model}:{tag}"
