"""The parts of a prompt for a picture, and values to choose from."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from studio.protocol import Sentence, sentence

Manner: TypeAlias = Literal["tags", "sentences", "words"]
"""How a model reads prompts: lists of tags, sentences, or the few words that it knows."""

PartName: TypeAlias = Literal["setting", "style", "light", "view", "mood", "colours"]

_TAG_FAMILIES = frozenset({"sd1", "sd2", "sdxl"})
"""Trained on captions from the web, and on lists of tags; long sentences are cut off."""


class Part(Struct, frozen=True):
    """A part with its title and the values to choose from."""

    name: PartName
    title: Sentence
    values: tuple[Sentence, ...]


PARTS: tuple[Part, ...] = (
    Part(
        "setting",
        sentence("Surroundings"),
        (
            sentence("in a forest"),
            sentence("on a city street"),
            sentence("by the sea"),
            sentence("in the mountains"),
            sentence("in a quiet room"),
            sentence("on a plain background"),
        ),
    ),
    Part(
        "style",
        sentence("Art style"),
        (
            sentence("photograph"),
            sentence("oil painting"),
            sentence("watercolour"),
            sentence("ink drawing"),
            sentence("flat illustration"),
            sentence("3D render"),
        ),
    ),
    Part(
        "light",
        sentence("Lighting"),
        (
            sentence("soft daylight"),
            sentence("golden evening light"),
            sentence("light from a window"),
            sentence("light from behind"),
            sentence("moonlight"),
            sentence("neon light"),
        ),
    ),
    Part(
        "view",
        sentence("View"),
        (
            sentence("close-up"),
            sentence("from the waist up"),
            sentence("wide view"),
            sentence("from above"),
            sentence("from below"),
            sentence("from the side"),
        ),
    ),
    Part(
        "mood",
        sentence("Mood"),
        (
            sentence("calm"),
            sentence("cheerful"),
            sentence("dreamlike"),
            sentence("mysterious"),
            sentence("solemn"),
            sentence("tense"),
        ),
    ),
    Part(
        "colours",
        sentence("Colours"),
        (
            sentence("warm colours"),
            sentence("cool colours"),
            sentence("pastel colours"),
            sentence("bright colours"),
            sentence("black and white"),
            sentence("muted colours"),
        ),
    ),
)

WORD_STYLES = (
    sentence("3d style"),
    sentence("flat style"),
    sentence("gradient style"),
    sentence("classic style"),
)
"""The styles that models of single things were trained on."""


def manner_of(base: str, *, knows_only_things: bool) -> Manner:
    """Return how a model reads prompts, by its base family."""
    if knows_only_things:
        return "words"
    return "tags" if base in _TAG_FAMILIES else "sentences"


def parts_for(manner: Manner) -> tuple[Part, ...]:
    """Return the parts that a prompt in this manner can have."""
    if manner == "words":
        return (Part("style", sentence("Art style"), WORD_STYLES),)
    return PARTS
