"""The judge of the vector recipe names what drawings show, and variety and novelty are measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studio.formats.icons import tokens
from studio.formats.icons.geometry import Circle, Icon, line
from studio.formats.icons.geometry import Path as Stroke
from vector_recipe import dataset, judge, measures, split
from vector_recipe.duplicates import pictures


def ring(size: int) -> Icon:
    return (Circle((48, 48), size),)


def bars(size: int) -> Icon:
    return tuple(Stroke((48 + x, 48 - size), (line(48 + x, 48 + size),)) for x in (-20, 0, 20))


def entries() -> list[dataset.Entry]:
    return [
        dataset.Entry(
            prefix, f"{word}-{size}", [(word,)], [(2.0, True)], " ".join(tokens.encode(draw(size))),
            split.SET, [prefix],
        )
        for prefix in ("a", "b")
        for word, draw in (("ring", ring), ("bars", bars))
        for size in (16, 24, 32, 40)
    ]  # fmt: skip


def test_a_judge_names_drawings_of_a_set_that_it_has_not_seen(tmp_path: Path) -> None:
    words = judge.words_of(entries())
    assert words == ("bars", "ring")
    made = judge.train([entry for entry in entries() if entry.prefix == "a"], words, epochs=40)
    pixels = np.stack([judge.pixels_of(icon) for icon in (ring(28), bars(28))])
    assert [row[0] for row in made.named(pixels, 1)] == ["ring", "bars"]
    judge.save(made, tmp_path / "judge.safetensors", 0.75)
    again, own = judge.load(tmp_path / "judge.safetensors")
    assert own == 0.75 and again.named(pixels, 2) == made.named(pixels, 2)


def test_equal_drawings_have_no_variety_and_copies_are_not_new() -> None:
    real = measures.by_word(entries(), ["ring", "bars"])
    assert {word: len(icons) for word, icons in real.items()} == {"ring": 2, "bars": 2}
    assert measures.variety({"ring": [ring(20)] * 3}, {"ring": [ring(12), ring(40)]}) == (
        pytest.approx(0.0, abs=1e-6)
    )
    known = pictures([ring(16)], 1)[0]
    wide = {"ring": [ring(16), ring(20)]}
    assert measures.not_new([ring(16), bars(40)], known, wide) == 0.5
