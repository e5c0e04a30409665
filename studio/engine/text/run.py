"""A text job: load, fit the conversation into the context, answer in batches, hand over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from studio import __version__
from studio.engine.devices import Device, is_out_of_memory, libraries
from studio.engine.job import Job
from studio.engine.memory import MemoryArbiter, collect
from studio.engine.text.chat import prepare
from studio.engine.text.decode import decode
from studio.engine.text.load import LoadedText, acquire
from studio.engine.text.sampling import Sampling
from studio.engine.text.stream import TextStream
from studio.engine.weights import weight_hash
from studio.protocol import MAX_SEED, Recipe, RunJob, TextRequest, sentence

MOST_ROWS = 32
"""Rows a batch. More rows gain little on a CPU, and the first texts come later."""


def run(job: Job, command: RunJob, memory: MemoryArbiter, device: Device) -> dict[str, float]:
    """Answer the wanted rows of a text request.

    Returns:
        `tokens`, `tokens_per_second`, `time_to_first_token` (s), `load_seconds`,
        `prompt_tokens`.

    Raises:
        ProblemError: the model is broken, memory is out, or the conversation is refused.
        JobCancelled: at any token, or between the stages of loading.
    """
    request = command.request
    assert isinstance(request, TextRequest)
    begun = time.monotonic()
    loaded = acquire(job, command.model, memory, device)
    load_seconds = time.monotonic() - begun
    started = time.monotonic()
    answers = Answers(job, command, request, loaded, load_seconds)
    rows = list(command.rows)
    size = batch_size(loaded, len(answers.prompt) + request.max_tokens, memory.available())
    while rows:
        batch = rows[:size]
        try:
            answers.make(batch)
        except Exception as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            size = max(1, len(batch) // 2)
            answers.adjusted(f"batch of {size} (memory ran out with {len(batch)})")
            job.warn(
                "memory",
                sentence(
                    "Memory ran out with {rows} variations at once. Going on with {fewer}.",
                    rows=len(batch),
                    fewer=size,
                ),
            )
            del error
            collect()
            continue
        rows = rows[len(batch) :]
    seconds = time.monotonic() - started
    return {
        "tokens": float(answers.tokens),
        "tokens_per_second": answers.tokens / seconds if seconds > 0 else 0.0,
        "time_to_first_token": answers.first_token,
        "prompt_tokens": float(len(answers.prompt)),
        "load_seconds": load_seconds,
    }


def batch_size(loaded: LoadedText, tokens: int, available: int) -> int:
    """Return how many rows of `tokens` tokens fit into half of what is available (bytes)."""
    config = loaded.model.config
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    heads = getattr(text, "num_key_value_heads", None) or getattr(text, "num_attention_heads", 16)
    width = getattr(text, "head_dim", None) or (
        getattr(text, "hidden_size", 1024) // max(1, getattr(text, "num_attention_heads", 16))
    )
    layers = getattr(text, "num_hidden_layers", 32)
    vocabulary = getattr(text, "vocab_size", 32_000)
    # Keys and values twice, since the cache grows by copying; logits in float32 and their kin.
    row = 4 * layers * heads * width * tokens * loaded.dtype.itemsize + vocabulary * 32
    return max(1, min(MOST_ROWS, int(available * 0.5 / max(1, row))))


class Answers:
    """Makes answers batch by batch and hands each over as soon as its row has ended."""

    def __init__(
        self,
        job: Job,
        command: RunJob,
        request: TextRequest,
        loaded: LoadedText,
        load_seconds: float,
    ) -> None:
        self._job = job
        self._command = command
        self._request = request
        self._loaded = loaded
        self._load_seconds = load_seconds
        self._adjustments: list[str] = []
        self._weights = weight_hash(command.model, job.check)
        self._begun = time.monotonic()
        self._done_rows = 0
        self.tokens = 0
        self.first_token = 0.0
        self.prompt, fitted = prepare(loaded, request)
        if fitted.dropped or fitted.cut:
            self._tell_cut(fitted.dropped, fitted.cut)
        room = loaded.context - len(self.prompt)
        self._limit = max(1, min(request.max_tokens, room))

    def adjusted(self, what: str) -> None:
        """Note something for the recipes."""
        self._adjustments.append(what)

    def make(self, rows: Sequence[int]) -> None:
        """Answer these rows in one batch."""
        request, loaded = self._request, self._loaded
        seeds = [((request.seed or 0) + row) % (MAX_SEED + 1) for row in rows]
        tokenizer = loaded.tokenizer
        streams = [
            TextStream(
                lambda ids: str(
                    tokenizer.decode(
                        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
                    )
                )
            )
            for _ in rows
        ]
        how = Sampling(
            request.temperature, request.top_p, request.top_k, request.repetition_penalty
        )
        started = time.monotonic()
        steps = self._limit * len(self._command.rows)
        made = 0
        last: dict[int, float] = {}
        finished: set[int] = set()
        for tokens in decode(loaded, self.prompt, seeds, self._limit, how, self._job.check):
            now = time.monotonic()
            if not self.first_token:
                self.first_token = now - self._begun
            made += 1
            for place, token in tokens.items():
                last[place] = now
                if token in loaded.ends:
                    finished.add(place)
                    self._hand_over(rows[place], seeds[place], streams[place], started, now)
                else:
                    self._job.text(rows[place], streams[place].push(token))
            done = self._done_rows * self._limit + made * len(rows)
            self._job.progress(min(done, steps - 1), steps)
        for place, row in enumerate(rows):
            if place not in finished:
                self._hand_over(row, seeds[place], streams[place], started, last[place])
        self._done_rows += len(rows)
        self._job.progress(self._done_rows * self._limit, steps)

    def _hand_over(
        self, row: int, seed: int, stream: TextStream, started: float, ended: float
    ) -> None:
        self._job.text(row, stream.finish())
        tokens = len(stream.tokens)
        self.tokens += tokens
        seconds = ended - started
        path = self._job.temporary(".txt")
        path.write_text(stream.text, encoding="utf-8", newline="\n")
        stats = {"tokens": float(tokens), "prompt_tokens": float(len(self.prompt))}
        if seconds > 0:
            stats["tokens_per_second"] = tokens / seconds
        recipe = Recipe(
            app=f"Prompt Studio {__version__}",
            request=msgspec.structs.replace(self._request, seed=seed, count=1),
            row=row,
            seed=seed,
            job=self._job.id,
            created=datetime.now().astimezone().isoformat(timespec="seconds"),
            model_id=self._command.model.id,
            model_name=self._command.model.name,
            model_sha256=self._weights,
            device=self._loaded.device,
            dtype=str(self._loaded.dtype).removeprefix("torch."),
            libraries=libraries(),
            adjustments=tuple(self._adjustments),
            timings={"load": self._load_seconds, "generate": seconds},
            stats=stats,
        )
        self._job.asset(row, path, recipe)

    def _tell_cut(self, dropped: int, cut: int) -> None:
        if cut:
            self.adjusted(f"{dropped} earlier turns and {cut} characters of the prompt left out")
            message = sentence(
                "The prompt is longer than the model's context: {characters} characters from"
                " its middle and {turns} earlier turns were left out.",
                characters=cut,
                turns=dropped,
            )
        else:
            self.adjusted(f"{dropped} earlier turns left out")
            message = sentence(
                "The conversation is longer than the model's context: the oldest {turns} turns"
                " were left out.",
                turns=dropped,
            )
        self._job.warn("context_cut", message)
