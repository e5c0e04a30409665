"""`studio text`, `image` and `upscale`: check the call, run the jobs, say how it went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import msgspec

from studio.cli.headless import Headless, output_folder
from studio.cli.library import library_folder
from studio.cli.main import WRONG_CALL
from studio.cli.output import refuse
from studio.formats.picture_suffixes import pictures_in
from studio.jobs.field_errors import field_of, field_sentence
from studio.jobs.picture_check import picture_problem
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    ImageRequest,
    ProblemError,
    Request,
    TextRequest,
    UpscaleRequest,
    problem,
    request_from_fields,
    task_of,
)
from studio.settings import default_paths

_FIELDS = {
    "text": (
        "prompt",
        "system_prompt",
        "model",
        "seed",
        "count",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "repetition_penalty",
    ),
    "image": (
        "prompt",
        "negative_prompt",
        "model",
        "seed",
        "count",
        "steps",
        "guidance_scale",
        "scheduler",
        "strength",
        "transparent",
    ),
    "upscale": ("model", "scale"),
}
_OPTIONS = {
    "count": "-n",
    "prompt": "-p",
    "system_prompt": "--system",
    "negative_prompt": "--negative",
    "guidance_scale": "--guidance",
    "width": "--size",
    "height": "--size",
}


def generate(options: argparse.Namespace) -> int:
    """Run the jobs of one call and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    try:
        requests = _requests(options)
        for request in requests:
            scale = request.scale if isinstance(request, UpscaleRequest) else None
            registry.resolve(request.model, task_of(request), scale)
        output = output_folder(options.output)
        library = Library.open(library_folder(paths), run_queue=False)
    except ProblemError as error:
        return _refused(options, error)
    single = isinstance(requests[0], TextRequest) and requests[0].count == 1
    headless = Headless(library, paths, registry, as_json=options.json, stream_text=single)
    with headless:
        try:
            jobs = library.enqueue(requests, output=output, claim=True)
        except ProblemError as error:
            return _refused(options, error)
        return headless.run(jobs)


def _refused(options: argparse.Namespace, error: ProblemError) -> int:
    told = error.problem
    refuse(options.command, str(told.message), as_json=options.json, kind=told.kind)
    return WRONG_CALL


def _requests(options: argparse.Namespace) -> Sequence[Request]:
    """Return what was asked for. Raises `ProblemError` where the call is wrong."""
    given = {
        name: value
        for name in _FIELDS[options.command]
        if (value := getattr(options, name)) is not None
    }
    if options.command == "upscale":
        named = [Path(file) for file in options.files]
        requests = [
            _request({**given, "task": "upscale", "input": {"path": str(file)}})
            for file in _pictures(named)
        ]
        # What is named must be a picture; one below a folder that is none fails alone.
        for file in named:
            if file.is_file():
                _picture(file)
        return requests
    given["prompt"] = _prompt(options.prompt)
    if options.command == "text" and not given["prompt"].strip():
        raise problem("bad_input", "The prompt is empty. Say what you want with -p.")
    if options.command == "image":
        given |= _size(options.size)
        if options.image is not None:
            given["image"] = {"path": str(_picture(Path(options.image)))}
        if options.mask is not None:
            if options.image is None:
                raise problem(
                    "bad_input", "--mask goes with --image: name the picture to start from as well."
                )
            given["mask"] = {"path": str(_picture(Path(options.mask)))}
    return [_request({**given, "task": options.command})]


def _prompt(text: str) -> str:
    """Return the prompt itself: `-` is standard input, `@FILE` a file, `@@` a real @."""
    if text.startswith("@@"):
        return text[1:]
    if text != "-" and not text.startswith("@"):
        return text
    try:
        data = sys.stdin.buffer.read() if text == "-" else Path(text[1:]).read_bytes()
        return data.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise problem(
            "bad_input",
            "The prompt cannot be read from {path}: {reason}. A prompt that begins with @ is "
            "written @@.",
            path=text[1:],
            reason=error.strerror or type(error).__name__,
        ) from error
    except UnicodeDecodeError as error:
        raise problem("bad_input", "The prompt is not UTF-8 text: save it as UTF-8.") from error


def _request(fields: dict[str, Any]) -> TextRequest | ImageRequest | UpscaleRequest:
    try:
        return request_from_fields(fields)
    except msgspec.ValidationError as error:
        name = field_of(error)
        option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
        raise problem(
            "bad_input",
            "{option} {value} is not possible: {reason}",
            option=option,
            value=repr(shorten(str(fields.get(name, "")), 60, placeholder="…")),
            reason=field_sentence(error, "it"),
        ) from error


def _size(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not cross or not width.strip().isdigit() or not height.strip().isdigit():
        raise problem(
            "bad_input", "--size {size} is no size. Write it like 768x512.", size=repr(text)
        )
    return {"width": width.strip(), "height": height.strip()}


def _file(path: Path) -> Path:
    if not path.is_file():
        raise problem("bad_input", "The file {path} is not there.", path=path)
    return path.absolute()


def _picture(path: Path) -> Path:
    wrong = picture_problem(_file(path))
    if wrong is not None:
        raise ProblemError(wrong)
    return path.absolute()


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """Return files as they are and the pictures below folders, each once."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = pictures_in(path)
            if not inside:
                raise problem("bad_input", "There is no picture in {path}.", path=path)
            found.extend(file.absolute() for file in inside)
        else:
            found.append(_file(path))
    return list(dict.fromkeys(found))
