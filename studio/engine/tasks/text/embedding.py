"""Turns texts into vectors, by which texts of a like meaning are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.text.model.embedder_load import acquire_embedder
from studio.protocol import EmbedTexts, TextsEmbedded, problem

MAX_ROWS = 32
MAX_BATCH_TOKENS = 4096
"""Of the rows of one call, those that fill them up included."""


def embed_texts(
    job: Job, command: EmbedTexts, memory: MemoryArbiter, device: Device
) -> TextsEmbedded:
    """Return a vector for each text.

    Raises:
        ProblemError: as `acquire_embedder`, or `model_broken` if a vector is no number.
        JobCancelledError: between two batches, or stages of loading.
    """
    loaded = acquire_embedder(job, command.model, memory, device)
    before = loaded.layout.question if command.are_questions else loaded.layout.passage
    rows = loaded.token_ids([before + text for text in command.texts])
    vectors: list[bytes] = [b""] * len(rows)
    done = 0
    for batch in batches(list(map(len, rows))):
        job.check()
        found = loaded.vectors([rows[at] for at in batch])
        if not bool(found.isfinite().all()):
            raise problem(
                "model_broken",
                "The model {name} computes values that are no numbers. Download it again, or "
                "choose another model.",
                name=command.model.name,
            )
        for at, vector in zip(batch, found.numpy(), strict=True):
            vectors[at] = vector.astype("<f4").tobytes()
        done += len(batch)
        job.progress(done, len(rows))
    return TextsEmbedded(job.id, tuple(vectors), sum(map(len, rows)))


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of rows that share a call: of like lengths, bounded in rows and tokens."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        # The last one is the longest.
        if batch and (len(batch) == MAX_ROWS or (len(batch) + 1) * lengths[at] > MAX_BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
