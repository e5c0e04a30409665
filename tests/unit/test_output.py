"""What the commands print about a result, for scripts."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from studio.cli.output import JsonOutput, Tally
from studio.jobs.runner import AssetSaved
from studio.kinds.text import TextRequest
from studio.library.store import Library
from tests.unit.conftest import record


@pytest.mark.parametrize(("reached", "cut"), [(1.0, True), (0.0, None)])
def test_a_truncated_answer_is_marked(
    library: Library, capsys: pytest.CaptureFixture[str], reached: float, cut: bool | None
) -> None:
    (job,) = library.queue.enqueue([TextRequest(prompt="x", seed=1)])
    asset = record(library, job)
    recipe = replace(asset.recipe, stats={"reached_limit": reached})
    JsonOutput(Tally()).report(AssetSaved(replace(asset, recipe=recipe)))
    assert json.loads(capsys.readouterr().out).get("cut") is cut
