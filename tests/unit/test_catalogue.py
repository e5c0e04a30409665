"""The catalogue that the app comes with is complete and valid; files of the user change it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from studio.kinds.registry import kinds
from studio.models.catalogue.catalogue import SHIPPED, load_catalogue
from studio.models.catalogue.choice import GIGABYTE, by_fit, choose_variant
from studio.models.catalogue.entries import CatalogueFolderFile
from studio.protocol import DeviceMemory
from studio.settings import Paths, default_paths

_OWN = {
    "schema": 1,
    "entries": [
        {
            "id": "school",
            "name": "School model",
            "task": "text",
            "purpose": {"en": "For lessons", "zh": "课堂用"},
            "uses": ["write"],
            "licence": "MIT",
            "variants": [
                {"precision": "Q4_0", "repository": "a/b", "size": 1, "memory": {"cpu": 1}}
            ],
        }
    ],
}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    return default_paths()


def _memory(gigabytes: float, kind: str = "main") -> DeviceMemory:
    total = int(gigabytes * GIGABYTE)
    return DeviceMemory("cpu" if kind == "main" else "cuda", kind, total, total)  # type: ignore[arg-type]


def test_every_shipped_file_follows_the_schema() -> None:
    files = sorted(SHIPPED.glob("*.json"))
    assert files
    for file in files:
        msgspec.json.decode(file.read_bytes(), type=CatalogueFolderFile)


def test_shipped_entries_are_complete(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    assert not catalogue.problems
    assert len(catalogue.entries) >= 28
    uses = {use.id: use for use in catalogue.uses}
    ids = [entry.id for entry in catalogue.entries]
    assert len(ids) == len(set(ids))
    for entry in catalogue.entries:
        assert entry.task in kinds(), entry.id
        assert entry.purpose.en.endswith("."), entry.id
        assert entry.purpose.zh.endswith("。"), entry.id
        assert entry.uses, entry.id
        for use in entry.uses:
            assert uses[use].task in ("", entry.task), entry.id
        assert set(entry.companions) <= set(ids), entry.id
        assert entry.variants, entry.id
        alone = entry.role in ("base", "embedder") or entry.task == "upscale"
        assert alone or entry.base, entry.id
        for variant in entry.variants:
            assert variant.size > 0, entry.id
            assert bool(variant.repository) != variant.url.startswith("https://"), entry.id
            needs = variant.memory
            assert any(need for need in (needs.cpu, needs.gpu, needs.gpu_offload)), entry.id


def test_recommended_settings_are_valid_values_of_the_kind(paths: Paths) -> None:
    for entry in load_catalogue(paths).entries:
        request = kinds()[entry.task].request
        values = {"prompt": "a fox"} | entry.settings
        if entry.settings:
            assert set(entry.settings) <= set(request.__struct_fields__), entry.id
            msgspec.convert({"task": entry.task, **values}, request)


def test_a_model_with_an_unverified_licence_is_never_recommended(paths: Paths) -> None:
    recommended = [entry for entry in load_catalogue(paths).entries if entry.recommended]
    # Voices, models that understand speech and the smoothing model come with the starter pack.
    of_the_pack = {"speech", "transcribe", "video"}
    # A film is made without a model; there are none for icons yet, and none for clips, music and
    # descriptions whose licence was checked.
    without = of_the_pack | {"film", "icon", "clip", "music", "describe"}
    assert {entry.task for entry in recommended} == set(kinds()) - without
    for entry in recommended:
        assert "licence" not in entry.unverified
        assert entry.conditions is None


def test_a_file_in_the_settings_folder_adds_hides_and_replaces(paths: Paths) -> None:
    own = paths.settings.parent / "catalogue.json"
    own.write_text(json.dumps(_OWN | {"hidden": ["qwen3.5-2b"]}), encoding="utf-8")
    catalogue = load_catalogue(paths)
    assert catalogue.get("school") is not None
    assert catalogue.get("qwen3.5-2b") is None
    assert catalogue.get("qwen3.5-4b") is not None

    own.write_text(json.dumps(_OWN | {"replaces": True}), encoding="utf-8")
    assert [entry.id for entry in load_catalogue(paths).entries] == ["school"]


def test_a_damaged_file_is_reported_and_the_rest_is_there(paths: Paths) -> None:
    (paths.settings.parent / "catalogue.json").write_text('{"schema": 1, "entries": 3}')
    catalogue = load_catalogue(paths)
    assert catalogue.get("qwen3.5-2b") is not None
    (found,) = catalogue.problems
    assert "catalogue.json" in str(found.message)


def test_the_most_precise_variant_that_fits_is_chosen(paths: Paths) -> None:
    entry = load_catalogue(paths).get("qwen3.5-4b")
    assert entry is not None
    small, large = entry.variants
    assert choose_variant(entry, _memory(16), None).variant == large
    assert choose_variant(entry, _memory(7.2), None).variant == small
    on_gpu = choose_variant(entry, _memory(16), _memory(8, "gpu"))
    assert (on_gpu.variant, on_gpu.place) == (large, "gpu")
    none = choose_variant(entry, _memory(4), None)
    assert (none.variant, none.place) == (small, None)


def test_models_that_run_here_come_first(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    ordered = by_fit(catalogue.entries, _memory(8), None)
    runs = [choice.place is not None for _, choice in ordered]
    assert runs == sorted(runs, reverse=True)
    assert ordered[0][0].recommended
