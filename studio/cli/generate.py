"""`studio text`, `image` and `upscale`: check the call, run the jobs, say how it went."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from studio.cli.main import DONE, INTERRUPTED, SOME_FAILED, WRONG_CALL
from studio.cli.output import HumanOutput, JsonOutput, Output, Tally
from studio.engine.client import EngineClient
from studio.jobs.runner import Runner
from studio.library.records import Job
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

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})

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
        output = _output_folder(options.output)
        library = Library.open(paths.library, run_queue=False)
    except ProblemError as error:
        print(f"studio {options.command}: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    tally = Tally()
    report: Output
    if options.json:
        report = JsonOutput(tally)
    else:
        single = isinstance(requests[0], TextRequest) and requests[0].count == 1
        report = HumanOutput(tally, stream_text=single)
    engine = EngineClient(log_dir=paths.logs)
    try:
        try:
            jobs = library.enqueue(requests, output=output, claim=True)
        except ProblemError as error:
            print(f"studio {options.command}: {error.problem.message}", file=sys.stderr)
            return WRONG_CALL
        interrupted = _run(Runner(library, engine, registry), library, jobs, report)
    finally:
        engine.stop()
        library.close()
    report.finish()
    if interrupted:
        return INTERRUPTED
    return SOME_FAILED if tally.failed else DONE


def _run(runner: Runner, library: Library, jobs: Sequence[Job], report: Output) -> bool:
    """Run jobs one after another; returns whether the person interrupted."""
    interrupted = threading.Event()
    current: list[str] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        # Not in the handler itself: it may have interrupted code that holds the same locks.
        for job in current:
            threading.Thread(target=runner.cancel, args=(job,), daemon=True).start()

    before = signal.signal(signal.SIGINT, stop)
    terminated = signal.signal(signal.SIGTERM, stop)
    try:
        for job in jobs:
            if interrupted.is_set():
                library.finish(job.id, "cancelled")
                continue
            current[:] = [job.id]
            runner.run(job, report.report)
    except KeyboardInterrupt:
        interrupted.set()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, terminated)
    return interrupted.is_set()


def _requests(options: argparse.Namespace) -> list[Request]:
    """Return what was asked for. Raises `ProblemError` where the call is wrong."""
    given = {
        name: value
        for name in _FIELDS[options.command]
        if (value := getattr(options, name)) is not None
    }
    if options.command == "upscale":
        files = _pictures([Path(file) for file in options.files])
        return [
            _request({**given, "task": "upscale", "input": {"path": str(file)}}) for file in files
        ]
    if options.prompt == "-":
        given["prompt"] = sys.stdin.read()
    if not given["prompt"].strip():
        raise problem("bad_input", "The prompt is empty. Say what you want with -p.")
    if options.command == "image":
        given |= _size(options.size)
        if options.image is not None:
            given["image"] = {"path": str(_file(Path(options.image)))}
    return [_request({**given, "task": options.command})]


def _request(fields: dict[str, Any]) -> TextRequest | ImageRequest | UpscaleRequest:
    try:
        return request_from_fields(fields)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        name = where.rstrip("`").split(".")[0]
        option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
        raise problem(
            "bad_input",
            "{option} {value} is not possible: {reason}.",
            option=option,
            value=repr(fields.get(name, "")),
            reason=_plain(what),
        ) from error


def _plain(reason: str) -> str:
    """Return what the validator says, in fewer signs."""
    text = reason.replace("`", "").replace("Expected ", "it must be ")
    for word, plain in (("int", "a whole number"), ("float", "a number"), ("str", "text")):
        text = text.replace(f"be {word}", f"be {plain}")
    return text.replace(" | null", "").split(", got")[0]


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


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """Return files as they are and the pictures below folders, each once."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(f for f in path.rglob("*") if f.suffix.lower() in PICTURES)
            if not inside:
                raise problem("bad_input", "There is no picture in {path}.", path=path)
            found.extend(file.absolute() for file in inside)
        else:
            found.append(_file(path))
    return list(dict.fromkeys(found))


def _output_folder(text: str) -> str:
    """Return the absolute folder, made if it was not there; "" stays the library."""
    if not text:
        return ""
    folder = Path(text).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".prompt-studio-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise problem(
            "bad_input",
            "The folder {path} cannot be written to: {reason}. Choose another with -o.",
            path=folder,
            reason=error.strerror or type(error).__name__,
        ) from error
    return str(folder)
