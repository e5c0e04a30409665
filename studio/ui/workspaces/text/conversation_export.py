"""A conversation as a file for other programs: Markdown, HTML, a Word document or a PDF.

Only the chosen answers of the turns that are shown are written, without their thoughts. Pictures
that an answer names are not opened, and HTML in it is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from studio.library.review import needs_review
from studio.ui.style.translations import tr
from studio.ui.workspaces.text.conversation import Conversation
from studio.ui.workspaces.text.export.marks import Marks
from studio.ui.workspaces.text.export.write_file import write
from studio.ui.workspaces.text.export.writing import Part, Writing

_NO_MARKS = Marks()


def export(conversation: Conversation, path: Path, marks: Marks = _NO_MARKS) -> None:
    """Write a conversation in the format of the file name. Raises `OSError`. On any thread."""
    write(Writing(conversation.shown_title(), tuple(_parts(conversation)), marks), path)


def _parts(conversation: Conversation) -> Iterator[Part]:
    for turn in conversation.turns:
        yield Part(tr("You"), turn.prompt, is_markdown=False)
        answer = turn.shown_text(turn.chosen) if turn.chosen < len(turn.answers) else ""
        if answer:
            # It may have been approved since, which only the library knows.
            head = tr("Answer, to be reviewed") if needs_review(turn.form) else tr("Answer")
            yield Part(head, answer, is_markdown=True)
