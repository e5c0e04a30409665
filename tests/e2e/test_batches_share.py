"""Rows of a table that share one batch give the same texts as alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from studio.library.recipes.metadata import read_recipe, read_text
from tests.e2e.conftest import ALL_CORES, CommandResult

PROMPTS = (
    "Name a colour.",
    "Say in one sentence why the sea is salt.",
    "word " * 9000,
    "Continue: one, two, three,",
)


def test_rows_of_a_table_give_the_same_texts_as_alone(
    studio: Callable[..., CommandResult], tmp_path: Path
) -> None:
    rows = [
        {"task": "text", "prompt": prompt, "seed": 5 + n, "max_tokens": 10}
        for n, prompt in enumerate(PROMPTS)
    ]
    table, out = tmp_path / "table.jsonl", tmp_path / "out"
    table.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ran = studio("batch", table, "-o", out, "--json", **ALL_CORES)
    assert ran.status == 1
    assert (ran.events[-1]["assets"], ran.events[-1]["failed"]) == (3, 1)
    assert ["too long" in e["message"] for e in ran.named("failed")] == [True]
    # All were accepted before the first result.
    accepted = [place for place, e in enumerate(ran.events) if e["event"] == "accepted"]
    first = next(place for place, e in enumerate(ran.events) if e["event"] == "asset")
    assert len(accepted) == 4 and accepted[-1] < first

    texts = {recipe.seed: read_text(file) for file in out.glob("*.md")
             if (recipe := read_recipe(file)) is not None}  # fmt: skip
    wanted = ("text", "-p", PROMPTS[1], "--seed", 6, "--max-tokens", 10)
    alone = studio(*wanted, "--json", **ALL_CORES)
    assert texts[6] == read_text(Path(alone.named("asset")[0]["path"]))

    again = studio("batch", table, "-o", out, "--json", "--resume")
    assert (again.events[-1]["assets"], again.events[-1]["failed"]) == (0, 1)
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        made = [row["line"] for row in csv.DictReader(file) if row["path"]]
    assert sorted(made) == ["1", "2", "4"]
