"""An embedder for a command, on an engine that ends with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from studio.cli.language import tr
from studio.cli.output import note_text
from studio.engine.factory import local_engine
from studio.jobs.documents.embedder import Embedder, choose_embedder, embedder_on
from studio.models.registry import Registry
from studio.protocol import Problem
from studio.settings import Paths


@contextmanager
def embedder_for(name: str, registry: Registry, paths: Paths) -> Iterator[Embedder | None]:
    """Yield the embedder with this id, or the usual one; None if there is none.

    Says on a terminal how far it is. If it fails, it says so, and words have to do. Raises
    `ProblemError` if there is no such model.
    """
    model = choose_embedder(registry.list(), name)
    if model is None:
        yield None
        return
    is_shown = sys.stderr.isatty()

    def report(done: int, of: int) -> None:
        if is_shown:
            text = tr("Reading for the search by meaning: {done} of {of} passages")
            print(
                f"\r{text.format(done=f'{done:,}', of=f'{of:,}')}",
                end="\n" if done == of else "",
                file=sys.stderr,
                flush=True,
            )

    def failed(problem: Problem) -> None:
        if is_shown:
            print(file=sys.stderr)
        print(note_text(problem.message), file=sys.stderr)

    engine = local_engine(logs=paths.logs, cache=paths.cache)
    try:
        yield embedder_on(engine, model, report=report, failed=failed)
    finally:
        engine.stop()
