"""One prompt to many: alternatives `{red|blue}`, wildcards `__animal__`, by dynamicprompts.

Wildcards are text files of the user, one value a line, in one folder. The syntax is that of
https://github.com/adieyal/dynamicprompts (0.31). It is asked for, never guessed: braces in an
ordinary prompt stay what they are.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from studio.protocol import problem

if TYPE_CHECKING:
    from dynamicprompts.generators import CombinatorialPromptGenerator

WILDCARDS = "wildcards"
"""Name of the folder, beside the settings."""

MOST = 10_000
_WILDCARD = re.compile(r"__([\w*/.-]+?)__")


def expand_all(prompt: str, wildcards: Path, most: int = MOST) -> list[str]:
    """Return every combination in a fixed order, at most `most`, each once.

    Raises `ProblemError` (bad_input): the syntax is wrong, or a wildcard has no file.
    """
    from dynamicprompts.generators import CombinatorialPromptGenerator
    from dynamicprompts.wildcards.wildcard_manager import WildcardManager

    _check_wildcards(prompt, wildcards)
    generator = CombinatorialPromptGenerator(wildcard_manager=WildcardManager(wildcards))
    return list(dict.fromkeys(_generated(generator, prompt, most)))[:most]


def _generated(generator: CombinatorialPromptGenerator, prompt: str, count: int) -> list[str]:
    logger = logging.getLogger("dynamicprompts")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return list(generator.generate(prompt, count))
    except Exception as error:
        # The parser's own error type is not part of its interface.
        raise problem(
            "bad_input",
            "The alternatives in the prompt cannot be read. Write them like {red|blue}, and"
            " close every brace.",
            detail=str(error),
        ) from error
    finally:
        logger.setLevel(level)


def _check_wildcards(prompt: str, folder: Path) -> None:
    for name in _WILDCARD.findall(prompt):
        if "*" in name:
            continue
        if not any((folder / f"{name}{suffix}").is_file() for suffix in (".txt", ".json", ".yaml")):
            raise problem(
                "bad_input",
                "There is no wildcard {name}. Put its values into {path}, one a line.",
                name=name,
                path=folder / f"{name}.txt",
            )
