"""Models that draw icons are recognised by their tokens, and damaged ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.models.identify import describe_path
from studio.protocol import ProblemError
from tests.unit.model_files import write_icons, write_llama, write_safetensors


def test_a_folder_that_draws_is_told_from_one_that_writes(tmp_path: Path) -> None:
    drawing = describe_path(write_icons(tmp_path / "icons"))
    assert (drawing.task, drawing.format, drawing.role) == ("icon", "icon_tokens", "icons")
    assert describe_path(write_llama(tmp_path / "llama")).task == "text"


def _other_tokens(folder: Path) -> None:
    ids = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    ids["M"], ids["L"] = ids["L"], ids["M"]
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": ids}}), "utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_other_tokens, "for another version"),
        (lambda folder: (folder / "tokenizer.json").write_text('"<draw>"'), "cannot be read"),
        (
            lambda folder: write_safetensors(
                folder / "model.safetensors", {"model.embed_tokens.weight": (7, 16)}
            ),
            "do not belong to its tokenizer.json",
        ),
        (lambda folder: (folder / "model.safetensors").unlink(), "weights are missing"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(tmp_path: Path, damage: object, said: str) -> None:
    folder = write_icons(tmp_path / "icons")
    assert callable(damage)
    damage(folder)
    with pytest.raises(ProblemError) as error:
        describe_path(folder)
    assert said in str(error.value.problem.message)
