"""The vector of a question, computed between two jobs; without a long wait."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from studio.jobs.documents.embedder import Embedder, embed_on, key_of
from studio.protocol import ModelRef, Problem, ProblemError, problem, unexpected
from studio.ui.shell.worker_thread import WorkerThread

if TYPE_CHECKING:
    from studio.engine.api import Engine

BUSY_SECONDS = 3.0
"""So long a question waits for a job that runs. Then words have to do."""
MOST_SECONDS = 60.0
_POLL_SECONDS = 0.1


def question_embedder(
    worker: WorkerThread, model: ModelRef | None, failed: Callable[[Problem], object]
) -> Embedder | None:
    """Return an embedder for questions, None without a model. Not for the thread of the window.

    Passages are embedded by `PassageVectors`: those are found that it has reached.
    """
    if model is None:
        return None

    def embed(texts: Sequence[str], are_questions: bool) -> Sequence[bytes]:
        return _embed(worker, model, tuple(texts), are_questions)

    try:
        return Embedder(key_of(model), embed, model.languages, fills=False, failed=failed)
    except ProblemError as error:
        failed(error.problem)
        return None


def _embed(
    worker: WorkerThread, model: ModelRef, texts: tuple[str, ...], are_questions: bool
) -> Sequence[bytes]:
    answers: queue.SimpleQueue[Sequence[bytes] | Problem] = queue.SimpleQueue()
    has_given_up = False

    def work(engine: Engine) -> None:
        if has_given_up:
            return
        try:
            answers.put(embed_on(engine, model, texts, are_questions).vectors)
        except ProblemError as error:
            answers.put(error.problem)
        except Exception as error:
            answers.put(unexpected(error))

    worker.between_jobs(work)
    busy = waited = 0.0
    while True:
        try:
            found = answers.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            waited += _POLL_SECONDS
            busy += _POLL_SECONDS if worker.running_job else 0.0
            if busy < BUSY_SECONDS and waited < MOST_SECONDS and not worker.is_stopping:
                continue
            has_given_up = True
            raise problem(
                "bad_input",
                "The engine is busy: the passages for this prompt were found by their words only.",
            ) from None
        if isinstance(found, Problem):
            raise ProblemError(found)
        return found
