"""Roles, base families, languages and places of models as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.formats.weights.base_families import TITLES
from studio.protocol import ModelRef, readable_size
from studio.ui.style.translations import tr

if TYPE_CHECKING:
    from studio.models.catalogue.choice import Choice
    from studio.models.catalogue.entries import CatalogueEntry, Variant
    from studio.protocol import DeviceMemory

_MAX_LANGUAGES = 4


def role_title(role: str) -> str:
    """Return the name of a role; "" for models that work alone."""
    return {
        "lora": "LoRA",
        "embedding": tr("Embedding"),
        "controlnet": "ControlNet",
        "ip_adapter": "IP-Adapter",
        "vae": "VAE",
        "text_encoder": tr("Text encoder"),
        "image_encoder": tr("Image encoder"),
        "denoiser": tr("Diffusion transformer"),
        "vocoder": tr("Vocoder"),
        "embedder": tr("Search by meaning"),
        "preview": tr("Preview decoder"),
    }.get(role, "")


def kind_text(model: ModelRef) -> str:
    """Return base family or architecture of a model, and its role or its format."""
    family = TITLES.get(model.base, model.base) or model.family
    role = role_title(model.role)
    return " · ".join(part for part in (role, family, "" if role else model.format) if part)


def languages_text(codes: tuple[str, ...]) -> str:
    """Return the names of languages, or how many if there are many."""
    names = {
        "ar": tr("Arabic"),
        "de": tr("German"),
        "en": tr("English"),
        "es": tr("Spanish"),
        "fr": tr("French"),
        "it": tr("Italian"),
        "ja": tr("Japanese"),
        "ko": tr("Korean"),
        "pt": tr("Portuguese"),
        "ru": tr("Russian"),
        "zh": tr("Chinese"),
    }
    shown = ", ".join(names.get(code, code) for code in codes[:_MAX_LANGUAGES])
    if len(codes) <= _MAX_LANGUAGES:
        return shown
    return tr("{languages} and {n} more").format(languages=shown, n=len(codes) - _MAX_LANGUAGES)


def size_text(entry: CatalogueEntry, variant: Variant) -> str:
    """Return the size of a download, "about …" if it was not verified."""
    size = readable_size(variant.size)
    return tr("about {size}").format(size=size) if "size" in entry.unverified else size


def place_text(choice: Choice, main: DeviceMemory, gpu: DeviceMemory | None) -> str:
    """Say where a variant runs on this machine, and what it needs."""
    need = "" if choice.need is None else f"{choice.need:g} GB"
    match choice.place:
        case "gpu":
            return tr("Runs on the graphics card: needs about {need}").format(need=need)
        case "gpu_offload":
            return tr("Runs on the graphics card in parts, more slowly: needs about {need}").format(
                need=need
            )
        case "cpu":
            return tr("Runs on the processor, more slowly: needs about {need}").format(need=need)
    memory = choice.variant.memory
    least = memory.cpu if gpu is None else memory.gpu_offload or memory.gpu or memory.cpu
    if least is None:
        return tr("Will not run here: it needs a graphics card with about {need}").format(
            need=f"{memory.gpu_offload or memory.gpu:g} GB"
        )
    here = readable_size(main.total if gpu is None else gpu.total)
    return tr("Will not fit: needs about {need}, this computer has {here}").format(
        need=f"{least:g} GB", here=here
    )


def unverified_text(entry: CatalogueEntry) -> str:
    """Say in plain words what of an entry was not checked at its source, "" if all was."""
    names = {
        "licence": tr("licence"),
        "files": tr("file names"),
        "memory": tr("memory"),
        "settings": tr("recommended settings"),
    }
    found = [names[part] for part in entry.unverified if part in names]
    if not found:
        return ""
    return tr("Not verified: {what}").format(what=", ".join(found))
