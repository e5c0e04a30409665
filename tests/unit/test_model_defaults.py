"""Settings that come with a model: its files, the starter pack and the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.model_defaults import with_model_defaults
from studio.kinds.registry import kinds
from studio.kinds.text import FALLBACKS, TextRequest
from studio.models.registry import Registry
from studio.models.source_file import SourceFile, source_text
from studio.protocol import InputFile, ModelSource
from studio.settings import Paths
from tests.unit.model_files import write_gguf, write_json, write_llama, write_pipeline
from tests.unit.test_runner import Harness


def defaults(paths: Paths) -> dict[str, object]:
    registry = Registry(paths)
    return registry.defaults(registry.list()[0])


def test_a_generation_config_gives_sampling_and_leaves_the_rest_neutral(paths: Paths) -> None:
    folder = write_llama(paths.models / "Alpha")
    assert defaults(paths) == {}
    write_json(folder / "generation_config.json", {"temperature": 0.6, "top_p": 0.95, "top_k": 20})
    assert defaults(paths) == {
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": 20,
        "repetition_penalty": 1.0,
    }
    write_json(folder / "generation_config.json", {"do_sample": False})
    assert defaults(paths)["temperature"] == 0.0


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"temperature": "hot"}', '{"temperature": true}', '{"pad_token_id": 2}']
)
def test_a_generation_config_without_usable_values_says_nothing(paths: Paths, config: str) -> None:
    folder = write_llama(paths.models / "Alpha")
    (folder / "generation_config.json").write_text(config, "utf-8")
    assert defaults(paths) == {}


def test_values_out_of_range_are_left_out(paths: Paths) -> None:
    folder = write_llama(paths.models / "Alpha")
    write_json(folder / "generation_config.json", {"temperature": 99, "top_k": -1, "top_p": 0.8})
    assert defaults(paths) == {"top_p": 0.8, "repetition_penalty": 1.0}


def test_the_metadata_of_a_gguf_file_gives_sampling(paths: Paths) -> None:
    write_gguf(
        paths.models / "a.gguf",
        general__sampling__temp=0.2,
        general__sampling__top_k=40,
        general__sampling__min_p=0.05,
    )
    found = {"temperature": 0.2, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.0}
    assert defaults(paths) == found


def test_the_starter_has_the_values_that_its_authors_recommend(paths: Paths) -> None:
    write_llama(paths.starter / "smollm2-135m-instruct")
    found = defaults(paths)
    assert (found["temperature"], found["top_p"], found["repetition_penalty"]) == (0.2, 0.9, 1.0)


def test_the_catalogue_goes_before_the_files_of_a_downloaded_model(paths: Paths) -> None:
    folder = write_llama(paths.models / "qwen")
    write_json(folder / "generation_config.json", {"temperature": 1.5})
    source = SourceFile(ModelSource("hub", "school/qwen"))
    (folder / "source.json").write_text(source_text(source), "utf-8")
    entry = {
        "id": "q",
        "name": "Q",
        "task": "text",
        "purpose": {"en": "", "zh": ""},
        "uses": [],
        "licence": "MIT",
        "settings": {"temperature": 0.3, "steps": 4, "top_p": 7},
        "variants": [{"precision": "bf16", "size": 1, "memory": {}, "repository": "school/qwen"}],
    }
    write_json(paths.settings.parent / "catalogue.json", {"schema": 1, "entries": [entry]})
    found = defaults(paths)
    assert found["temperature"] == 0.3
    assert "steps" not in found and found["top_p"] == 1.0


def test_what_the_request_says_is_kept_and_a_start_picture_decides_the_size() -> None:
    own = {"steps": 4, "guidance_scale": 1.0, "width": 1024, "height": 1024}
    request = with_model_defaults(ImageRequest(prompt="x", steps=9), own)
    assert (request.steps, request.guidance_scale, request.width) == (9, 1.0, 1024)
    started = ImageRequest(prompt="x", image=InputFile(path="/a.png"))
    assert with_model_defaults(started, own).width is None
    text = with_model_defaults(TextRequest(prompt="x", temperature=0.0), {"temperature": 0.2})
    assert (text.temperature, text.top_p) == (0.0, FALLBACKS["top_p"])
    assert set(FALLBACKS) <= set(kinds()["text"].fields)


@pytest.mark.parametrize(
    ("preset", "own", "found"),
    [
        ("balanced", {"temperature": 0.2, "top_p": 0.9}, (0.2, 0.9, 0.0)),
        ("precise", {"temperature": 0.5, "top_p": 0.95}, (0.2, 0.9, 0.0)),
        ("precise", {"temperature": 0.0}, (0.0, 0.9, 0.0)),
        ("creative", {"temperature": 0.2, "top_p": 0.9}, (0.6, 0.9, 0.05)),
        ("creative", {"temperature": 1.4, "min_p": 0.1}, (1.5, 0.95, 0.1)),
        ("creative", {"temperature": 2.0}, (2.0, 0.95, 0.05)),
    ],
)
def test_a_preset_changes_the_values_of_the_model(
    preset: Any, own: dict[str, float], found: tuple[float, ...]
) -> None:
    request = with_model_defaults(TextRequest(prompt="x", preset=preset), own)
    assert (request.temperature, request.top_p, request.min_p) == found
    # In the engine the values are set, and stay as they are.
    assert with_model_defaults(request, {}) == request
    given = with_model_defaults(TextRequest(prompt="x", preset=preset, temperature=1.0), own)
    assert given.temperature == 1.0


def test_the_recipe_records_the_values_and_the_stored_job_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(tmp_path / "home", monkeypatch)
    try:
        monkeypatch.setattr(harness.registry, "defaults", lambda _: {"temperature": 0.2})
        job = harness.enqueue(TextRequest(prompt="hello", seed=1))
        assert harness.run(job) == "done"
        (asset,) = harness.library.assets.of_job(job.id)
        recorded = asset.recipe.request
        assert isinstance(recorded, TextRequest)
        assert (recorded.temperature, recorded.top_k) == (0.2, FALLBACKS["top_k"])
        stored = harness.library.queue.get(job.id)
        assert stored is not None and isinstance(stored.request, TextRequest)
        assert stored.request.temperature is None
    finally:
        harness.engine.stop()
        harness.library.close()


def test_the_capabilities_of_a_pipeline_show_what_suits_the_model(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.protocol import Capabilities

    write_pipeline(paths.models / "sd")
    registry = Registry(paths)
    (ref,) = registry.list()
    registry.remember_capabilities(ref, Capabilities(controls=("steps", "width"), steps=20))
    monkeypatch.setattr(registry, "defaults", lambda _: {"steps": 4, "guidance_scale": 1.0})
    can = registry.capabilities(ref)
    assert can is not None and (can.steps, can.guidance_scale) == (4, None)
