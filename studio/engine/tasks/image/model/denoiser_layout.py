"""Makes a pipeline's layout from a file with its denoiser, and the encoders and VAE beside it.

What diffusers has to know of a family is in `../families`; sizes follow from the
shapes of the tensors.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from studio.engine.tasks.image.model.checkpoint_config import ConfigFolder
from studio.engine.tasks.image.model.clip_vocabulary import write_clip_tokenizer
from studio.engine.tasks.image.model.component_files import weight_files
from studio.engine.tasks.image.model.denoiser_config import denoiser_config, kl_vae_config
from studio.engine.tasks.image.model.layout import (
    Component,
    Layout,
    component_classes,
    is_network,
    pipeline_class,
    read_facts,
    read_headers,
    read_index,
)
from studio.engine.tasks.image.model.qwen_vocabulary import write_qwen_tokenizer
from studio.engine.tasks.image.model.unet_alone import unet_description
from studio.formats.json_file import read_json_file
from studio.formats.weights.checkpoint import folder_beside
from studio.formats.weights.denoiser_parts import (
    UNET_FAMILIES,
    Part,
    denoiser_family,
    denoiser_prefix,
    denoiser_tensors,
    network_of,
    network_of_config,
    parts_of,
    read_tensors,
)
from studio.formats.weights.tensors import Tensors
from studio.protocol import ModelRef, problem

_FAMILIES = Path(__file__).parent.parent / "families"
_OPEN_CLIP_OF_2 = 1024
"""Width of the text encoder of Stable Diffusion 2."""

_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")


def read_denoiser_layout(ref: ModelRef, companions: Sequence[ModelRef]) -> Layout:
    """Return the layout of a denoiser in one file, with its parts from other models.

    Parts that are missing have a configuration but no files.

    Raises:
        ProblemError: `model_missing`, `model_broken` or `bad_input`, naming the file.
    """
    path = Path(ref.path)
    tensors = read_tensors(path)
    denoiser = denoiser_tensors(tensors)
    family = denoiser_family(denoiser)
    if not family:
        raise problem(
            "bad_input",
            "The configuration of {file} is not known. Add the diffusers folder of its model "
            "instead.",
            file=path,
        )
    target = ConfigFolder()
    root = target.path
    name = "unet" if family in UNET_FAMILIES else "transformer"
    try:
        if family in UNET_FAMILIES:
            description = unet_description(family, tensors, denoiser, path.stem)
        else:
            description = _read_json(_FAMILIES / f"{family}.json")
            description["configs"][name] |= denoiser_config(family, denoiser)
        parts = parts_of(tensors)
    except (KeyError, IndexError, ValueError) as error:
        raise problem(
            "model_broken",
            "{file} is incomplete: some of its tensors are missing. Copy or download it again.",
            detail=repr(error),
            file=path,
        ) from error
    configs: dict[str, Any] = description["configs"]
    _save(root / "model_index.json", description["model_index"])
    _save(root / "scheduler" / "scheduler_config.json", configs["scheduler"])
    _save(root / name / "config.json", configs[name])
    classes = component_classes(description["model_index"], root)
    found = [
        Component("scheduler", classes["scheduler"], root / "scheduler"),
        Component(
            name,
            classes[name],
            root / name,
            (path,),
            prefix=denoiser_prefix(tensors),
            is_part=True,
        ),
    ]
    for part in parts:
        place = _Place(path, tensors, companions, root, configs.get(part.name, {}))
        found += _components(part, classes, place)
    files = {file for component in found for file in component.files}
    headers = read_headers(tuple(file for file in sorted(files) if file != path))
    return Layout(
        pipeline=pipeline_class(read_index(root), root),
        root=root,
        components=tuple(found),
        facts=read_facts(folder_beside(path)),
        headers={**headers, path: tensors},
        temporary_folder=target,
    )


def missing_parts(layout: Layout) -> list[str]:
    """Return the names of networks without weights."""
    return [each.name for each in layout.components if each.is_network and not each.files]


class _Place:
    """Where the parts of a pipeline may be found."""

    def __init__(
        self,
        path: Path,
        tensors: Tensors,
        companions: Sequence[ModelRef],
        root: Path,
        config: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.tensors = tensors
        self.companions = companions
        self.root = root
        self.config = config


def _components(part: Part, classes: Mapping[str, type[Any]], place: _Place) -> list[Component]:
    tokenizer = part.name.replace("text_encoder", "tokenizer")
    own = place.root / part.name
    if part.inside:
        return [
            _from_file(part, classes, place, place.path, part.inside),
            *_own_tokenizer(part, classes, place.root),
        ]
    for companion in place.companions:
        path = Path(companion.path)
        if (path / "model_index.json").is_file():
            index = component_classes(read_index(path), path)
            found = [
                _from_folder(name, index[name], path / name)
                for name in dict.fromkeys((part.name, tokenizer))
                if name in index
            ]
            if found:
                return found
        elif path.is_dir() and _fits_folder(part, path):
            kind = classes[part.name]
            found = [_from_folder(part.name, kind, path)]
            if part.is_encoder and any((path / name).is_file() for name in _TOKENIZER_FILES):
                return [*found, Component(tokenizer, classes[tokenizer], path)]
            return [*found, *_own_tokenizer(part, classes, place.root)]
        elif path.is_file() and network_of(read_tensors(path)) == (part.network, part.width):
            tokens = _own_tokenizer(part, classes, place.root)
            return [_from_file(part, classes, place, path, ""), *tokens]
    if part.is_optional:
        return []
    _save(own / "config.json", place.config)
    return [Component(part.name, classes[part.name], own)]


def _fits_folder(part: Part, folder: Path) -> bool:
    config = _read_json(folder / "config.json")
    if part.is_encoder:
        return network_of_config(config) == (part.network, part.width)
    latents = config.get("latent_channels", config.get("z_dim"))
    return latents == part.width and "Autoencoder" in str(config.get("_class_name"))


def _from_folder(name: str, kind: type[Any], folder: Path) -> Component:
    if not is_network(kind):
        return Component(name, kind, folder)
    files, variant = weight_files(folder)
    return Component(name, kind, folder, files, variant)


def _from_file(
    part: Part, classes: Mapping[str, type[Any]], place: _Place, file: Path, prefix: str
) -> Component:
    found = place.tensors if file == place.path else read_tensors(file)
    tensors = {
        name.removeprefix(prefix): info
        for name, info in found.items()
        if not prefix or name.startswith(prefix)
    }
    folder = place.root / part.name
    try:
        derived = _DERIVED[part.network](tensors) if part.network in _DERIVED else {}
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise problem(
            "model_broken",
            "{file} is incomplete: some of its tensors are missing. Copy or download it again.",
            detail=repr(error),
            file=file,
        ) from error
    _save(folder / "config.json", {**place.config, **derived})
    return Component(part.name, classes[part.name], folder, (file,), prefix=prefix, is_part=True)


def _own_tokenizer(part: Part, classes: Mapping[str, type[Any]], root: Path) -> list[Component]:
    """Write the tokenizer that the app comes with; nothing for a VAE.

    Raises `ProblemError` (`bad_input`) if it comes with none.
    """
    if not part.is_encoder:
        return []
    name = part.name.replace("text_encoder", "tokenizer")
    folder = root / name
    if part.network == "clip":
        is_open_clip = name == "tokenizer_2" or part.width == _OPEN_CLIP_OF_2
        write_clip_tokenizer(folder, pad_token="!" if is_open_clip else "<|endoftext|>")
    elif part.network == "t5":
        folder.mkdir(parents=True, exist_ok=True)
        packed = (_FAMILIES / "t5_tokenizer.json.gz").read_bytes()
        (folder / "tokenizer.json").write_bytes(gzip.decompress(packed))
        settings = {"tokenizer_class": "T5TokenizerFast", "model_max_length": 512}
        tokens = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
        _save(folder / "tokenizer_config.json", {**settings, **tokens, "extra_ids": 100})
    elif part.network == "qwen3":
        write_qwen_tokenizer(folder)
    else:
        raise problem(
            "bad_input",
            "The text encoder needs its tokenizer. Add the folder {source} instead of its "
            "single file.",
            source=f"{part.source} ({part.name}, {name})",
        )
    return [Component(name, classes[name], folder)]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_json_file(path, dict[str, Any]) or {}
    except msgspec.DecodeError:
        return {}


def _t5_config(tensors: Tensors) -> dict[str, Any]:
    first = "encoder.block.0.layer.0.SelfAttention"
    heads = tensors[f"{first}.relative_attention_bias.weight"].shape[1]
    inner, width = tensors[f"{first}.q.weight"].shape
    is_gated = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight" in tensors
    name = "wi_0" if is_gated else "wi"
    layers = _count(tensors, r"encoder\.block\.(\d+)\.")
    return {
        "d_model": width,
        "d_kv": inner // heads,
        "num_heads": heads,
        "num_layers": layers,
        "num_decoder_layers": layers,
        "d_ff": tensors[f"encoder.block.0.layer.1.DenseReluDense.{name}.weight"].shape[0],
        "vocab_size": tensors["shared.weight"].shape[0],
        "is_gated_act": is_gated,
        "feed_forward_proj": "gated-gelu" if is_gated else "relu",
    }


def _clip_config(tensors: Tensors) -> dict[str, Any]:
    vocabulary, width = _shape(tensors, "embeddings.token_embedding.weight")
    return {
        "hidden_size": width,
        "vocab_size": vocabulary,
        "projection_dim": width,
        "intermediate_size": _shape(tensors, "encoder.layers.0.mlp.fc1.weight")[0],
        "max_position_embeddings": _shape(tensors, "embeddings.position_embedding.weight")[0],
        "num_attention_heads": max(1, width // 64),
        "num_hidden_layers": _count(tensors, r"(?:text_model\.)?encoder\.layers\.(\d+)\."),
    }


def _qwen3_config(tensors: Tensors) -> dict[str, Any]:
    head = _shape(tensors, "layers.0.self_attn.q_norm.weight")[0]
    queries, width = _shape(tensors, "layers.0.self_attn.q_proj.weight")
    return {
        "hidden_size": width,
        "vocab_size": _shape(tensors, "embed_tokens.weight")[0],
        "head_dim": head,
        "num_attention_heads": queries // head,
        "num_key_value_heads": _shape(tensors, "layers.0.self_attn.k_proj.weight")[0] // head,
        "intermediate_size": _shape(tensors, "layers.0.mlp.gate_proj.weight")[0],
        "num_hidden_layers": _count(tensors, r"(?:model\.)?layers\.(\d+)\."),
        "tie_word_embeddings": "lm_head.weight" not in tensors,
    }


_DERIVED = {
    "kl": kl_vae_config,
    "t5": _t5_config,
    "clip": _clip_config,
    "qwen3": _qwen3_config,
}


def _shape(tensors: Tensors, end: str) -> tuple[int, ...]:
    return next(info.shape for name, info in tensors.items() if name.endswith(end))


def _count(tensors: Tensors, pattern: str) -> int:
    matcher = re.compile(pattern)
    numbers = [int(found.group(1)) for name in tensors if (found := matcher.match(name))]
    return max(numbers, default=-1) + 1


def _save(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
