"""Loads vision models: folders of transformers that take a picture and write text."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.engine.local.devices import Device, best_dtype
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.local.model_problems import model_missing
from studio.engine.tasks.text.model.load_progress import (
    check_loading_info,
    explain_errors,
    progress_reported,
)
from studio.engine.tasks.text.model.weight_files import read_weight_files
from studio.protocol import ModelRef, problem, sentence


@dataclass
class LoadedVision:
    """A model in memory. `processor` turns a picture and a text into its inputs."""

    model: Any
    processor: Any
    dtype: torch.dtype
    nbytes: int
    key: str

    @property
    def precision(self) -> str:
        """The type of the weights, as torch names it."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def is_greedy(self) -> bool:
        """Whether the model picks the likeliest token if nothing else is said."""
        return not self.model.generation_config.do_sample

    @property
    def tokenizer(self) -> Any:
        """The part of the processor for text."""
        return self.processor.tokenizer

    def unload(self) -> None:
        """Release the model."""
        self.model = self.processor = None


def acquire_vision(
    job: Job, ref: ModelRef, memory: MemoryArbiter, device: Device, *, saves_memory: bool
) -> LoadedVision:
    """Return the loaded model, loading it if necessary; in 16 bits if it `saves_memory`.

    Raises:
        ProblemError: `model_broken`, `bad_input`, `model_missing` or `out_of_memory`.
        JobCancelledError: between two tensors.
    """
    path = Path(ref.path)
    if not path.is_dir():
        raise model_missing(ref)
    dtype = torch.bfloat16 if saves_memory and device.kind == "cpu" else best_dtype(device)
    files = read_weight_files(path)
    key = model_key(path, "describe", dtype)
    nbytes = files.elements * dtype.itemsize

    def load() -> LoadedVision:
        stage = sentence("Loading {model}", model=ref.name)
        job.loading(stage, 0.0)
        config = _config(ref.name, path)
        processor = _processor(ref.name, path)
        job.check()
        with progress_reported(job, stage):
            model, report = explain_errors(ref.name, lambda: _read(path, config, dtype, device))
        check_loading_info(ref.name, report, files.file_of)
        model.eval().requires_grad_(False)
        job.check()
        return LoadedVision(model, processor, dtype, nbytes, key)

    return memory.acquire(key, int(nbytes * 1.25) + 50_000_000, load, job)


def _read(path: Path, config: Any, dtype: torch.dtype, device: Device) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(
        path,
        config=copy.deepcopy(config),
        dtype=dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **({} if device.kind == "cpu" else {"device_map": {"": device.name}}),
    )


def _config(name: str, path: Path) -> Any:
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, AutoConfig

    config = explain_errors(
        name,
        lambda: AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False),
    )
    if MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING.get(type(config), None) is None:
        raise problem(
            "bad_input",
            "The model {name} ({family}) does not write about pictures, or its architecture is not"
            " supported. Choose another vision model.",
            name=name,
            family=config.model_type,
        )
    return config


def _processor(name: str, path: Path) -> Any:
    from transformers import AutoProcessor

    found = explain_errors(
        name,
        lambda: AutoProcessor.from_pretrained(path, local_files_only=True, trust_remote_code=False),
    )
    if getattr(found, "tokenizer", None) is None or not hasattr(found, "image_processor"):
        raise problem(
            "model_broken",
            "The files that say how {name} reads pictures are missing. Copy"
            " preprocessor_config.json, processor_config.json and the tokenizer into its folder.",
            name=name,
        )
    return found
