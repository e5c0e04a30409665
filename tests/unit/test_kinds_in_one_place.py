"""A kind is named in its own module and folders, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.kinds.registry import kinds

STUDIO = Path(__file__).parents[2] / "studio"
OWN = (
    "kinds/",
    *(f"{place}/{task}/" for place in ("engine/tasks", "ui/workspaces") for task in kinds()),
)
OTHER_MEANINGS = {
    ("protocol/events.py", "text"): "the tag of the event that carries new text",
    ("cli/output.py", "text"): "the same event for scripts",
    ("library/index/assets.py", "text"): "a column of the index: what is written in a result",
    ("library/index/checksums.py", "text"): "the same column",
    ("jobs/results.py", "text"): "a column of results.csv: what is written in a result",
    ("jobs/wildcard_files.py", "text"): "a key of dynamicprompts: what is written in a wildcard",
    ("serve/chat.py", "text"): "the type of a message's part, and of an answer, for clients",
    ("engine/fake.py", "image"): "a control of a model: the picture that it starts from",
    ("ui/style/icons.py", "text"): "the colour of text",
    ("formats/weights/denoiser_parts.py", "clip"): "CLIP, a text encoder",
    ("protocol/commands.py", "describe"): "the command that asks what a model can do",
    ("models/companions.py", "clip"): "the same text encoder",
    ("models/identify_companion.py", "clip"): "the same text encoder",
    ("models/identify_gguf.py", "clip"): "the same text encoder",
    ("formats/llama/pictures.py", "text"): "a field of a C structure",
    ("formats/weights/vision_projector.py", "clip"): "llama.cpp's name of networks that see",
    ("writing/forms/form.py", "video"): "a purpose of forms: scripts and storyboards",
}
"""Places where the name of a kind stands for something else."""


def names_in(file: Path) -> Iterator[tuple[int, str]]:
    """Yield where a file names a kind: its task as a string, or the type of its requests."""
    types = {kind.request.__name__ for kind in kinds().values()}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Constant(value=str(text)) if text in kinds():
                yield node.lineno, text
            case ast.Name(id=name) | ast.alias(name=name) if name in types:
                yield node.lineno, name


@pytest.mark.parametrize("file", sorted(STUDIO.rglob("*.py")), ids=lambda file: file.name)
def test_kinds_are_named_nowhere_else(file: Path) -> None:
    place = file.relative_to(STUDIO).as_posix()
    if place.startswith(OWN):
        return
    found = [(line, name) for line, name in names_in(file) if (place, name) not in OTHER_MEANINGS]
    assert not found, f"{place}: {found}"
