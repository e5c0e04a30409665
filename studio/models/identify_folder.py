"""Identify model folders of transformers and diffusers."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.formats.chat.context_window import context_length
from studio.formats.untrusted_files import is_file, is_folder, read_start
from studio.formats.weights.safetensors import read_safetensors_header
from studio.kinds.registry import task_of_format
from studio.models.base_family import base_of_folder
from studio.models.model_card import folder_name, languages_of, licence_of, read_config
from studio.protocol import ModelRef, ProblemError, problem

_MAX_INDEX = 32 * 2**20
_MAX_INDEX_ENTRIES = 400_000
"""The largest models have 100,000 tensors, and 10 MB of index."""

_CAUSAL = re.compile(r"ForCausalLM$|^(GPT2|OpenAIGPT|CTRL)LMHeadModel$")
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "merges.txt",
    "tekken.json",
)
_QUANTISERS = {
    "bitsandbytes": "bitsandbytes",
    "gptq": "gptqmodel",
    "awq": "awq",
    "aqlm": "aqlm",
    "auto-round": "auto_round",
    "compressed-tensors": "compressed_tensors",
    "eetq": "eetq",
    "fbgemm_fp8": "fbgemm_gpu",
    "higgs": "flute",
    "hqq": "hqq",
    "quanto": "optimum",
    "quark": "quark",
    "torchao": "torchao",
    "vptq": "vptq",
}
"""`quant_method` in config.json → Python module that it needs."""

_PICTURE_READERS = ("preprocessor_config.json", "processor_config.json")
"""How the pictures of a vision model are read."""
_NOT_PICTURES = re.compile(
    r"Video|I2V|T2V|TI2V|V2V|AnimateDiff|^Wan|^LTX|^CogVideo|^Mochi|^Allegro|^Latte|^AnyFlow"
    r"|^SkyReels|^EasyAnimate|^ConsisID|^Cosmos(?!2TextToImage)|^PIA|^I2VGen|^Helios|^LucyEdit"
    r"|Audio|Music|Speech|^AceStep|^DanceDiffusion|^ShapE|^RFD4|^LLaDA|^DiffusionGemma|Spectrogram"
)
_CLIPS = re.compile(
    r"Video|I2V|T2V|TI2V|^AnimateDiffPipeline|^Wan|^LTX|^CogVideo|^Mochi|^Allegro|^Latte|^SkyReels"
    r"|^EasyAnimatePipeline|^ConsisID|^Cosmos(?!2TextToImage)|^PIA|^I2VGen"
)
"""Pipelines of video; what one accepts is read from its signature when it is loaded."""
_CLIPS_NEED_MORE = re.compile(
    r"V2V|VideoToVideo|VACE|^WanAnimate|Control|Upsample|Edit|Inpaint|MultiPrompt|Framepack|Audio"
)
_MUSIC = re.compile(r"Audio|Music|^AceStep")
"""Pipelines of sound; what one accepts is read from its signature when it is loaded."""
_MUSIC_NEEDS_MORE = re.compile(
    r"Video|Avatar|AudioToAudio|Inpaint|Modular|^AudioDiffusion|^LTX|^Wan"
)
_NEEDS_MORE = re.compile(
    r"Inpaint|Fill|ControlNet|Adapter|Pix2Pix|Edit|Upscale|SuperResolution|Redux|Prior|Marigold"
    r"|Refiner|ImageVariation|Depth2Img|DecoderPipeline|GLIGEN|PaintByExample|Layered"
    r"|^(DDPM|DDIM|PNDM|LDM|DiT|RePaint|ScoreSdeVe|KarrasVe|ConsistencyModel)Pipeline$"
)


def describe_transformers(folder: Path, model_id: str) -> ModelRef:
    """Describe a transformers folder. Raises `ProblemError` as `describe_path` does."""
    config = read_config(folder / "config.json")
    name = folder_name(folder)
    architectures = config.get("architectures")
    architecture = (
        architectures[0]
        if isinstance(architectures, list) and architectures and isinstance(architectures[0], str)
        else ""
    )
    sees = _sees_pictures(folder, architecture, config)
    if not sees:
        _refuse_other_tasks(name, architecture)
    model_type = str(config.get("model_type", ""))
    refuse_custom_code(folder, config)
    files = transformers_weights(folder)
    _check_embedding(folder, files, config)
    check_tokenizer(folder)
    form = "transformers-vision" if sees else "transformers"
    return ModelRef(
        id=model_id,
        name=name,
        task=task_of_format(form),
        format=form,
        path=str(folder),
        family=model_type,
        size=sum(file.stat().st_size for file in files),
        context=context_length(config),
        licence=licence_of(folder),
        languages=languages_of(folder),
    )


def refuse_custom_code(folder: Path, config: dict[str, Any]) -> None:
    """Raise `ProblemError` if a model needs code of its own, or a library that is not installed."""
    name = folder_name(folder)
    known = _is_known_to_transformers(str(config.get("model_type", "")))
    if config.get("auto_map") and not known:
        raise problem(
            "bad_input",
            "The model {name} needs custom Python code, which Prompt Studio does not run. Look for"
            " a GGUF file of the same model.",
            name=name,
        )
    _refuse_quantiser(name, config)


def check_tokenizer(folder: Path) -> None:
    """Raise `ProblemError` if a folder has no tokenizer."""
    if not any(is_file(folder / file) for file in _TOKENIZERS):
        raise problem(
            "model_broken",
            "The tokenizer is missing from the model's folder {folder}. "
            "Copy tokenizer.json and tokenizer_config.json into it.",
            folder=folder.name,
        )


def describe_diffusers(folder: Path, model_id: str) -> ModelRef:
    """Describe a diffusers folder. Raises `ProblemError` as `describe_path` does."""
    index = read_config(folder / "model_index.json")
    name = folder_name(folder)
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        raise _custom_code_problem(name)
    is_clip = bool(_CLIPS.search(pipeline)) and not _CLIPS_NEED_MORE.search(pipeline)
    is_music = bool(_MUSIC.search(pipeline)) and not _MUSIC_NEEDS_MORE.search(pipeline)
    if not is_clip and not is_music and _NOT_PICTURES.search(pipeline):
        raise problem(
            "bad_input",
            "The model {name} ({pipeline}) makes speech or something else, or needs a video, a"
            " sound or more beside the prompt. Add a model that makes pictures, clips or music.",
            name=name,
            pipeline=pipeline,
        )
    if _NEEDS_MORE.search(pipeline):
        raise problem(
            "bad_input",
            "The model {name} ({pipeline}) needs more than a prompt, such as a mask or a second "
            "model. Add the text-to-image model it belongs to.",
            name=name,
            pipeline=pipeline,
        )
    if not _is_known_to_diffusers(pipeline):
        raise problem(
            "bad_input",
            "The pipeline {pipeline} of the model {name} is not supported by the installed "
            "diffusers library. A newer version of Prompt Studio may support it.",
            name=name,
            pipeline=pipeline,
        )
    form = "diffusers-video" if is_clip else "diffusers-audio" if is_music else "diffusers"
    size = 0
    parts = components(index)
    if len(parts) > _MAX_COMPONENTS or any(
        Path(component).name != component or len(component) > 100 for component in parts
    ):
        raise problem(
            "model_broken",
            "The file {file} in the model's folder {folder} cannot be read. "
            "Download the model again.",
            detail="the names of the components are not the names of folders",
            file="model_index.json",
            folder=folder.name,
        )
    for component, (library, kind) in parts.items():
        # a library that is a file beside the component is code of the model's own
        if is_file(folder / component / f"{library}.py"):
            raise _custom_code_problem(name)
        # these may be left out: pictures are made without them
        if component in _OPTIONAL and not is_folder(folder / component):
            continue
        size += _component_size(folder, component, kind)
    return ModelRef(
        id=model_id,
        name=name,
        task=task_of_format(form),
        format=form,
        path=str(folder),
        family=pipeline,
        base=base_of_folder(folder, pipeline),
        size=size,
        licence=licence_of(folder),
        languages=languages_of(folder),
    )


_MAX_COMPONENTS = 50
_OPTIONAL = {"safety_checker", "feature_extractor", "image_encoder"}


def components(index: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return component → (library, class) from the content of `model_index.json`."""
    return {
        key: (str(value[0]), str(value[1]))
        for key, value in index.items()
        if isinstance(value, list) and len(value) == 2 and value[0] and value[1]
    }


def transformers_weights(folder: Path) -> list[Path]:
    """Return the weight files of a transformers folder, after checking their headers.

    Raises `ProblemError`: `model_broken` if a file is missing or incomplete, `bad_input` if there
    are only weights in the old pickle format.
    """
    return _weights(folder, "model", [""])


def component_weights(folder: Path) -> list[Path]:
    """Return the weight files of a component of a diffusers folder, after checking their headers.

    Raises `ProblemError` as `transformers_weights` does.
    """
    names = {file.name for file in folder.glob("*.safetensors*")}
    stem = "model" if any(name.startswith("model") for name in names) else ""
    stem = stem or "diffusion_pytorch_model"
    return _weights(folder, stem, _variants(folder, stem))


def _weights(folder: Path, stem: str, variants: Iterable[str]) -> list[Path]:
    for variant in variants:
        index = folder / f"{stem}.safetensors.index{variant}.json"
        if is_file(index):
            return _shards(folder, index)
        single = folder / f"{stem}{variant}.safetensors"
        if is_file(single):
            read_safetensors_header(single)
            return [single]
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise problem(
            "bad_input",
            "The folder {folder} contains weights only in the old pickle format (.bin), which can "
            "run code and is not loaded. Convert it to .safetensors, which runs nothing in it.",
            folder=folder.name,
        )
    raise problem(
        "model_broken",
        "The weights are missing from the folder {folder}. Copy {file} into it.",
        folder=folder.name,
        file=f"{stem}.safetensors",
    )


def _variants(folder: Path, stem: str) -> Iterable[str]:
    """Yield "" first, then variants such as ".fp16" in alphabetical order."""
    yield ""
    for file in sorted(folder.glob(f"{stem}*.safetensors")):
        match = re.fullmatch(rf"{re.escape(stem)}(\.\w+)\.safetensors", file.name)
        if match:
            yield match[1]
    for file in sorted(folder.glob(f"{stem}.safetensors.index.*.json")):
        yield "." + file.name.split(".")[-2]


def _shards(folder: Path, index: Path) -> list[Path]:
    weight_map = _weight_map(index)
    if not weight_map:
        raise problem(
            "model_broken",
            "The file {file} in the model's folder {folder} cannot be read. "
            "Download the model again.",
            file=index.name,
            folder=folder.name,
        )
    files = sorted({Path(file).name for file in weight_map.values()})
    absent = [file for file in files if not is_file(folder / file)]
    if absent:
        raise problem(
            "model_broken",
            "{count} of {total} weight files are missing from the model's folder {folder}, "
            "such as {file}. Download the missing files.",
            count=len(absent),
            total=len(files),
            folder=folder.name,
            file=absent[0],
        )
    expected: dict[str, list[str]] = {}
    for tensor, file in weight_map.items():
        expected.setdefault(Path(file).name, []).append(tensor)
    for file in files:
        stored = read_safetensors_header(folder / file).tensors
        missing = next((tensor for tensor in expected[file] if tensor not in stored), None)
        if missing is not None:
            raise problem(
                "model_broken",
                "The weight file {file} does not belong to the model in {folder}: "
                "parts of the model are missing from it. Download it again.",
                detail=missing,
                file=file,
                folder=folder.name,
            )
    return [folder / file for file in files]


class _Index(Struct, frozen=True):
    weight_map: dict[str, str] = {}


def _weight_map(index: Path) -> dict[str, str]:
    """Return tensor → file; nothing if the index cannot be read or is too large to be one."""
    try:
        text = read_start(index, _MAX_INDEX + 1)
        if len(text) > _MAX_INDEX or text.count(b":") > _MAX_INDEX_ENTRIES:
            return {}
        return msgspec.json.decode(text, type=_Index).weight_map
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _component_size(folder: Path, component: str, kind: str) -> int:
    part = folder / component
    if not is_folder(part):
        raise problem(
            "model_broken",
            "The component {component} is missing from the model's folder {folder}. Download the "
            "model again, with all its folders.",
            component=component,
            folder=folder.name,
        )
    if "Scheduler" in kind:
        read_config(part / "scheduler_config.json")
        return 0
    if "Tokenizer" in kind:
        if not any(is_file(part / file) for file in _TOKENIZERS):
            raise problem(
                "model_broken",
                "The tokenizer is missing from the model's folder {folder}. "
                "Copy tokenizer.json and tokenizer_config.json into it.",
                folder=f"{folder.name}/{component}",
            )
        return 0
    if "Processor" in kind or "Extractor" in kind:
        return 0
    read_config(part / "config.json")
    return sum(file.stat().st_size for file in component_weights(part))


def _sees_pictures(folder: Path, architecture: str, config: Mapping[str, Any]) -> bool:
    """Return whether a model takes pictures and writes text."""
    is_one = architecture.endswith(("ForConditionalGeneration", "ForImageTextToText"))
    return (
        is_one
        and isinstance(config.get("vision_config"), dict)
        and any(is_file(folder / name) for name in _PICTURE_READERS)
    )


def _refuse_other_tasks(name: str, architecture: str) -> None:
    if _CAUSAL.search(architecture):
        return
    if not architecture:
        raise problem(
            "bad_input",
            "The file config.json of {name} does not say what kind of model it is. "
            "Add a folder whose config.json names an architecture.",
            name=name,
        )
    if architecture.endswith(("ForConditionalGeneration", "ForSeq2SeqLM", "ForSpeechSeq2Seq")):
        raise problem(
            "bad_input",
            "{name} ({architecture}) reads sound, or translates, or the files that say how it "
            "reads pictures are missing. The Text tab needs a chat model (an architecture ending "
            "in ForCausalLM).",
            name=name,
            architecture=architecture,
        )
    if re.search(r"Model$|ForMaskedLM$|EncoderModel|TextModel|WithProjection$", architecture):
        raise problem(
            "bad_input",
            "{name} ({architecture}) is a text encoder: it turns text into numbers and does not "
            "write. The Text tab needs a chat model (an architecture ending in ForCausalLM).",
            name=name,
            architecture=architecture,
        )
    raise problem(
        "bad_input",
        "{name} ({architecture}) does not write text. The Text tab needs a chat model "
        "(an architecture ending in ForCausalLM).",
        name=name,
        architecture=architecture,
    )


def _refuse_quantiser(name: str, config: dict[str, Any]) -> None:
    quantisation = config.get("quantization_config")
    method = str(quantisation.get("quant_method", "")) if isinstance(quantisation, dict) else ""
    module = _QUANTISERS.get(method)
    if module and importlib.util.find_spec(module) is None:
        raise problem(
            "bad_input",
            "The weights of {name} are quantized with {method}, which is not installed. Use the "
            "same model unquantized (.safetensors) or as a GGUF file.",
            name=name,
            method=method,
        )


def _check_embedding(folder: Path, files: list[Path], config: dict[str, Any]) -> None:
    """Check that the width of the word embeddings matches config.json."""
    width = config.get("hidden_size", config.get("n_embd"))
    if not isinstance(width, int):
        return
    for file in files:
        for tensor, info in read_safetensors_header(file).tensors.items():
            if not tensor.endswith(("embed_tokens.weight", "wte.weight")) or len(info.shape) != 2:
                continue
            # OPT and a few others project a narrower embedding.
            expected = config.get("word_embed_proj_dim", width)
            if info.dtype in ("f32", "f16", "bf16", "f64") and info.shape[1] != expected:
                raise problem(
                    "model_broken",
                    "The weights in {folder} do not match its config.json (width {found} instead "
                    "of {expected}): they belong to another model. Download the model again.",
                    detail=f"{file.name}: {tensor} {info.shape}",
                    folder=folder.name,
                    found=info.shape[1],
                    expected=expected,
                )


def _custom_code_problem(name: str) -> ProblemError:
    return problem(
        "bad_input",
        "The model {name} needs custom Python code, which Prompt Studio does not run. Look for a "
        "version made for diffusers' built-in pipelines.",
        name=name,
    )


@cache
def _installed_folder(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found is not None and found.origin else None


def _is_known_to_transformers(model_type: str) -> bool:
    """Return whether transformers supports the architecture; True if it is not installed."""
    installed = _installed_folder("transformers")
    if installed is None:
        return True
    name = re.sub(r"_text$", "", model_type.replace("-", "_"))
    return bool(name) and is_folder(installed / "models" / name)


def _is_known_to_diffusers(pipeline: str) -> bool:
    """Return whether diffusers supports the pipeline; True if it is not installed."""
    installed = _installed_folder("diffusers")
    if installed is None:
        return True
    return f'"{pipeline}"' in (installed / "__init__.py").read_text("utf-8")
