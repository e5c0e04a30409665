"""The language of what the command line prints for a person: English or Chinese.

What scripts read (`--json`, names of commands, options and fields) is in English in every language.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Literal, TypeAlias

from studio.protocol import Sentence, in_words, sentence

Language: TypeAlias = Literal["en", "zh_CN"]

LANGUAGES: tuple[Language, ...] = ("en", "zh_CN")

_chosen: list[str] = [""]
"""The language given in the call, "" if none."""


def choose_language(chosen: str) -> None:
    """Print in this language from now on; "" asks the settings, and then the system."""
    _chosen[:] = [chosen]
    _texts.cache_clear()


def tr(template: str, **values: object) -> str:
    """Return a text in the language of the reader. The template must be a literal."""
    return translated(sentence(template, **values))


def translated(message: Sentence) -> str:
    """Return a sentence in the language of the reader."""
    texts = _texts()
    return in_words(message, lambda text: texts.get(text, text))


def language_of_system(environment: Mapping[str, str], platform: str) -> Language:
    """Return the language of the locale; on Windows, of the user's interface."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if locale := environment.get(name):
            return "zh_CN" if locale.lower().startswith("zh") else "en"
    return "zh_CN" if platform == "win32" and _windows_is_chinese() else "en"


def _windows_is_chinese() -> bool:
    import ctypes

    libraries = getattr(ctypes, "windll", None)
    if libraries is None:
        return False
    # The primary language of the identifier: 4 is Chinese in all its regions.
    return int(libraries.kernel32.GetUserDefaultUILanguage()) & 0x3FF == 4


def language() -> Language:
    """Return the language of the reader: of the call, the settings or the system."""
    # Not at the top: the window needs none of it.
    from studio.protocol import ProblemError
    from studio.settings import default_paths, language_of

    try:
        chosen = _chosen[0] or language_of(default_paths().settings)
    except ProblemError:  # the home folder is not known, which is said in some language too
        chosen = ""
    if not chosen:
        return language_of_system(os.environ, sys.platform)
    return "zh_CN" if chosen == "zh_CN" else "en"


@cache
def _texts() -> Mapping[str, str]:
    """Return the translations by their English, nothing for English."""
    import json

    from studio.settings import RESOURCES

    if language() == "en":
        return {}
    file = RESOURCES / "translations" / "zh_CN.json"
    try:
        texts: dict[str, str] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return texts
