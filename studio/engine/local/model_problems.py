"""Problems of models that every task has."""

from __future__ import annotations

from studio.protocol import ModelRef, ProblemError, problem


def model_missing(ref: ModelRef) -> ProblemError:
    """Return the problem of a model whose files are gone."""
    return problem(
        "model_missing",
        "The model {name} is no longer at {path}. Put it back, or choose another model.",
        name=ref.name,
        path=ref.path,
    )
