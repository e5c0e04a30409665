"""Errors as values."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from studio.protocol.sentences import Sentence, sentence

ErrorKind: TypeAlias = Literal[
    "out_of_memory",
    "model_missing",
    "model_broken",
    "bad_input",
    "disk_full",
    "engine_crashed",
    "engine_restarted",
    "cancelled",
    "bug",
]


class Problem(Struct, frozen=True):
    """An error as a value: its kind, a message that says what to do next, technical details."""

    kind: ErrorKind
    message: Sentence
    detail: str = ""


class ProblemError(Exception):
    """Raises a `Problem` within one process. It never crosses the pipe."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem.message))
        self.problem = problem


_MAX_ERROR_TEXT = 300
"""Characters of an unexpected error in the message; the detail has the full text."""


def unexpected(error: BaseException) -> Problem:
    """Return the problem for an unexpected error, which is reported as a bug of the app."""
    import traceback

    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return Problem(
        "bug",
        Sentence(
            "Something went wrong in the app itself ({name}). Please report it with the details.",
            {"name": text[:_MAX_ERROR_TEXT]},
        ),
        "".join(traceback.format_exception(error)),
    )


def problem(kind: ErrorKind, template: str, detail: str = "", **values: object) -> ProblemError:
    """Return a `ProblemError` to raise. The template must be a literal."""
    return ProblemError(Problem(kind, sentence(template, **values), detail))
