"""What the hub says of a model, before anything is downloaded."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from studio.formats.suffixes import PICKLED_WEIGHTS

_UNSAFE = (*PICKLED_WEIGHTS, ".bin", ".pkl", ".pickle", ".joblib", ".dill")


class HubFile(Struct, frozen=True):
    """A file of a repository. `size` is None if unknown; `sha256` is known for large files."""

    name: str
    size: int | None = None
    sha256: str = ""

    @property
    def is_pickle(self) -> bool:
        """Whether it may be a pickle, which can contain code."""
        return self.name.lower().endswith(_UNSAFE)


class HubModel(Struct, frozen=True):
    """A repository at one commit, `revision`.

    `unsafe` are files that the hub's scanners reported. `updated` is a date.
    """

    endpoint: str
    repository: str
    revision: str
    files: tuple[HubFile, ...] = ()
    licence: str = ""
    is_gated: bool = False
    is_private: bool = False
    pipeline_tag: str = ""
    library: str = ""
    languages: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    downloads: int = 0
    likes: int = 0
    updated: str = ""

    @property
    def name(self) -> str:
        """The repository's name without its owner."""
        return self.repository.rpartition("/")[2]

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{self.endpoint}/{self.repository}"

    @property
    def is_lora(self) -> bool:
        """Whether it is an addition to another model."""
        return "lora" in self.tags or any(
            file.name in ("adapter_config.json", "pytorch_lora_weights.safetensors")
            for file in self.files
        )

    def url_of(self, name: str) -> str:
        """Return the address of a file at this commit."""
        return f"{self.page}/resolve/{quote(self.revision, safe='')}/{quote(name)}"


def total_size(files: tuple[HubFile, ...]) -> int | None:
    """Return the bytes of files, None if a size is unknown."""
    sizes = [file.size for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)
