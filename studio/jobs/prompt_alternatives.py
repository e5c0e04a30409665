"""Expand a prompt with alternatives `{red|blue}` and wildcards `__animal__` into many prompts.

A wildcard is a text file of the user with one value per line. The syntax is that of
https://github.com/adieyal/dynamicprompts (0.31). Only prompts that the user asked to expand come
here; braces in other prompts have no meaning.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from studio.protocol import problem

if TYPE_CHECKING:
    from dynamicprompts.generators import CombinatorialPromptGenerator

WILDCARD_FOLDER = "wildcards"
"""Name of the folder with the wildcards, next to the settings."""

MAX_PROMPTS = 10_000
_WILDCARD = re.compile(r"__([\w*/.-]+?)__")


def expand_all(prompt: str, wildcards: Path, most: int = MAX_PROMPTS) -> list[str]:
    """Return all combinations in a fixed order, without duplicates, at most `most`.

    Raises `ProblemError` (bad_input) for invalid syntax or a wildcard without a file.
    """
    from dynamicprompts.generators import CombinatorialPromptGenerator
    from dynamicprompts.wildcards.wildcard_manager import WildcardManager

    _check_wildcards(prompt, wildcards)
    generator = CombinatorialPromptGenerator(wildcard_manager=WildcardManager(wildcards))
    return list(dict.fromkeys(_generate(generator, prompt, most)))[:most]


def _generate(generator: CombinatorialPromptGenerator, prompt: str, count: int) -> list[str]:
    logger = logging.getLogger("dynamicprompts")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return list(generator.generate(prompt, count))
    except Exception as error:
        # The exception type of the parser is not part of its public interface.
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
                "There is no wildcard {name}. Put its values into {path}, one per line.",
                name=name,
                path=folder / f"{name}.txt",
            )
