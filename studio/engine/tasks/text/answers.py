"""The answers of a job: streamed while they are generated, written to files when they end."""

from __future__ import annotations

import threading
import time

import msgspec

from studio.engine.local.devices import Device
from studio.engine.local.job import Job, JobCancelledError
from studio.engine.local.peak_memory import PeakMemory
from studio.engine.local.recipes import make_recipe
from studio.engine.tasks.text.decode.grammar import RowGrammar
from studio.engine.tasks.text.decode.stop_sequences import StopSequences
from studio.engine.tasks.text.decode.stream import TextStream
from studio.engine.tasks.text.model.loaded import LoadedText
from studio.engine.tasks.text.prompt import Prompt
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.kinds.text import TextRequest
from studio.protocol import ModelRef, Problem, Recipe, RunJob, seed_of_row, sentence

_CONTEXT_TOKENS = 6
"""Number of preceding tokens with which a continuation is decoded."""


class Fingerprint:
    """The hash of a model's weights, computed in the background."""

    def __init__(self, job: Job, model: ModelRef) -> None:
        self._job = job
        self._model = model
        self._value = ""
        self._thread = threading.Thread(target=self._compute, name="weight-hash", daemon=True)
        self._thread.start()

    def value(self) -> str:
        """Wait for the hash and return it. Raises `JobCancelledError`."""
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
        command: its command.
        request: the request of the command.
        loaded: the model.
        device: the device that it runs on.
        prompt: the tokenized prompt.
        load_seconds: time spent on loading, for the recipes.
        fingerprint: the model's hash, if it is shared with other jobs.
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
        self.grammar = loaded.grammars.compile(request, job.check)
        """What the answers may look like, None if that is free."""
        self.row_grammar()
        self._command = command
        self._device = device
        self._load_seconds = load_seconds
        self._started = time.monotonic()
        self._adjustments: list[str] = []
        self._fingerprint = fingerprint or Fingerprint(job, command.model)
        self._sent: dict[int, int] = {}
        self._steps = prompt.max_tokens * len(command.rows)
        self._cut_answers = 0
        self.done: set[int] = set()
        """Rows that are finished."""
        self.texts: dict[int, str] = {}
        """The text of each row that was finished."""
        self.tokens = 0
        self.seconds = 0.0
        """Time spent on generating tokens, without the prompt."""
        self.peak: PeakMemory | None = None
        """Measures the memory of the work, once it has begun."""
        self.first_token = 0.0
        """Seconds from the loaded model to the first token of the job."""

    def add_adjustment(self, what: str) -> None:
        """Record a deviation from the request in the recipes, as an English sentence."""
        self._adjustments.append(what)

    @property
    def saves_memory(self) -> bool:
        """Whether an earlier attempt was killed."""
        return self._command.saves_memory

    @property
    def rows(self) -> int:
        """Number of rows to generate."""
        return len(self._command.rows)

    @property
    def complete(self) -> bool:
        """Whether all rows are finished."""
        return len(self.done) == len(self._command.rows)

    @property
    def stats(self) -> dict[str, float]:
        """Statistics for the job's `Done` event."""
        return {
            "tokens": float(self.tokens),
            "tokens_per_second": self.tokens / self.seconds if self.seconds > 0 else 0.0,
            "time_to_first_token": self.first_token,
            "prompt_tokens": float(len(self.prompt.ids)),
            "load_seconds": self._load_seconds,
        }

    def stream(self) -> TextStream:
        """Return a new text stream for one row."""
        continues = self.prompt.continues or self.prompt.answer_start
        before = self.prompt.ids[-_CONTEXT_TOKENS:] if continues else ()
        stops = StopSequences(self.request.stop, self.prompt.answer_start)
        return TextStream(self.loaded.decode, before, self.prompt.thought, stops)

    def row_grammar(self) -> RowGrammar | None:
        """Return the form of one row, None if it is free. Raises `ProblemError`."""
        return None if self.grammar is None else self.grammar.row(self.prompt.thought)

    def fail_row(self, row: int, problem: Problem) -> None:
        """Report a row that cannot be finished."""
        self.job.row_failed(row, problem)
        self.done.add(row)

    def count_tokens(self, tokens: int, seconds: float) -> None:
        """Add the tokens of one step, and set the total seconds of all steps so far."""
        if not self.first_token:
            self.first_token = time.monotonic() - self._started
        self.tokens += tokens
        self.seconds = seconds

    def progress(self, step: int) -> None:
        """Report that `step` tokens, of the maximum for all rows, are done."""
        if self.complete:
            self.job.progress(self._steps, self._steps)
        else:
            self.job.progress(min(step, self._steps - 1), self._steps)

    def emit_text(self, row: int, stream: TextStream, new: str) -> None:
        """Send text that was not already sent by an earlier attempt that ran out of memory."""
        if not new:
            return
        length = stream.length
        sent = self._sent.get(row, 0)
        if length > sent:
            self._sent[row] = length
            self.job.text(row, new[max(0, len(new) - (length - sent)) :])

    def finish_row(
        self, row: int, stream: TextStream, seconds: float, rows: int, *, cut: bool
    ) -> None:
        """Write the file of a finished row and send it.

        Args:
            row: the row.
            stream: its text.
            seconds: time spent on its batch so far.
            rows: number of rows in the batch, which share that time.
            cut: whether the answer reached its maximum length before its end.
        """
        self.emit_text(row, stream, stream.finish())
        path = self.job.temporary(".txt")
        text = self.prompt.answer_start + stream.text
        path.write_text(text, encoding="utf-8", newline="\n")
        recipe = self._recipe(row, stream.tokens, seconds, rows, cut)
        self.job.asset(row, path, recipe)
        self.done.add(row)
        self.texts[row] = text
        self._cut_answers += cut

    def warn_about_cut_answers(self) -> None:
        """Warn about answers that were cut off. Call once, when all rows are done."""
        if not self._cut_answers:
            return
        rows, tokens = len(self._command.rows), self.prompt.max_tokens
        if self.grammar is not None:
            message = sentence(
                "{rows} of {count} answers reached the limit of {tokens} tokens before they had the"
                " form that was asked for. Raise the limit, or ask for less.",
                rows=self._cut_answers,
                count=rows,
                tokens=tokens,
            )
        elif tokens < self.request.max_tokens:
            message = sentence(
                "The answer filled the model's context window after {tokens} tokens and may be cut"
                " off. A shorter prompt leaves more room for it.",
                tokens=tokens,
            )
        elif rows == 1:
            message = sentence(
                "The answer reached the limit of {tokens} tokens and may be cut off. Raise the"
                " limit for a longer answer.",
                tokens=tokens,
            )
        else:
            message = sentence(
                "{rows} of {count} answers reached the limit of {tokens} tokens and may be cut"
                " off. Raise the limit for longer answers.",
                rows=self._cut_answers,
                count=rows,
                tokens=tokens,
            )
        self.job.warn("answer_cut", message)

    def _recipe(self, row: int, tokens: int, seconds: float, rows: int, cut: bool) -> Recipe:
        seed, model = seed_of_row(self.request.seed, row), self._command.model
        return make_recipe(
            self._command,
            msgspec.structs.replace(
                self.request, seed=seed, count=1, model=model.id or self.request.model
            ),
            row,
            device=self._device.description,
            dtype=self.loaded.dtype,
            libraries=self.loaded.libraries,
            model_sha256=self._fingerprint.value(),
            adjustments=self._adjustments,
            timings={"load": self._load_seconds, "generate": seconds / rows},
            stats={
                "tokens": float(tokens),
                "prompt_tokens": float(len(self.prompt.ids)),
                "tokens_per_second": tokens / seconds if seconds > 0 else 0.0,
                "time_to_first_token": self.first_token,
                "reached_limit": float(cut),
                **self._memory_stats(rows * (len(self.prompt.ids) + tokens)),
            },
        )

    def _memory_stats(self, tokens: int) -> dict[str, float]:
        """Return the memory used so far, for so many tokens in the KV cache."""
        if self.peak is None:
            return {}
        return self.peak.stats | {
            "call_size": float(tokens),
            "model_memory": float(self.loaded.nbytes),
        }
