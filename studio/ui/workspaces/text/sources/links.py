"""The numbers of passages in an answer, as links of its Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QUrl

from studio.kinds.citations import cite
from studio.kinds.sources import Source

SCHEME = "passage"


def linked(answer: str, sources: Sequence[Source]) -> str:
    """Return an answer whose statements end with links to their passages."""
    if "```" in answer:
        return answer  # links in code would be shown as text
    for citation in reversed(cite(answer, sources)):
        marks = "".join(f"[\\[{number}\\]]({SCHEME}:{number})" for number in citation.numbers)
        space = " " if citation.by == "words" else ""
        answer = f"{answer[: citation.start]}{space}{marks}{answer[citation.end :]}"
    return answer


def passage_of(link: QUrl) -> int:
    """Return the number of the passage that a link leads to, 0 for another link."""
    path = link.path()
    is_number = path.isascii() and path.isdecimal() and len(path) < 6
    return int(path) if link.scheme() == SCHEME and is_number else 0
