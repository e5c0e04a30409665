"""Progress, cancellation and readable errors while transformers loads a model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

from studio.engine.local.devices import is_out_of_memory
from studio.engine.local.job import Job, JobCancelledError
from studio.protocol import ProblemError, Sentence, problem

T = TypeVar("T")


@contextlib.contextmanager
def progress_reported(job: Job, stage: Sentence) -> Iterator[None]:
    """Report the progress of transformers' loading loops as `stage`; stop them when cancelled.

    Hooks into the progress bars that these loops would draw.
    """
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    def bar(items: Iterable[Any] | None = None, *_: Any, **options: Any) -> _ProgressBar:
        return _ProgressBar(job, stage, items if items is not None else (), options.get("total"))

    job.loading(stage)
    previous = logging.set_tqdm_hook(lambda _, args, options: bar(*args, **options))
    previous_gguf_bar = gguf.tqdm
    gguf.tqdm = bar
    try:
        yield
    finally:
        gguf.tqdm = previous_gguf_bar
        logging.set_tqdm_hook(previous)


class _ProgressBar:
    """Replaces a progress bar of tqdm."""

    def __init__(self, job: Job, stage: Sentence, items: Iterable[Any], total: int | None) -> None:
        self._job = job
        self._stage = stage
        self._items = items
        self._total = total or (len(items) if isinstance(items, Sized) else 0)
        self._done = 0
        self._reported = 0.0

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._job.check()
            yield item
            self.update()

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None

    def update(self, number: int = 1) -> None:
        """Advance by a number of items."""
        self._done += number
        fraction = self._done / self._total if self._total else 0.0
        if fraction - self._reported >= 0.02:
            self._reported = fraction
            self._job.loading(self._stage, fraction)


def explain_errors(name: str, load: Callable[[], T]) -> T:
    """Call a loader of transformers and convert its errors into problems of the model `name`.

    Raises:
        ProblemError: `model_broken`, or `bad_input` if this kind of model is not supported.
        JobCancelledError, MemoryError and similar: passed through.
    """
    try:
        return load()
    except (ProblemError, JobCancelledError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _explain(name, error) from error


def _explain(name: str, error: Exception) -> ProblemError:
    detail = f"{type(error).__name__}: {error}"
    words = detail.lower()
    if "trust_remote_code" in words or "custom code" in words:
        return problem(
            "bad_input",
            "The model {name} needs custom Python code, which Prompt Studio does not run. Look for"
            " a GGUF file of the same model.",
            detail=detail,
            name=name,
        )
    if "unrecognized configuration class" in words or "does not recognize this arch" in words:
        return problem(
            "bad_input",
            "The model {name} does not generate text, or its architecture is not supported yet."
            " Choose a chat model.",
            detail=detail,
            name=name,
        )
    if isinstance(error, ImportError):
        return problem(
            "bad_input",
            "The quantization of the weights of {name} needs a library that is not installed. Use"
            " the same model unquantized (.safetensors) or as a GGUF file.",
            detail=detail,
            name=name,
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return problem(
        "model_broken",
        "The model {name} cannot be loaded: {reason}. Copy or download it again.",
        detail=detail,
        name=name,
        reason=(lines[0] if lines else type(error).__name__).rstrip(".")[:200],
    )


def check_loading_info(name: str, report: dict[str, Any], file_of: Callable[[str], str]) -> None:
    """Reject weights that do not match the model: transformers would initialise the rest.

    Args:
        name: the model's name.
        report: the loading info of `from_pretrained` with `output_loading_info=True`.
        file_of: tensor → name of its file.

    Raises:
        ProblemError: `model_broken`, naming a file.
    """
    shapes = sorted(str(key[0]) for key in report.get("mismatched_keys") or ())
    missing = sorted(str(key) for key in report.get("missing_keys") or ())
    wrong = shapes or missing
    if not wrong:
        return
    file = file_of(wrong[0])
    detail = "\n".join(wrong)
    if shapes:
        raise problem(
            "model_broken",
            "The weights in {file} do not match the config.json of {name}: {tensor} has a"
            " different shape. They belong to another model. Copy or download the model again.",
            detail=detail,
            file=file,
            name=name,
            tensor=wrong[0],
        )
    raise problem(
        "model_broken",
        "The file {file} of the model {name} is incomplete. Missing tensors: {number}, for example"
        " {tensor}. Copy or download it again.",
        detail=detail,
        number=len(wrong),
        file=file,
        name=name,
        tensor=wrong[0],
    )
