"""Which voices speak the rows of a request."""

from __future__ import annotations

from collections.abc import Sequence

from studio.formats.voices import language_of
from studio.protocol import problem

_FIRST = {
    "en": ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_fenrir"),
    "zh": ("zf_xiaoxiao", "zm_yunxi", "zf_xiaoyi", "zm_yunjian"),
}
"""Those that sound best, in the order in which they are offered."""


def voice_of_row(
    named: Sequence[str], row: int, voices: Sequence[str], language: str, model: str
) -> str:
    """Return the voice of a row: the named ones, then others of the same language.

    Raises `ProblemError` (bad_input) if the model lacks a named voice or one of the language.
    """
    for name in named:
        if name not in voices:
            raise problem(
                "bad_input",
                "The model {name} has no voice {voice}. Choose one of: {voices}.",
                name=model,
                voice=name,
                voices=", ".join(voices),
            )
    spoken = language_of(named[0]) if named else language
    best = [name for name in _FIRST.get(spoken, ()) if name in voices]
    others = [name for name in voices if language_of(name) == spoken]
    order = list(dict.fromkeys((*named, *best, *others, *voices)))
    if not order:
        raise problem(
            "model_broken",
            "Files of the voice {name} are missing. Install the model again.",
            name=model,
        )
    return order[row % len(order)]
