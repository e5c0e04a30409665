"""Loads a pipeline component by component, with progress, cancellation and precise errors.

Only safetensors files and only classes of diffusers and transformers are used (see `layout`).
Errors name the file that is missing, truncated, incomplete or has wrong shapes: the libraries do
not detect all of these (missing tensors would be initialised with random numbers).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from msgspec import Struct

from studio.engine.local.devices import Device, best_dtype, is_out_of_memory
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.image.model.component_files import loaded_bytes
from studio.engine.tasks.image.model.describe import assemble, capabilities_of
from studio.engine.tasks.image.model.layout import Component, Layout, ModelFacts
from studio.engine.tasks.image.model.model_layout import read_model, require_all_parts
from studio.engine.tasks.image.model.part_files import load_part
from studio.engine.tasks.image.model.pipeline_fixes import apply_fixes
from studio.engine.tasks.image.model.preview import ColourMap
from studio.engine.tasks.image.model.prompt_encoding import EncodedPromptCache
from studio.formats.weights.tensors import Tensors
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.protocol import Capabilities, ModelRef, ProblemError, problem, sentence

Placement = Literal["whole", "parts", "layers"]
"""`whole`: everything on the device; `parts`: one network at a time; `layers`: a few layers."""

_SLOW_HASH_BYTES = 1_000_000_000
"""Model size above which computing the hash takes long enough to be shown, in bytes."""

_WORKING_MEMORY = 1_500_000_000
"""Memory reserved for the computation when choosing a pipeline's placement on a GPU, in bytes."""


class PipelineForm(Struct, frozen=True):
    """How the pipelines of one kind of work are read and described."""

    name: str
    read: Callable[[ModelRef, Sequence[ModelRef]], Layout]
    capabilities: Callable[[Any, ModelFacts], Capabilities]


PICTURES = PipelineForm("image", read_model, capabilities_of)


class LoadedAdapter(Struct, frozen=True):
    """A LoRA or an embedding on a pipeline.

    `name` is the name of a LoRA in PEFT, or the word of an embedding. `sha256` is of its file.
    """

    ref: ModelRef
    name: str
    sha256: str


@dataclass
class LoadedPipeline:
    """A pipeline in memory, including the changes made by `memory_fallback`.

    `size` is the size of the weights in bytes, `sha256` their hash once computed. `changes` are
    English sentences for recipes. `colours` is the preview's map from latents to colours, or
    None; `colours_fitted` is whether fitting was tried. `prompt_cache` has the states of the
    last prompts, `unknown` those of the unknown prompts in its facts (prompts, tokens, width),
    once computed by `out_of_domain`. `adapters` are the LoRAs and embeddings on it by path,
    `adapter_state` those in use with their weights. `without_embeddings` keeps the tokenizers and
    word embeddings that the model came with.
    """

    pipeline: Any
    capabilities: Capabilities
    layout: Layout
    device: Device
    dtype: torch.dtype
    size: int
    placement: Placement = "whole"
    sha256: str = ""
    changes: list[str] = field(default_factory=list)
    colours: ColourMap | None = None
    colours_fitted: bool = False
    variants: dict[type[Any], Any] = field(default_factory=dict)
    prompt_cache: EncodedPromptCache = field(default_factory=EncodedPromptCache)
    unknown: torch.Tensor | None = None
    adapters: dict[str, LoadedAdapter] = field(default_factory=dict)
    adapter_state: tuple[str, ...] = ()
    without_embeddings: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict)
    key: str = ""
    releases_encoders: bool = False
    released: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Size of the weights on the device, in bytes."""
        return self.size

    @property
    def state(self) -> tuple[str, ...]:
        """Identifies the state of the weights, for invalidating cached results."""
        return (str(self.dtype), self.placement, *self.adapter_state, *self.changes)

    def networks(self) -> dict[str, torch.nn.Module]:
        """Return name → network for each component with weights."""
        return {
            name: part
            for name, part in self.pipeline.components.items()
            if isinstance(part, torch.nn.Module)
        }

    def unload(self) -> None:
        """Release the pipeline, which cannot be used afterwards."""
        if hasattr(self.pipeline, "remove_all_hooks"):
            self.pipeline.remove_all_hooks()
        self.variants.clear()
        self.prompt_cache.clear()
        self.colours = self.unknown = None
        self.pipeline = None


def keep_fingerprint(loaded: LoadedPipeline, ref: ModelRef, job: Job) -> None:
    """Compute the hash of the weights for the recipes, once; say so where it takes long."""
    if loaded.sha256:
        return
    if loaded.size > _SLOW_HASH_BYTES:
        job.loading(sentence("Computing the checksum of the model's files"))
    loaded.sha256 = weight_hash(ref, job.check)


def acquire(
    ref: ModelRef,
    device: Device,
    memory: MemoryArbiter,
    job: Job,
    companions: Sequence[ModelRef] = (),
    form: PipelineForm | None = None,
) -> LoadedPipeline:
    """Return the pipeline of a model, loading it if necessary.

    `companions` are the text encoders and the VAE of a denoiser. `form` is given for pipelines
    that make something else than pictures.

    Raises:
        ProblemError: `model_missing`, `model_broken`, `bad_input` or `out_of_memory`.
        JobCancelledError: the job was cancelled while it was loading.
    """
    job.check()
    best = best_dtype(device)
    others = [model_key(each.path) for each in companions]
    form = form or PICTURES
    key = model_key(ref.path, form.name, best, device.name, *others)
    loaded = memory.find(key)
    if isinstance(loaded, LoadedPipeline):
        return loaded
    silence_libraries()
    job.loading(sentence("Inspecting {name}", name=ref.name or ref.id))
    layout = form.read(ref, companions)
    require_all_parts(ref, layout)
    dtype = torch.float32 if layout.facts.precision else best
    sizes = _sizes(layout, dtype)
    if device.kind == "cpu" and dtype == torch.float32 and not layout.facts.precision:
        free = memory.make_room(sum(sizes.values()), job)
        smaller = _sizes(layout, torch.bfloat16)
        if sum(smaller.values()) <= free < sum(sizes.values()):
            dtype, sizes = torch.bfloat16, smaller
    placement = _placement(device, sizes)
    need = {
        "whole": sum(sizes.values()),
        "parts": max(sizes.values(), default=0),
        "layers": _WORKING_MEMORY,
    }[placement]
    made = memory.acquire(
        key, need, lambda: _load(layout, device, dtype, placement, job, form), job
    )
    made.key = key
    if dtype != best and not layout.facts.precision:
        message = sentence("Memory is low, so the model runs in 16-bit precision.")
        made.changes.append(str(message))
        job.warn("memory", message)
    return made


def load_network(component: Component, dtype: torch.dtype) -> torch.nn.Module:
    """Load one network on the CPU. Raises `ProblemError` (`model_broken`) naming its file."""
    import diffusers

    if component.is_part:
        return _load_part(component, dtype)
    arguments: dict[str, Any] = {
        "use_safetensors": True,
        "local_files_only": True,
        "output_loading_info": True,
    }
    if component.variant:
        arguments["variant"] = component.variant
    is_ours = issubclass(component.kind, diffusers.ModelMixin)
    arguments["torch_dtype" if is_ours else "dtype"] = dtype
    try:
        part, info = component.kind.from_pretrained(component.folder, **arguments)
    except (JobCancelledError, ProblemError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise wrong_tensors(component.files[0], traceback.format_exc()) from error
    absent = sorted(set(map(str, info.get("missing_keys", ()))) - _UNUSED_TENSORS)
    if absent or info.get("mismatched_keys") or info.get("error_msgs"):
        raise wrong_tensors(component.files[0], f"missing: {absent[:20]}; {info}"[:4000])
    return _ready_for_inference(part, component.files[0])


def _load_part(component: Component, dtype: torch.dtype) -> torch.nn.Module:
    try:
        network, absent = load_part(component, dtype)
    except (JobCancelledError, ProblemError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise wrong_tensors(component.files[0], traceback.format_exc()) from error
    if absent:
        raise wrong_tensors(component.files[0], f"missing: {absent[:20]}")
    return _ready_for_inference(network, component.files[0])


# Pipelines use BERT's hidden states; text encoders are often saved without the pooler.
_UNUSED_TENSORS = frozenset({"pooler.dense.weight", "pooler.dense.bias"})


def wrong_tensors(path: Path, detail: str) -> ProblemError:
    """Return the error for a weight file with missing or mismatched tensors."""
    return problem(
        "model_broken",
        "{file} does not contain the tensors that its model needs: some are missing or have a"
        " different shape. Copy or download the model again.",
        detail=detail,
        file=path,
    )


def silence_libraries() -> None:
    """Keep the libraries' progress bars and hints out of the log."""
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def apply_placement(loaded: LoadedPipeline, placement: Placement) -> None:
    """Move a pipeline's networks according to a placement. `parts` and `layers` need a GPU."""
    pipeline, device = loaded.pipeline, torch.device(loaded.device.name)
    if placement == "whole":
        pipeline.to(device)
    elif placement == "parts":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        # `enable_sequential_cpu_offload` fails with the current versions of diffusers and
        # accelerate; leaf-level group offloading is equivalent.
        pipeline.remove_all_hooks()
        pipeline.to("cpu", silence_dtype_warnings=True)
        pipeline.enable_group_offload(
            onload_device=device, offload_device=torch.device("cpu"), offload_type="leaf_level"
        )
    loaded.variants.clear()
    loaded.placement = placement


def _load(
    layout: Layout,
    device: Device,
    dtype: torch.dtype,
    placement: Placement,
    job: Job,
    form: PipelineForm,
) -> LoadedPipeline:
    parts: dict[str, Any] = {}
    components = layout.components
    for number, component in enumerate(components):
        job.check()
        job.loading(
            sentence("Loading part {number} of {count}", number=number + 1, count=len(components)),
            number / max(1, len(components)),
        )
        if component.files:
            parts[component.name] = load_network(component, dtype)
        elif not component.is_network:
            parts[component.name] = _load_from_config(component)
    job.check()
    try:
        if layout.checkpoint is not None:
            pipeline = _from_checkpoint(layout, layout.checkpoint, parts, dtype)
        else:
            pipeline = assemble(layout, parts)
    except (JobCancelledError, ProblemError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise wrong_tensors(layout.checkpoint or layout.root, traceback.format_exc()) from error
    pipeline.set_progress_bar_config(disable=True)
    apply_fixes(pipeline)
    job.check()
    loaded = LoadedPipeline(
        pipeline=pipeline,
        capabilities=form.capabilities(pipeline, layout.facts),
        layout=layout,
        device=device,
        dtype=dtype,
        size=0,
    )
    loaded.size = sum(
        tensor.numel() * tensor.element_size()
        for network in loaded.networks().values()
        for tensor in (*network.parameters(), *network.buffers())
    )
    job.loading(sentence("Moving the model to {device}", device=device.label), 1.0)
    apply_placement(loaded, placement)
    if placement != "whole":
        message = sentence(
            "The model does not fit into GPU memory. Parts of it are kept in main memory."
        )
        job.warn("memory", message)
        loaded.changes.append(str(message))
    return loaded


def _load_from_config(component: Component) -> Any:
    try:
        return component.kind.from_pretrained(component.folder, local_files_only=True)
    except Exception as error:
        raise problem(
            "model_broken",
            "{folder} cannot be read: its files are missing or damaged. Copy or download the"
            " model again.",
            detail=traceback.format_exc(),
            folder=component.folder,
        ) from error


def _from_checkpoint(
    layout: Layout, checkpoint: Path, parts: dict[str, Any], dtype: torch.dtype
) -> Any:
    pipeline = layout.pipeline.from_single_file(
        str(checkpoint),
        config=str(layout.root),
        torch_dtype=dtype,
        local_files_only=True,
        **parts,
    )
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            _ready_for_inference(part, checkpoint)
    return pipeline


def _ready_for_inference(part: torch.nn.Module, path: Path) -> torch.nn.Module:
    empty = [name for name, tensor in part.named_parameters() if tensor.is_meta]
    if empty:
        raise wrong_tensors(path, f"missing: {empty[:20]}")
    return part.eval().requires_grad_(False)


def _sizes(layout: Layout, dtype: torch.dtype) -> dict[str, int]:
    """Return the loaded size of each component in bytes; a checkpoint counts as one."""
    size = torch.empty((), dtype=dtype).element_size()
    sizes = {
        component.name: sum(
            loaded_bytes(_tensors_of(component, layout.headers[file]), size)
            for file in component.files
        )
        for component in layout.components
        if component.files
    }
    if layout.checkpoint is not None:
        sizes["checkpoint"] = loaded_bytes(layout.headers[layout.checkpoint], size)
    return sizes


def _tensors_of(component: Component, tensors: Tensors) -> Tensors:
    if not component.prefix:
        return tensors
    return {name: info for name, info in tensors.items() if name.startswith(component.prefix)}


def _placement(device: Device, sizes: dict[str, int]) -> Placement:
    if device.kind != "cuda":
        return "whole"
    if sum(sizes.values()) + _WORKING_MEMORY <= device.total:
        return "whole"
    return "parts" if max(sizes.values(), default=0) + _WORKING_MEMORY <= device.total else "layers"
