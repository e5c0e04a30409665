"""A GGUF file to a safetensors folder, once: that loads in a second instead of half a minute."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from studio.engine.local.job import Job
from studio.engine.tasks.text.model.gguf_file import DIGITS_APART, read_metadata
from studio.engine.tasks.text.model.load_progress import check_report, read, watched
from studio.formats.gguf_cache import CACHE_VARIABLE, converted_folder
from studio.protocol import ProblemError, Sentence, problem, readable_size, sentence

_PART = ".part"
_LOCK = ".lock"
_LOOK_AGAIN = 0.2
"""Seconds after which a process that waits for another looks whether it was cancelled."""


def converted(job: Job, source: Path) -> Path:
    """Return the folder with the converted model of a GGUF file, converting it if need be.

    It is kept below the folder that `STUDIO_CACHE` names, or that `STUDIO_HOME` implies, or else
    where the system keeps temporary files. One process unpacks at a time; another that wants the
    same file waits for it. What an older file of the same path left there is removed, and so is
    what a process left that was killed while it wrote.

    Raises:
        ProblemError: as `convert` does.
        JobCancelledError: while converting, or waiting.
    """
    folder = converted_folder(_cache(), source)
    if _is_whole(folder):
        return folder
    metadata = read_metadata(source)
    job.loading(_stage(source))
    with _alone(job, folder):
        if _is_whole(folder):
            return folder
        for left in (
            *folder.parent.glob(folder.name.rpartition("-")[0] + "-*"),
            *folder.parent.glob(f".*{_PART}"),
        ):
            shutil.rmtree(left, ignore_errors=True)
        _convert(job, source, metadata, folder)
    return folder


def convert(job: Job, source: Path, target: Path) -> None:
    """Write the model of a GGUF file to the folder `target`, all of it or nothing.

    The weights are unpacked to bfloat16. A README.md says what they were made from and under
    which licence, as far as the file tells.

    Raises:
        ProblemError: `model_broken`, `bad_input`, or `disk_full`.
        JobCancelledError: between two weights.
        FileExistsError: `target` is there already.
    """
    if target.exists():
        raise FileExistsError(target)
    _convert(job, source, read_metadata(source), target)


def _convert(job: Job, source: Path, metadata: dict[str, Any], target: Path) -> None:
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{_PART}")
    try:
        part.mkdir(parents=True)
        _check_room(part, source)
        _write(job, source, metadata, part)
        (part / "README.md").write_text(model_card(metadata, source.name), "utf-8", newline="\n")
        for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
            if (source.parent / name).is_file():
                shutil.copyfile(source.parent / name, part / name)
        for file in part.iterdir():
            file.chmod(0o644)  # the weights' file would be its writer's alone
        job.check()
        part.replace(target)
    except OSError as error:
        raise _unwritten(target, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    return (folder / "config.json").is_file()


@contextlib.contextmanager
def _alone(job: Job, folder: Path) -> Iterator[None]:
    """Keep other processes from unpacking to where `folder` will be; wait until they are done."""
    lock = FileLock(folder.with_name(_LOCK))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not lock.is_locked:
            job.check()
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=_LOOK_AGAIN)
    except OSError as error:
        raise _unwritten(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _stage(source: Path) -> Sentence:
    return sentence(
        "Converting {file}, which is done only once, for faster loading", file=source.name
    )


def _cache() -> Path:
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if home := os.environ.get("STUDIO_HOME"):
        return Path(home).expanduser() / "cache"
    return Path(tempfile.gettempdir()) / "prompt-studio"


def model_card(metadata: dict[str, Any], file: str) -> str:
    """Return the text of a model card that keeps what a GGUF file says about its model."""

    def said(key: str) -> str:
        value = metadata.get(f"general.{key}")
        return str(value).strip() if isinstance(value, str) else ""

    licence = said("license")
    lines = [f"# {said('name') or Path(file).stem}", ""]
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
        if said(key):
            lines += ["", f"{label}: {said(key)}"]
    return "\n".join(lines) + "\n"


def _check_room(folder: Path, source: Path) -> None:
    # Four bits become sixteen.
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
    tokenizer = read(name, lambda: AutoTokenizer.from_pretrained(source.parent, **where))
    if metadata.get("tokenizer.ggml.pre") in DIGITS_APART:
        _split_digits(tokenizer)
    job.check()
    with watched(job, stage):
        model, report = read(
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
    check_report(name, report, lambda _: name)
    job.check()
    tokenizer.save_pretrained(part)
    model.save_pretrained(part)


def _split_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
    )


def _unwritten(target: Path, error: OSError) -> ProblemError:
    return problem(
        "disk_full" if error.errno == 28 else "bad_input",
        "The converted model could not be saved in {folder}. Check that the disk has enough space"
        " and that the folder is writable.",
        detail=str(error),
        folder=str(target.parent),
    )
