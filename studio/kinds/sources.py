"""Passages of documents that a request takes its answer from, and how the model is shown them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from studio.protocol import Request, Sentence, sentence

MAX_SOURCES = 200
MAX_PASSAGES = 400
_SHORT = 24

_ASK = (
    "Answer from these passages only, and after each statement give the number of its passage in"
    " square brackets, such as [1]. If they do not say it, say so."
)
_ASK_ZH = (
    "请只根据以上段落回答，并在每句话后用方括号标出所依据段落的编号，例如 [1]。"
    "如果段落中没有提到，请直接说明。"
)


class Passage(Struct, frozen=True):
    """A stretch of a document. `part` is its page, slide, chapter or section, from 1.

    `start` and `end` are offsets in the text of the whole document.
    """

    part: int
    start: int
    end: int
    text: Annotated[str, Meta(max_length=1_000_000)]
    title: str = ""


class Source(Struct, frozen=True):
    """A document and what of it is shown to the model.

    `parts` counts all of its pages or sections, and `place` says what they are. With `is_whole`
    all of its text is shown.
    """

    name: str
    sha256: str
    place: str
    parts: int
    passages: Annotated[tuple[Passage, ...], Meta(max_length=MAX_PASSAGES)]
    is_whole: bool = False

    @property
    def parts_read(self) -> int:
        """How many of its pages or sections are shown, at least in part."""
        if self.is_whole:
            return self.parts
        return len({passage.part for passage in self.passages})


def sources_of(request: Request) -> tuple[Source, ...]:
    """Return the documents of a request; none of a kind that takes none."""
    found = getattr(request, "sources", ())
    return found if isinstance(found, tuple) else ()


def short_name(name: str) -> str:
    """Return the name of a document with its ending, for places with little room."""
    return name if len(name) <= _SHORT else f"{name[: _SHORT - 12]}…{name[-11:]}"


def numbered(sources: Sequence[Source]) -> Iterator[tuple[int, Source, Passage]]:
    """Return the passages of all sources with their numbers, from 1."""
    number = 0
    for source in sources:
        for passage in source.passages:
            number += 1
            yield number, source, passage


def with_sources(prompt: str, sources: Sequence[Source]) -> str:
    """Return a prompt with the passages before it, as the model is asked."""
    if not sources:
        return prompt
    blocks = []
    for number, source, passage in numbered(sources):
        title = f": {passage.title}" if passage.title else ""
        head = f"[{number}] {source.name}, {source.place} {passage.part}{title}"
        blocks.append(f"{head}\n{passage.text}")
    is_chinese = sum("\u4e00" <= sign <= "\u9fff" for sign in prompt) * 3 > len(prompt)
    return "\n\n".join([*blocks, _ASK_ZH if is_chinese else _ASK, prompt])


def meter(source: Source) -> Sentence:
    """Return what of a document is shown to the model."""
    if source.is_whole:
        return sentence("all of it")
    place = _PLACES.get(source.place, "{read} of {all} parts")
    return Sentence(place, {"read": f"{source.parts_read:,}", "all": f"{source.parts:,}"})


_PLACES = {
    "page": sentence("{read} of {all} pages").template,
    "slide": sentence("{read} of {all} slides").template,
    "chapter": sentence("{read} of {all} sections").template,
    "section": sentence("{read} of {all} sections").template,
    "part": sentence("{read} of {all} parts").template,
    "time": sentence("{read} of {all} parts").template,
}


def place_of(source: Source, passage: Passage) -> Sentence:
    """Return where a passage stands."""
    found = sentence("part {number}", number=passage.part)
    if source.place == "page":
        found = sentence("page {number}", number=passage.part)
    elif source.place == "slide":
        found = sentence("slide {number}", number=passage.part)
    elif passage.title:
        found = sentence("section “{title}”", title=passage.title)
    return found
