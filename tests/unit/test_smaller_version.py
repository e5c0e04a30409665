"""For a model that does not fit, a version that does is found: installed, or in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from studio.models.catalogue import smaller as smaller_module
from studio.models.catalogue.smaller import smaller_versions
from studio.models.fit import Fit, fit
from studio.models.hub.description import HubFile, HubModel
from studio.models.hub.file_choice import choose_files, choose_smaller
from studio.protocol import DeviceMemory, ModelRef, ModelSource
from studio.settings import Paths, default_paths
from tests.unit.model_files import write_json

GB = 10**9
MEMORY = DeviceMemory("cpu", "main", 16 * GB, 14 * GB)


def variant(precision: str, size: float, need: float) -> dict[str, Any]:
    return {
        "precision": precision,
        "repository": "maker/big-GGUF",
        "files": [{"path": f"big-{precision}.gguf", "size": int(size * GB)}],
        "size": int(size * GB),
        "memory": {"cpu": need},
    }


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Paths:
    paths = default_paths()
    entry = {
        "id": "big",
        "name": "Big",
        "task": "text",
        "purpose": {"en": "For all", "zh": "通用"},
        "uses": [],
        "licence": "MIT",
        "variants": [variant("Q2_K", 3, 4), variant("Q4_K_M", 6, 7), variant("Q8_0", 20, 25)],
    }
    own = {"schema": 1, "replaces": True, "entries": [entry]}
    write_json(paths.settings.parent / "catalogue.json", own)
    monkeypatch.setattr(smaller_module, "main_memory", lambda: MEMORY)
    return paths


def model(precision: str, size: float, place: str = "maker/big-GGUF") -> ModelRef:
    return ModelRef(
        id=precision.lower(),
        name=f"Big {precision}",
        task="text",
        format="gguf",
        path=f"/models/big-{precision}.gguf",
        size=int(size * GB),
        source=ModelSource("hub", place) if place else ModelSource(),
    )


def fits(*models: ModelRef) -> dict[str, Fit]:
    return {each.id: fit(each, MEMORY, bytes_per_weight=2) for each in models}


def test_the_best_variant_of_the_catalogue_that_fits_is_offered(paths: Paths) -> None:
    # The same file in the folder of another program is known by its name and its size.
    for place in ("maker/big-GGUF", ""):
        large = model("Q8_0", 20, place)
        found = smaller_versions([large], fits(large), paths, None)["q8_0"]
        assert (found.name, found.size) == ("Big Q4_K_M", 6 * GB)
        assert (found.entry, found.precision, found.installed) == ("big", "Q4_K_M", "")


def test_a_smaller_version_that_is_installed_comes_first(paths: Paths) -> None:
    models = [model("Q8_0", 20), model("Q2_K", 3)]
    found = smaller_versions(models, fits(*models), paths, None)
    assert list(found) == ["q8_0"]
    assert found["q8_0"].installed == "q2_k"


def test_nothing_is_offered_for_what_fits_or_has_no_smaller_version(paths: Paths) -> None:
    small, other = model("Q4_K_M", 6), model("Q8_0", 40, "somebody/else")
    assert smaller_versions([small], fits(small), paths, None) == {}
    assert smaller_versions([other], fits(other), paths, None) == {}


def test_of_a_repository_the_best_version_that_fits_and_is_smaller_is_chosen() -> None:
    sizes = {"m-Q2_K.gguf": 3 * GB, "m-Q4_K_M.gguf": 6 * GB, "m-Q8_0.gguf": 20 * GB}
    files = tuple(HubFile(name, size) for name, size in sizes.items())
    there = HubModel("https://hub.example", "owner/name", "0" * 40, files)
    chosen = choose_smaller(there, 20 * GB, 16 * GB)
    assert chosen is not None and "m-Q4_K_M.gguf" in [file.name for file in chosen.files]
    assert choose_smaller(there, 3 * GB, 16 * GB) is None
    assert choose_smaller(there, 20 * GB, 2 * GB) is None

    asked: list[dict[str, Any]] = [{"quantisation": "Q8_0"}, {"file": "m-Q8_0.gguf"}]
    for wanted in asked:
        (note,) = choose_files(there, memory=16 * GB, **wanted).notes
        assert "owner/name:Q4_K_M (6.0 GB) would fit" in str(note)
        assert not choose_files(there, memory=64 * GB, **wanted).notes
