"""A conversation as a file for other programs: Markdown, HTML, a Word document or a PDF.

Only the chosen answers of the turns that are shown are written, without their thoughts. Pictures
that an answer names are not opened, and HTML in it is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from studio.kinds.sources import Source
from studio.library.review import review_state
from studio.ui.gallery.references import referenced
from studio.ui.gallery.review_states import short_note
from studio.ui.style.translations import tr
from studio.ui.workspaces.text.conversation import Conversation
from studio.ui.workspaces.text.export.marks import Marks
from studio.ui.workspaces.text.export.write_file import write
from studio.ui.workspaces.text.export.writing import Part, Writing

_NO_MARKS = Marks()


def export(
    conversation: Conversation,
    path: Path,
    marks: Marks = _NO_MARKS,
    reviews: Mapping[str, str] = {},
    sources: Mapping[str, tuple[Source, ...]] = {},
) -> None:
    """Write a conversation in the format of the file name. Raises `OSError`. On any thread.

    `reviews` and `sources` have the states of review and the documents that the library knows, by
    the assets of the answers.
    """
    parts = tuple(_parts(conversation, reviews, sources))
    write(Writing(conversation.shown_title(), parts, marks), path)


def _parts(
    conversation: Conversation,
    reviews: Mapping[str, str],
    sources: Mapping[str, tuple[Source, ...]],
) -> Iterator[Part]:
    for turn in conversation.turns:
        yield Part(tr("You"), turn.prompt, is_markdown=False)
        answer = turn.shown_text(turn.chosen) if turn.chosen < len(turn.answers) else ""
        if answer:
            asset = turn.answers[turn.chosen].asset
            state = reviews.get(asset, review_state(None, turn.form))
            found = referenced(answer, sources.get(asset, ()))
            yield Part(_head(state), found.text, is_markdown=True, sources=found.lines)


def _head(state: str) -> str:
    if state == "needs_review":
        return tr("Answer, to be reviewed")
    note = short_note(state)
    return tr("Answer ({state})").format(state=note) if note else tr("Answer")
