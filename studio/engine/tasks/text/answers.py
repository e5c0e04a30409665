"""The answers of jobs: made batch by batch, streamed, handed over as each row ends."""

from __future__ import annotations

import threading
import time

import msgspec

from studio.engine.local.devices import Device, libraries
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.text.chat import Prompt
from studio.engine.tasks.text.decode.stream import TextStream
from studio.engine.tasks.text.model.load import LoadedText
from studio.formats.weights_fingerprint import weight_hash
from studio.kinds.text import TextRequest
from studio.protocol import ModelRef, Recipe, RunJob, seed_of_row, sentence

_BEFORE = 6
"""Tokens of a text to be continued that its continuation is decoded with."""


class Fingerprint:
    """The hash of a model's weights, computed while the first answer is written."""

    def __init__(self, job: Job, model: ModelRef) -> None:
        self._job = job
        self._model = model
        self._value = ""
        self._thread = threading.Thread(target=self._compute, name="weight-hash", daemon=True)
        self._thread.start()

    def value(self) -> str:
        """Return the hash, waiting for it. Raises `JobCancelledError`."""
        while self._thread.is_alive():
            self._job.check()
            self._thread.join(0.05)
        return self._value

    def _compute(self) -> None:
        try:
            self._value = weight_hash(self._model, self._job.check)
        except JobCancelledError:
            return


class Answers:
    """The answers of one job.

    Args:
        job: the job.
        command: what it was asked.
        request: the same, as a request for text.
        loaded: the model.
        device: where it runs.
        prompt: what the model is given.
        load_seconds: what loading took, for the recipes.
        fingerprint: the model's, where another job has begun to take it.
    """

    def __init__(
        self,
        job: Job,
        command: RunJob,
        request: TextRequest,
        loaded: LoadedText,
        device: Device,
        prompt: Prompt,
        load_seconds: float,
        fingerprint: Fingerprint | None = None,
    ) -> None:
        self.job = job
        self.request = request
        self.loaded = loaded
        self.prompt = prompt
        self._command = command
        self._device = device
        self._load_seconds = load_seconds
        self._begun = time.monotonic()
        self._adjustments: list[str] = []
        self._fingerprint = fingerprint or Fingerprint(job, command.model)
        self._sent: dict[int, int] = {}
        self._steps = prompt.room * len(command.rows)
        self._cut = 0
        self.done: set[int] = set()
        """Rows that were handed over."""
        self.tokens = 0
        self.seconds = 0.0
        """Spent on tokens, not on the prompt."""
        self.first_token = 0.0
        """Seconds from the loaded model to the first token of the job."""

    def adjusted(self, what: str) -> None:
        """Note in the recipes that something is not as it was asked for. English."""
        self._adjustments.append(what)

    @property
    def complete(self) -> bool:
        """Whether every wanted row was handed over."""
        return len(self.done) == len(self._command.rows)

    @property
    def stats(self) -> dict[str, float]:
        """What `Done` tells."""
        return {
            "tokens": float(self.tokens),
            "tokens_per_second": self.tokens / self.seconds if self.seconds > 0 else 0.0,
            "time_to_first_token": self.first_token,
            "prompt_tokens": float(len(self.prompt.ids)),
            "load_seconds": self._load_seconds,
        }

    def stream(self) -> TextStream:
        """Return what turns the tokens of a row into text."""
        before = self.prompt.ids[-_BEFORE:] if self.prompt.continues else ()
        return TextStream(self.loaded.decode, before)

    def count(self, tokens: int, seconds: float) -> None:
        """Note tokens that one step made, and the seconds that all steps took so far."""
        if not self.first_token:
            self.first_token = time.monotonic() - self._begun
        self.tokens += tokens
        self.seconds = seconds

    def progress(self, step: int) -> None:
        """Say that `step` of the tokens that all rows may have are done."""
        if self.complete:
            self.job.progress(self._steps, self._steps)
        else:
            self.job.progress(min(step, self._steps - 1), self._steps)

    def show(self, row: int, stream: TextStream, fresh: str) -> None:
        """Send text, except what was sent before memory ran out and the row began anew."""
        if not fresh:
            return
        length = stream.length
        sent = self._sent.get(row, 0)
        if length > sent:
            self._sent[row] = length
            self.job.text(row, fresh[max(0, len(fresh) - (length - sent)) :])

    def hand_over(
        self, row: int, stream: TextStream, seconds: float, rows: int, *, cut: bool
    ) -> None:
        """Write down a row that has ended, or was `cut` where it had no more room.

        Args:
            row: the row.
            stream: its text.
            seconds: what its batch took so far.
            rows: rows of the batch, which share that time.
            cut: whether the answer would have gone on.
        """
        self.show(row, stream, stream.finish())
        path = self.job.temporary(".txt")
        path.write_text(stream.text, encoding="utf-8", newline="\n")
        recipe = self._recipe(row, stream.tokens, seconds, seconds / rows, cut)
        self.job.asset(row, path, recipe)
        self.done.add(row)
        self._cut += cut

    def tell_cut_answers(self) -> None:
        """Say how many answers had no more room. To be called once, when all rows are done."""
        if not self._cut:
            return
        rows, tokens = len(self._command.rows), self.prompt.room
        if tokens < self.request.max_tokens:
            told = sentence(
                "The answer filled the model's context window after {tokens} tokens and may be cut"
                " off. A shorter prompt leaves more room for it.",
                tokens=tokens,
            )
        elif rows == 1:
            told = sentence(
                "The answer reached the limit of {tokens} tokens and may be cut off. Raise the"
                " limit for a longer answer.",
                tokens=tokens,
            )
        else:
            told = sentence(
                "{rows} of {count} answers reached the limit of {tokens} tokens and may be cut"
                " off. Raise the limit for longer answers.",
                rows=self._cut,
                count=rows,
                tokens=tokens,
            )
        self.job.warn("answer_cut", told)

    def _recipe(self, row: int, tokens: int, seconds: float, share: float, cut: bool) -> Recipe:
        seed, model = seed_of_row(self.request.seed, row), self._command.model
        return make_recipe(
            self._command,
            msgspec.structs.replace(
                self.request, seed=seed, count=1, model=model.id or self.request.model
            ),
            row,
            device=self._device.description,
            dtype=self.loaded.dtype,
            libraries=libraries(),
            model_sha256=self._fingerprint.value(),
            adjustments=self._adjustments,
            timings={"load": self._load_seconds, "generate": share},
            stats={
                "tokens": float(tokens),
                "prompt_tokens": float(len(self.prompt.ids)),
                "tokens_per_second": tokens / seconds if seconds > 0 else 0.0,
                "time_to_first_token": self.first_token,
                "reached_limit": float(cut),
            },
        )
