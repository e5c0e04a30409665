"""Which files of a repository this app needs.

A repository often holds the same weights several times: for other frameworks, in other precisions,
as pickles. Taken are configuration, tokenizer, and one set of weights, as safetensors or GGUF.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

from studio.formats.suffixes import PICKLED_WEIGHTS
from studio.formats.weights.sentence_embedder import FILES as VECTOR_FILES
from studio.models.hub.description import HubFile, HubModel, total_size
from studio.models.hub.gguf_choice import (
    GgufVersion,
    best_version,
    gguf_versions,
    projector_for,
)
from studio.protocol import ProblemError, Sentence, problem, readable_size, sentence

Layout: TypeAlias = Literal[
    "diffusers", "transformers", "gguf", "file", "adapter", "ctranslate2", "voices"
]

_CONFIGURATION = re.compile(
    r"(config|model_index|generation_config|scheduler_config|preprocessor_config|processor_config"
    r"|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|merges|chat_template"
    r"|adapter_config|image_processor_config|feature_extractor_config|tekken|quantize_config"
    r"|quantization_config)\.(json|txt|jinja|model)"
    r"|(spiece|sentencepiece\.bpe|tokenizer)\.model",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(README|LICEN[CS]E|NOTICE|COPYING)[\w-]*(\.(md|txt|rst|html|pdf))?", re.IGNORECASE
)
_WEIGHTS = re.compile(
    r"(?P<stem>model|diffusion_pytorch_model|adapter_model|pytorch_lora_weights)"
    r"(?P<variant>\.(?!safetensors)\w+)?((\.safetensors)?-\d{5}-of-\d{5})?(?P<late>\.(?!safetensors)\w+)?"
    r"\.safetensors(\.index(?P<index>\.\w+)?\.json)?"
)
_CTRANSLATE2 = frozenset({"model.bin", "config.json", "tokenizer.json"})
"""A model for CTranslate2. Its weights have that suffix without being a pickle."""
_VOCABULARIES = frozenset({"vocabulary.txt", "vocabulary.json"})
_NETWORKS_OF_VOICES = ("onnx/model_quantized.onnx", "onnx/model.onnx")
_UNUSED_COMPONENTS = frozenset({"safety_checker"})
_MAX_SMALL = 64_000_000


class FileChoice(Struct, frozen=True):
    """The files to take. `notes` are for the user; `needs_consent` is True for pickles."""

    layout: Layout
    files: tuple[HubFile, ...]
    folder: str
    notes: tuple[Sentence, ...] = ()
    needs_consent: bool = False

    @property
    def size(self) -> int | None:
        """Bytes to download, None if unknown."""
        return total_size(self.files)


def choose_files(
    model: HubModel,
    *,
    file: str = "",
    quantisation: str = "",
    memory: int | None = None,
    full: bool = False,
    components: Collection[str] | None = None,
) -> FileChoice:
    """Choose the files of a repository.

    Args:
        model: the repository.
        file: the name of a single file to take.
        quantisation: of a GGUF file, such as Q4_K_M.
        memory: bytes; the best GGUF file that fits is chosen.
        full: whether weights in full precision are wanted where smaller ones exist.
        components: of a diffusers folder, from its model_index.json; None for all folders.

    Raises `ProblemError` (`bad_input`) if there is nothing that this app can use, or if it is not
    clear which file is meant. The message names the choices.
    """
    files = {item.name: item for item in model.files}
    if file:
        return _one_file(model, _named(model, file), memory)
    versions = gguf_versions(model.files)
    if quantisation:
        return _gguf(model, _with_quantisation(model, versions, quantisation), memory)
    if "model_index.json" in files:
        return _diffusers(model, full=full, components=components)
    top = _directory(model.files, "")
    if files.keys() >= _CTRANSLATE2 and files.keys() & _VOCABULARIES:
        wanted = _CTRANSLATE2 | _VOCABULARIES | {"preprocessor_config.json"}
        kept = [files[name] for name in wanted if name in files]
        return FileChoice("ctranslate2", _sorted([*kept, *_about(model)]), model.name)
    if (voices := _directory(model.files, "voices/")) and "tokenizer.json" in files:
        network = next((files[name] for name in _NETWORKS_OF_VOICES if name in files), None)
        if network is not None:
            kept = [network, files["tokenizer.json"], *voices, *_about(model)]
            return FileChoice("voices", _sorted(kept), model.name)
    if "config.json" in files and (found := _set_of_weights(top, full=True)):
        kept = [*_small_files(top), *(files[name] for name in VECTOR_FILES if name in files)]
        return FileChoice("transformers", _sorted([*found, *kept]), model.name)
    if versions:
        version = best_version(versions, memory)
        if version is None:
            raise problem(
                "bad_input",
                "No version of {name} fits into the memory of this machine. The smallest one has "
                "{size}; to get it anyway, name its file: {file}",
                name=model.repository,
                size=readable_size(versions[0].size),
                file=versions[0].files[0].name,
            )
        return _gguf(model, version)
    return _adapter_or_file(model)


def _diffusers(model: HubModel, *, full: bool, components: Collection[str] | None) -> FileChoice:
    kept = _small_files(_directory(model.files, ""))
    for folder in sorted({item.name.partition("/")[0] for item in model.files if "/" in item.name}):
        if folder in _UNUSED_COMPONENTS or (components is not None and folder not in components):
            continue
        inside = _directory(model.files, f"{folder}/")
        weights = _set_of_weights(inside, full)
        if not weights and any(item.is_pickle for item in inside):
            raise _only_pickles(model, folder)
        if weights or any(item.name.endswith((".json", ".txt", ".model")) for item in inside):
            kept += [*_small_files(inside), *weights]
    if not any(item.name.endswith(".safetensors") for item in kept):
        raise _only_pickles(model, model.name)
    return FileChoice("diffusers", _sorted(kept), model.name)


def choose_smaller(model: HubModel, below: int, memory: int | None) -> FileChoice | None:
    """Choose the best GGUF file of less than `below` bytes that fits, None if there is none."""
    versions = tuple(v for v in gguf_versions(model.files) if v.size < below)
    version = best_version(versions, memory)
    return None if version is None else _gguf(model, version)


def _gguf(model: HubModel, version: GgufVersion, memory: int | None = None) -> FileChoice:
    kept = _about(model)
    notes: tuple[Sentence, ...] = ()
    if not version.fits(memory):
        smaller = best_version(gguf_versions(model.files), memory)
        if smaller is not None:
            notes = (
                sentence(
                    "It needs more memory than this computer has. {name} ({size}) would fit.",
                    name=f"{model.repository}:{smaller.quantisation}",
                    size=readable_size(smaller.size),
                ),
            )
    projector = projector_for(version, model.files)
    if projector is not None:
        kept.append(projector)
        notes += (sentence("With {file}, so that it can see pictures.", file=_base(projector)),)
    stem = _base(version.files[0]).rpartition(".")[0]
    stem = re.sub(r"-\d{5}-of-\d{5}$", "", stem)
    return FileChoice("gguf", _sorted([*version.files, *kept]), stem, notes)


def _with_quantisation(
    model: HubModel, versions: tuple[GgufVersion, ...], wanted: str
) -> GgufVersion:
    matching = [v for v in versions if v.quantisation == wanted.upper()]
    matching = matching or [v for v in versions if wanted.upper() in v.quantisation.split("-")]
    if matching:
        return matching[0]
    names = ", ".join(dict.fromkeys(v.quantisation or v.files[0].name for v in versions))
    if not names:
        raise problem("bad_input", "{name} contains no GGUF file.", name=model.repository)
    raise problem(
        "bad_input",
        "{name} has no version {wanted}. Choose one of: {names}.",
        name=model.repository,
        wanted=wanted,
        names=names,
    )


def _adapter_or_file(model: HubModel) -> FileChoice:
    top = _directory(model.files, "")
    names = {item.name for item in top}
    if "adapter_config.json" in names or "pytorch_lora_weights.safetensors" in names:
        weights = _set_of_weights(top, full=True)
        if weights:
            return FileChoice("adapter", _sorted([*weights, *_small_files(top)]), model.name)
    safe = [item for item in model.files if item.name.lower().endswith(".safetensors")]
    if len(safe) == 1:
        return _one_file(model, safe[0])
    pickles = [item for item in model.files if item.name.lower().endswith(PICKLED_WEIGHTS)]
    if not safe and len(pickles) == 1:
        return _one_file(model, pickles[0])
    if choices := safe or pickles:
        shown = [f"{item.name} ({readable_size(item.size or 0)})" for item in choices[:12]]
        raise problem(
            "bad_input",
            "{name} contains {count} models. Choose one with --file: {files}",
            name=model.repository,
            count=len(choices),
            files=", ".join(shown) + (" …" if len(choices) > len(shown) else ""),
        )
    if any(item.is_pickle for item in model.files):
        raise _only_pickles(model, model.name)
    raise problem(
        "bad_input",
        "{name} contains no weights that this app can use: .safetensors, .gguf or, for upscalers, "
        ".pth files.",
        name=model.repository,
    )


def _one_file(model: HubModel, item: HubFile, memory: int | None = None) -> FileChoice:
    if item.name.lower().endswith(".gguf"):
        for version in gguf_versions(model.files):
            if item in version.files:
                return _gguf(model, version, memory)
    notes: tuple[Sentence, ...] = ()
    if item.is_pickle:
        notes = (
            sentence(
                "{file} is a pickle, a format that can contain code. Only its tensors are read, "
                "and nothing in it is run; prefer a .safetensors file where there is one.",
                file=item.name,
            ),
        )
    about = [other for other in _about(model) if other != item]
    stem = _base(item).rpartition(".")[0]
    generic = stem in ("model", "diffusion_pytorch_model", "pytorch_lora_weights", "adapter_model")
    folder = model.name if generic else stem
    return FileChoice("file", (item, *about), folder, notes, needs_consent=item.is_pickle)


def _named(model: HubModel, name: str) -> HubFile:
    wanted = name.strip().removeprefix("./")
    matching = [item for item in model.files if item.name == wanted]
    matching = matching or [item for item in model.files if _base(item) == wanted]
    if len(matching) == 1:
        return matching[0]
    weights = [item.name for item in model.files if item.is_pickle or _is_safe_weights(item)]
    raise problem(
        "bad_input",
        "{name} has no file {file}. Its files are: {files}",
        name=model.repository,
        file=wanted,
        files=", ".join(weights[:12]) + (" …" if len(weights) > 12 else ""),
    )


def _set_of_weights(files: Iterable[HubFile], full: bool) -> list[HubFile]:
    """Return one set of weights of a folder: in half precision if there is one, unless `full`."""
    sets: dict[tuple[str, str], list[HubFile]] = {}
    for item in files:
        found = _WEIGHTS.fullmatch(_base(item))
        if found is not None:
            variant = found["variant"] or found["late"] or found["index"] or ""
            sets.setdefault((found["stem"], variant.lstrip(".")), []).append(item)
    usable = {
        key: kept for key, kept in sets.items() if any(_is_safe_weights(item) for item in kept)
    }
    order = ("", "fp16", "bf16") if full else ("fp16", "bf16", "")
    for variant in order:
        for (_, found_variant), kept in usable.items():
            if found_variant == variant:
                return _without_duplicates(kept)
    return _without_duplicates(next(iter(usable.values()), []))


def _without_duplicates(kept: list[HubFile]) -> list[HubFile]:
    """Return the shards, or the single file, where a folder has both."""
    is_sharded = any(".index." in item.name for item in kept)
    if not is_sharded:
        return [item for item in kept if "-of-" not in item.name] or kept
    single = [item for item in kept if "-of-" not in item.name and _is_safe_weights(item)]
    return single or kept


def _small_files(files: Iterable[HubFile]) -> list[HubFile]:
    return [
        item
        for item in files
        if (_CONFIGURATION.fullmatch(_base(item)) or _ABOUT.fullmatch(_base(item)))
        and (item.size or 0) <= _MAX_SMALL
        and not _base(item).lower().endswith((".safetensors", ".gguf", *PICKLED_WEIGHTS, ".bin"))
    ]


def _about(model: HubModel) -> list[HubFile]:
    """Return the model card and the licence."""
    top = _directory(model.files, "")
    return [x for x in top if _ABOUT.fullmatch(x.name) and (x.size or 0) <= _MAX_SMALL]


def _directory(files: Iterable[HubFile], prefix: str) -> list[HubFile]:
    """Return the files directly in a folder of the repository, "" for the top."""
    return [
        item
        for item in files
        if item.name.startswith(prefix) and "/" not in item.name[len(prefix) :]
    ]


def _base(item: HubFile) -> str:
    return item.name.rpartition("/")[2]


def _is_safe_weights(item: HubFile) -> bool:
    return item.name.lower().endswith((".safetensors", ".gguf"))


def _sorted(files: Iterable[HubFile]) -> tuple[HubFile, ...]:
    """Return each file once, small ones first: what is wrong shows before the long download."""
    unique = {item.name: item for item in files}
    return tuple(sorted(unique.values(), key=lambda item: (item.size or 0, item.name)))


def _only_pickles(model: HubModel, where: str) -> ProblemError:
    return problem(
        "bad_input",
        "The weights of {name} ({where}) exist only as pickles (.bin), which can contain code and "
        "are not loaded. Look for the same model with .safetensors or .gguf files.",
        name=model.repository,
        where=where,
    )
