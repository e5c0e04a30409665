"""Converts GGUF files to safetensors folders, which load in a second instead of half a minute."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout

from studio.engine.local.job import Job
from studio.engine.tasks.text.model.gguf_file import SPLITS_DIGITS, read_metadata
from studio.engine.tasks.text.model.load_progress import (
    check_loading_info,
    explain_errors,
    progress_reported,
)
from studio.formats.folders import FileLock
from studio.formats.untrusted_files import user_path
from studio.formats.weights.gguf_cache import CACHE_VARIABLE, converted_folder
from studio.protocol import ProblemError, Sentence, problem, readable_size, sentence

_PARTIAL_SUFFIX = ".part"
_LOCK_NAME = ".lock"
_POLL_SECONDS = 0.2
"""Interval of checking for cancellation while waiting for another process, in seconds."""


def converted_model(job: Job, source: Path) -> Path:
    """Return the folder with the converted model of a GGUF file, converting it if necessary.

    The cache is in the folder named by `STUDIO_CACHE`, or below `STUDIO_HOME`, or in the system's
    folder for temporary files. Only one process converts at a time; others wait. Conversions of
    older versions of the file, and leftovers of killed processes, are removed.

    Raises:
        ProblemError: see `convert`.
        JobCancelledError: while converting or waiting.
    """
    folder = converted_folder(_cache_folder(), source)
    if _is_complete(folder):
        return folder
    metadata = read_metadata(source)
    job.loading(_stage(source))
    with _exclusive(job, folder):
        if _is_complete(folder):
            return folder
        for leftover in (
            *folder.parent.glob(folder.name.rpartition("-")[0] + "-*"),
            *folder.parent.glob(f".*{_PARTIAL_SUFFIX}"),
        ):
            shutil.rmtree(leftover, ignore_errors=True)
        _convert(job, source, metadata, folder)
    return folder


def convert(job: Job, source: Path, target: Path) -> None:
    """Convert a GGUF file to the folder `target`, completely or not at all.

    The weights are dequantized to bfloat16. A README.md records their source and licence, as far
    as the file states them.

    Raises:
        ProblemError: `model_broken`, `bad_input`, or `disk_full`.
        JobCancelledError: between two tensors.
        FileExistsError: `target` already exists.
    """
    if target.exists():
        raise FileExistsError(target)
    _convert(job, source, read_metadata(source), target)


def _convert(job: Job, source: Path, metadata: dict[str, Any], target: Path) -> None:
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{_PARTIAL_SUFFIX}")
    try:
        part.mkdir()
        _check_disk_space(part, source)
        _write(job, source, metadata, part)
        (part / "README.md").write_text(model_card(metadata, source.name), "utf-8", newline="\n")
        for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
            if (source.parent / name).is_file():
                shutil.copyfile(source.parent / name, part / name)
        for file in part.iterdir():
            file.chmod(0o644)  # the weight file is created readable only by its owner
        job.check()
        part.replace(target)
    except OSError as error:
        raise _write_problem(target, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _is_complete(folder: Path) -> bool:
    return (folder / "config.json").is_file()


@contextlib.contextmanager
def _exclusive(job: Job, folder: Path) -> Iterator[None]:
    """Lock the parent of `folder` against other converting processes, waiting for them."""
    lock = FileLock(folder.with_name(_LOCK_NAME))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not lock.is_locked:
            job.check()
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=_POLL_SECONDS)
    except OSError as error:
        raise _write_problem(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _stage(source: Path) -> Sentence:
    return sentence(
        "Converting {file}, which is done only once, for faster loading", file=source.name
    )


def _cache_folder() -> Path:
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if home := os.environ.get("STUDIO_HOME"):
        return user_path(home) / "cache"
    return Path(tempfile.gettempdir()) / "prompt-studio"


def model_card(metadata: dict[str, Any], file: str) -> str:
    """Return the text of a model card with the metadata of a GGUF file."""

    def text(key: str) -> str:
        value = metadata.get(f"general.{key}")
        return str(value).strip() if isinstance(value, str) else ""

    licence = text("license")
    lines = [f"# {text('name') or Path(file).stem}", ""]
    if licence:
        lines = ["---", f"license: {licence}", "---", "", *lines]
    lines.append(f"Unpacked to bfloat16 from the GGUF file `{file}`; nothing else was changed.")
    for label, key in (
        ("FakeResult by", "organization"),
        ("Author", "author"),
        ("Licence", "license"),
        ("Terms", "license.link"),
        ("Source", "source.url"),
        ("Home page", "url"),
        ("Description", "description"),
    ):
        if text(key):
            lines += ["", f"{label}: {text(key)}"]
    return "\n".join(lines) + "\n"


def _check_disk_space(folder: Path, source: Path) -> None:
    # At most from 4 bits to 16 bits per weight.
    need, free = source.stat().st_size * 4, shutil.disk_usage(folder).free
    if free < need:
        raise problem(
            "disk_full",
            "Converting {file} needs up to {need} of disk space, but only {free} is free. Free"
            " some space and try again.",
            file=source.name,
            need=readable_size(need),
            free=readable_size(free),
        )


def _write(job: Job, source: Path, metadata: dict[str, Any], part: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    name = source.name
    stage = _stage(source)
    job.loading(stage)
    where = {"gguf_file": name, "local_files_only": True}
    tokenizer = explain_errors(name, lambda: AutoTokenizer.from_pretrained(source.parent, **where))
    if metadata.get("tokenizer.ggml.pre") in SPLITS_DIGITS:
        _split_digits(tokenizer)
    job.check()
    with progress_reported(job, stage):
        model, report = explain_errors(
            name,
            lambda: AutoModelForCausalLM.from_pretrained(
                source.parent,
                dtype=torch.bfloat16,
                quantization_config=GgufConfig(dequantize=True),
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **where,
            ),
        )
    check_loading_info(name, report, lambda _: name)
    job.check()
    tokenizer.save_pretrained(part)
    model.save_pretrained(part)


def _split_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
    )


def _write_problem(target: Path, error: OSError) -> ProblemError:
    return problem(
        "disk_full" if error.errno == errno.ENOSPC else "bad_input",
        "The converted model could not be saved in {folder}. Check that the disk has enough space"
        " and that the folder is writable.",
        detail=str(error),
        folder=str(target.parent),
    )
