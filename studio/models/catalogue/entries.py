"""The entries of the catalogue, as written in `resources/catalogue/*.json`."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from studio.protocol import ModelRole

Unverified: TypeAlias = Literal["licence", "files", "size", "memory", "settings"]
"""What of an entry was not checked against its source, and is shown as such."""


class Localised(Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages of the interface."""

    en: str
    zh: str

    def text(self, language: str) -> str:
        """Return the text for a language such as `zh_CN`; English if it is another one."""
        return self.zh if language.startswith("zh") else self.en


class Use(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that people want to do. `task` is empty if it fits every kind of work."""

    id: str
    title: Localised
    task: str = ""


class CatalogueFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a repository. `size` is bytes, 0 if unknown; `sha256` is hex, empty if unknown."""

    path: str
    size: int = 0
    sha256: str = ""


class MemoryNeed(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory while the model works, in gigabytes (10^9 bytes); None where it is too slow.

    `cpu` is main memory without a GPU, `gpu` is GPU memory with the whole model in it, and
    `gpu_offload` GPU memory with the model moved there part by part.
    """

    cpu: float | None = None
    gpu: float | None = None
    gpu_offload: float | None = None


class Variant(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to get a model: a precision with its files.

    Attributes:
        precision: `bf16`, `fp16`, `fp32`, or a quantisation such as `Q4_K_M`.
        repository: on the hub; empty if `url` is given.
        revision: a commit of the repository; empty for its newest.
        files: of the repository; empty for those that the app needs of it.
        url: of a single file outside the hub.
        sha256: of the file at `url`, hex; empty if unknown.
        size: of the download in bytes.
    """

    precision: str
    size: int
    memory: MemoryNeed
    repository: str = ""
    revision: str = ""
    files: tuple[CatalogueFile, ...] = ()
    url: str = ""
    sha256: str = ""


class CatalogueEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model that can be downloaded.

    Attributes:
        id: unique in the catalogue.
        task: its kind of work.
        base: base family that a model with a role other than `base` works with.
        family: as in `ModelRef`.
        purpose: what it is for, one sentence.
        uses: ids of `Use`.
        languages: language codes of prompts and answers.
        conditions: of the licence, in one sentence; None if it has none.
        companions: ids of entries that it needs besides.
        settings: recommended values of request fields.
        trigger_words: for the prompt, of a LoRA or an embedding.
        recommended: whether it is offered first for its kind of work.
        unverified: what was not checked against the source.
        variants: smallest first.
    """

    id: str
    name: str
    task: str
    purpose: Localised
    uses: tuple[str, ...]
    licence: str
    variants: tuple[Variant, ...]
    role: ModelRole = "base"
    base: str = ""
    family: str = ""
    languages: tuple[str, ...] = ()
    conditions: Localised | None = None
    companions: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    trigger_words: tuple[str, ...] = ()
    recommended: bool = False
    unverified: tuple[Unverified, ...] = ()

    def title_of(self, variant: Variant) -> str:
        """Return the title of the download of a variant."""
        return f"{self.name} {variant.precision}" if len(self.variants) > 1 else self.name


class CatalogueFolderFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a catalogue file.

    `replaces` leaves out all entries that the app comes with; `hidden` leaves out single ones.
    """

    schema: Literal[1]
    entries: tuple[CatalogueEntry, ...] = ()
    uses: tuple[Use, ...] = ()
    replaces: bool = False
    hidden: tuple[str, ...] = ()
