"""Expanding one prompt into many."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.jobs.prompt_alternatives import expand_all
from studio.protocol import ProblemError


@pytest.fixture
def wildcards(tmp_path: Path) -> Path:
    (tmp_path / "animal.txt").write_text("fox\n狐狸\n", encoding="utf-8")
    return tmp_path


def test_every_combination_occurs_once(wildcards: Path) -> None:
    found = expand_all("{red|blue|red} __animal__", wildcards)
    assert sorted(found) == ["blue fox", "blue 狐狸", "red fox", "red 狐狸"]


def test_combinations_stop_at_the_number_asked_for(wildcards: Path) -> None:
    assert len(expand_all("{a|b|c} {a|b|c} {a|b|c}", wildcards, most=5)) == 5


@pytest.mark.parametrize("prompt", ["{red|blue fox", "__nobody__ runs"])
def test_a_prompt_that_cannot_be_parsed_is_refused_with_a_sentence(
    wildcards: Path, prompt: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        expand_all(prompt, wildcards)
    assert caught.value.problem.kind == "bad_input"
    assert "like {red|blue}," in str(caught.value) or "nobody.txt" in str(caught.value)
