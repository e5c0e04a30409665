"""Errors as values."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from studio.protocol.sentences import Sentence

ErrorKind: TypeAlias = Literal[
    "out_of_memory",
    "model_missing",
    "model_broken",
    "bad_input",
    "disk_full",
    "engine_crashed",
    "cancelled",
    "bug",
]


class Problem(Struct, frozen=True):
    """An error as a value: its kind, a sentence that says what to do next, a detail."""

    kind: ErrorKind
    message: Sentence
    detail: str = ""


class ProblemError(Exception):
    """Carries a `Problem` up a call stack inside one process. It never crosses the pipe."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem.message))
        self.problem = problem


_LONGEST = 300
"""Characters of what an unexpected error says of itself; the detail has all of them."""


def unexpected(error: BaseException) -> Problem:
    """Return what to tell a person about an error that nobody foresaw: a bug of the app."""
    import traceback

    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return Problem(
        "bug",
        Sentence(
            "Something went wrong in the app itself ({name}). Please report it with the detail.",
            {"name": text[:_LONGEST]},
        ),
        "".join(traceback.format_exception(error)),
    )


def problem(kind: ErrorKind, template: str, detail: str = "", **values: object) -> ProblemError:
    """Return a `ProblemError`, ready to be raised. The template must be a literal."""
    return ProblemError(
        Problem(kind, Sentence(template, {k: str(v) for k, v in values.items()}), detail)
    )
