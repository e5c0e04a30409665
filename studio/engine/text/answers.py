"""The answers of one job: made batch by batch, streamed, handed over as each row ends."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from studio import __version__
from studio.engine.devices import Device, libraries
from studio.engine.job import Job, JobCancelled
from studio.engine.text.chat import Prompt
from studio.engine.text.decode import ReadPrompt
from studio.engine.text.load import LoadedText
from studio.engine.text.sampling import Sampling
from studio.engine.text.stream import TextStream
from studio.engine.weights import weight_hash
from studio.protocol import MAX_SEED, ModelRef, Recipe, RunJob, TextRequest

_BEFORE = 6
"""Tokens of a text to be continued that its continuation is decoded with."""

# Read from the packages' files: once is enough.
_libraries = functools.cache(libraries)


class Fingerprint:
    """The hash of a model's weights, computed while the first answer is written."""

    def __init__(self, job: Job, model: ModelRef) -> None:
        self._job = job
        self._model = model
        self._value = ""
        self._thread = threading.Thread(target=self._compute, name="weight-hash", daemon=True)
        self._thread.start()

    def value(self) -> str:
        """Return the hash, waiting for it. Raises `JobCancelled`."""
        while self._thread.is_alive():
            self._job.check()
            self._thread.join(0.05)
        return self._value

    def _compute(self) -> None:
        try:
            self._value = weight_hash(self._model, self._job.check)
        except JobCancelled:
            return


class Answers:
    """Makes the answers of one job.

    Args:
        job: the job.
        command: what it was asked.
        request: the same, as a request for text.
        loaded: the model.
        device: where it runs.
        prompt: what the model is given.
        load_seconds: what loading took, for the recipes.
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
    ) -> None:
        self._job = job
        self._command = command
        self._request = request
        self._loaded = loaded
        self._device = device
        self._prompt = prompt
        self._load_seconds = load_seconds
        self._begun = time.monotonic()
        self._adjustments: list[str] = []
        self._fingerprint = Fingerprint(job, command.model)
        self._sent: dict[int, int] = {}
        self._steps = prompt.room * len(command.rows)
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

    def make(self, read: ReadPrompt, rows: Sequence[int]) -> None:
        """Answer these rows in one batch."""
        request = self._request
        seeds = [seed_of(request, row) for row in rows]
        how = Sampling(
            request.temperature, request.top_p, request.top_k, request.repetition_penalty
        )
        before = self._prompt.ids[-_BEFORE:] if self._prompt.continues else ()
        streams = [TextStream(self._loaded.decode, before) for _ in rows]
        living = set(range(len(rows)))
        base = len(self.done) * self._prompt.room
        started = now = time.monotonic()
        ends = self._loaded.ends
        steps = self._loaded.decoder.rows(
            read, seeds, self._prompt.room, how, ends, self._job.check
        )
        try:
            for made, tokens in enumerate(steps, 1):
                now = time.monotonic()
                if not self.first_token:
                    self.first_token = now - self._begun
                self.tokens += len(tokens)
                for place, token in tokens:
                    if token in ends:
                        living.discard(place)
                        self._hand_over(rows[place], streams[place], now - started, cut=False)
                    else:
                        self._show(rows[place], streams[place], streams[place].push(token))
                self._job.progress(min(base + made * len(rows), self._steps - 1), self._steps)
        finally:
            # Also where memory ran out: the tokens of that batch are counted too.
            self.seconds += now - started
        for place in sorted(living):
            self._hand_over(rows[place], streams[place], now - started, cut=True)
        if len(self.done) == len(self._command.rows):
            self._job.progress(self._steps, self._steps)

    def _show(self, row: int, stream: TextStream, fresh: str) -> None:
        """Send text, except what was sent before memory ran out and the row began anew."""
        if not fresh:
            return
        length = stream.length
        sent = self._sent.get(row, 0)
        if length > sent:
            self._sent[row] = length
            self._job.text(row, fresh[max(0, len(fresh) - (length - sent)) :])

    def _hand_over(self, row: int, stream: TextStream, seconds: float, *, cut: bool) -> None:
        self._show(row, stream, stream.finish())
        path = self._job.temporary(".txt")
        path.write_text(stream.text, encoding="utf-8", newline="\n")
        self._job.asset(row, path, self._recipe(row, stream.tokens, seconds, cut))
        self.done.add(row)

    def _recipe(self, row: int, tokens: int, seconds: float, cut: bool) -> Recipe:
        seed, model = seed_of(self._request, row), self._command.model
        return Recipe(
            app=f"Prompt Studio {__version__}",
            request=msgspec.structs.replace(
                self._request, seed=seed, count=1, model=model.id or self._request.model
            ),
            row=row,
            seed=seed,
            job=self._job.id,
            created=datetime.now().astimezone().isoformat(timespec="seconds"),
            model_id=model.id,
            model_name=model.name,
            model_sha256=self._fingerprint.value(),
            device=f"{self._device.name} ({self._device.label})",
            dtype=str(self._loaded.dtype).removeprefix("torch."),
            libraries=_libraries(),
            adjustments=tuple(self._adjustments),
            timings={"load": self._load_seconds, "generate": seconds},
            stats={
                "tokens": float(tokens),
                "prompt_tokens": float(len(self._prompt.ids)),
                "tokens_per_second": tokens / seconds if seconds > 0 else 0.0,
                "time_to_first_token": self.first_token,
                "reached_limit": float(cut),
            },
        )


def seed_of(request: TextRequest, row: int) -> int:
    """Return the seed of one row. After the largest comes 0 again."""
    return ((request.seed or 0) + row) % (MAX_SEED + 1)
