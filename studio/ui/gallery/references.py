"""The sources of an answer at its end, where it leaves the window: numbers, places, first words."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from studio.formats.chat.thoughts import without_thoughts
from studio.kinds.citations import cite, with_numbers
from studio.kinds.sources import Source, numbered, place_of, sources_of
from studio.library.records import Asset
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.plain_text import one_line

_QUOTED = 120
"""Characters of a passage."""
_MOST = 100


class Referenced(Struct, frozen=True):
    """An answer with its numbers, and a line for each source; none without documents."""

    text: str
    lines: tuple[str, ...] = ()


def referenced(answer: str, sources: Sequence[Source]) -> Referenced:
    """Return an answer with the sources that it cites, or all if it cites none."""
    if not sources:
        return Referenced(answer)
    cited = {number for each in cite(answer, sources) for number in each.numbers}
    lines = [
        tr("[{number}] {name}, {place}: “{words}”").format(
            number=number,
            name=one_line(source.name),
            place=translated(place_of(source, passage)),
            words=one_line(passage.text, _QUOTED),
        )
        for number, source, passage in numbered(sources)
        if number in cited or not cited
    ]
    # Numbers in code would be a part of it.
    text = answer if "```" in answer else with_numbers(answer, sources)
    return Referenced(text, tuple(lines[:_MOST]))


def referenced_text(answer: str, sources: Sequence[Source]) -> str:
    """Return an answer with its sources as one plain text."""
    found = referenced(answer, sources)
    if not found.lines:
        return found.text
    return "\n".join((found.text.rstrip(), "", tr("Sources"), *found.lines))


def referenced_result(asset: Asset) -> str:
    """Return the text of a result with its sources, without the model's thoughts."""
    return referenced_text(without_thoughts(asset.text), sources_of(asset.recipe.request))
