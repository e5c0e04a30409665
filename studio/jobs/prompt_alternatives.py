"""Expand a prompt with alternatives `{red|blue}` and wildcards `__animal__` into many prompts.

A wildcard is a text file of the user with one value per line. The syntax is that of
https://github.com/adieyal/dynamicprompts (0.31). Only prompts that the user asked to expand come
here; braces in other prompts have no meaning.
"""

from __future__ import annotations

from pathlib import Path

WILDCARD_FOLDER = "wildcards"
"""Name of the folder with the wildcards, next to the settings."""

MAX_PROMPTS = 10_000


def expand_all(prompt: str, wildcards: Path, most: int = MAX_PROMPTS) -> list[str]:
    """Return all combinations in a fixed order, without duplicates.

    Raises `ProblemError` (bad_input) for invalid syntax, a wildcard without a file or values, one
    within itself, and more than `most` prompts.
    """
    # The parser takes a while to import.
    from studio.jobs.prompt_expansion import Expansion
    from studio.jobs.wildcard_files import Wildcards

    return Expansion(prompt, Wildcards(wildcards), most).prompts()
