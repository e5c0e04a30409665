"""The thoughts of a thinking model at the start of its answer, between marks such as `<think>`."""

from __future__ import annotations

from msgspec import Struct

_MARKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"),
)


class ThoughtAnswer(Struct, frozen=True):
    """An answer without its thoughts. `is_thinking` says that the thoughts have not ended yet."""

    answer: str
    thoughts: str = ""
    is_thinking: bool = False


def split_thoughts(text: str) -> ThoughtAnswer:
    """Separate the thoughts at the start of an answer from the rest.

    Marks further on are part of the answer, which may be about them.
    """
    start = text.lstrip()
    for opening, closing in _MARKS:
        if start.startswith(opening):
            thoughts, mark, answer = start[len(opening) :].partition(closing)
            return ThoughtAnswer(answer.lstrip(), thoughts.strip(), is_thinking=not mark)
    return ThoughtAnswer(text)


def is_undecided(text: str) -> bool:
    """Return whether the start of an answer may still become an opening mark."""
    start = text.lstrip()
    return any(opening.startswith(start) and start != opening for opening, _ in _MARKS)


def closing_marks() -> tuple[str, ...]:
    """Return the marks that end thoughts."""
    return tuple(closing for _, closing in _MARKS)


def without_thoughts(text: str) -> str:
    """Return an answer without its thoughts; all of it if the model did nothing but think."""
    found = split_thoughts(text)
    return text if found.is_thinking else found.answer


def opened_thought(prompt: str) -> str:
    """Return the opening mark, with what follows, at which a rendered prompt ends; "" for none.

    Some chat templates open the thoughts themselves, so that the answer begins inside them.
    """
    end = prompt.rstrip()
    for opening, _ in _MARKS:
        if end.endswith(opening):
            return opening + prompt[len(end) :]
    return ""
