"""The list of models: sources, ids, and what is cached about them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from studio.kinds.image import ImageRequest
from studio.kinds.kind import ModelNeed
from studio.kinds.registry import kind_of
from studio.kinds.upscale import UpscaleRequest
from studio.models import description_cache
from studio.models.identify import describe_path
from studio.models.model_card import has_conditions
from studio.models.registry import Registry
from studio.protocol import Adapter, Capabilities, InputFile, ProblemError
from studio.settings import Paths
from tests.unit.model_files import (
    write_gguf,
    write_json,
    write_llama,
    write_pipeline,
    write_safetensors,
)


def upscaler(path: Path, doublings: int) -> Path:
    ends = {f"conv_up{number + 1}.weight": (8, 8, 3, 3) for number in range(doublings)}
    return write_safetensors(
        path,
        {"conv_first.weight": (8, 3, 3, 3), "body.0.rdb1.conv1.weight": (4, 8, 3, 3), **ends},
    )


def test_without_models_the_list_is_empty_and_nothing_is_written(paths: Paths) -> None:
    assert Registry(paths).list() == []
    assert not paths.models.exists()


def test_starter_models_come_first_under_their_own_names(paths: Paths) -> None:
    write_llama(paths.models / "Aardvark")
    write_llama(paths.starter / "smollm2-135m-instruct")
    models = Registry(paths).list("text")
    assert [model.id for model in models] == ["smollm2-135m-instruct", "aardvark"]
    assert [model.is_starter for model in models] == [True, False]
    assert models[0].name == "SmolLM2 135M Instruct"
    assert models[0].licence == "Apache-2.0"
    sources = [(model.source.kind, model.source.place) for model in models]
    assert sources == [
        ("starter", "smollm2-135m-instruct"),
        ("folder", str(paths.models / "Aardvark")),
    ]
    assert {(model.role, model.has_conditions) for model in models} == {("base", False)}


def test_an_added_model_is_listed_after_a_restart(paths: Paths, tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "elsewhere" / "Fox 1B")
    added = Registry(paths).add(folder)
    assert added.id == "fox-1b"
    assert Registry(paths).get("fox-1b") == added


def test_adding_twice_gives_the_same_model(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    folder = write_llama(tmp_path / "fox")
    assert registry.add(folder) == registry.add(folder / "config.json")
    assert len(registry.list()) == 1


def test_two_models_with_one_name_get_stable_ids(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    first = registry.add(write_llama(tmp_path / "a" / "fox"))
    second = registry.add(write_llama(tmp_path / "b" / "fox"))
    assert (first.id, second.id) == ("fox", "fox-2")
    registry.remove("fox")
    assert [model.id for model in Registry(paths).list()] == ["fox-2"]


def test_no_added_model_can_take_the_id_of_a_starter_model(paths: Paths, tmp_path: Path) -> None:
    added = Registry(paths).add(write_llama(tmp_path / "smollm2-135m-instruct"))
    assert added.id == "smollm2-135m-instruct-2"


def test_models_copied_into_the_models_folder_are_listed(paths: Paths) -> None:
    write_llama(paths.models / "llama")
    write_gguf(paths.models / "fox.gguf", general__name="Fox")
    upscaler(paths.models / "upscalers" / "2x.safetensors", 1)
    upscaler(paths.models / "upscalers" / "4x.safetensors", 2)
    (paths.models / "notes.txt").write_text("no model", "utf-8")
    (paths.models / "empty").mkdir()
    ids = {model.id for model in Registry(paths).list()}
    assert ids == {"llama", "fox-q4-1", "2x", "4x"}


def test_the_id_of_a_model_is_stable_when_another_has_its_name(paths: Paths) -> None:
    write_gguf(paths.models / "z" / "m.gguf", general__name="Fox")
    path = Registry(paths).resolve(ModelNeed("text", "fox-q4-1")).path
    write_gguf(paths.models / "a" / "m.gguf", general__name="Fox")
    registry = Registry(paths)
    assert registry.resolve(ModelNeed("text", "fox-q4-1")).path == path
    assert len(registry.list()) == 2


def test_removing_a_model_keeps_its_files(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    outside = write_llama(tmp_path / "outside")
    inside = write_llama(paths.models / "inside")
    registry.add(outside)
    registry.list()
    for id in ("outside", "inside"):
        registry.remove(id)
    assert Registry(paths).list() == []
    assert (outside / "model.safetensors").exists()
    assert (inside / "model.safetensors").exists()
    assert registry.add(inside).id == "inside"


def test_removing_an_unknown_or_starter_model_is_refused(paths: Paths) -> None:
    write_llama(paths.starter / "smollm2-135m-instruct")
    registry = Registry(paths)
    for id in ("nothing", "smollm2-135m-instruct"):
        with pytest.raises(ProblemError):
            registry.remove(id)
    assert len(registry.list()) == 1


def test_a_broken_model_is_reported_and_not_listed(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    folder = write_llama(tmp_path / "fox")
    registry.add(folder)
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert registry.list() == []
    assert registry.problems()["fox"].kind == "model_broken"
    with pytest.raises(ProblemError) as caught:
        registry.resolve(ModelNeed("text", "fox"))
    assert caught.value.problem.kind == "model_broken"
    shutil.rmtree(folder)
    assert registry.problems()["fox"].kind == "model_missing"


def test_a_damaged_list_is_set_aside_and_reported(paths: Paths, tmp_path: Path) -> None:
    paths.models.mkdir(parents=True)
    (paths.models / "registry.json").write_text("{ not json", "utf-8")
    registry = Registry(paths)
    assert registry.list() == []
    assert "damaged" in str(registry.problems()["registry.json"].message)
    assert len(list(paths.models.glob("registry.damaged-*.json"))) == 1
    assert registry.add(write_llama(tmp_path / "fox")).id == "fox"


def test_headers_are_read_again_only_after_a_change(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path) -> object:
        read.append(path)
        return describe_path(path)

    monkeypatch.setattr(description_cache, "describe_path", counted)
    folder = write_llama(paths.models / "fox")
    assert Registry(paths).list()[0].context == 2048
    Registry(paths).list()
    assert read == [folder]
    write_json(
        folder / "config.json",
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "n_ctx": 12345},
    )
    assert Registry(paths).list()[0].context == 12345
    assert read == [folder, folder]


def test_a_damaged_cache_is_rebuilt(paths: Paths) -> None:
    write_llama(paths.models / "fox")
    Registry(paths).list()
    (paths.cache / "models.json").write_text("]", "utf-8")
    assert [model.id for model in Registry(paths).list()] == ["fox"]


def wanted(model: str, scale: Literal[2, 3, 4]) -> ModelNeed:
    request = UpscaleRequest(input=InputFile("x.png"), scale=scale, model=model)
    return kind_of(request).models_of(request)[0]


@pytest.mark.parametrize("scale", [2, 4])
def test_the_default_upscaler_has_the_requested_scale(paths: Paths, scale: Literal[2, 4]) -> None:
    upscaler(paths.models / "a.safetensors", 1)
    upscaler(paths.models / "b.safetensors", 2)
    assert Registry(paths).resolve(wanted("", scale)).scales == (scale,)


def test_a_scale_without_a_model_is_refused(paths: Paths) -> None:
    upscaler(paths.models / "a.safetensors", 1)
    registry = Registry(paths)
    for model, kind in (("", "model_missing"), ("a", "bad_input")):
        with pytest.raises(ProblemError) as caught:
            registry.resolve(wanted(model, 3))
        assert caught.value.problem.kind == kind


def test_adapters_are_resolved_by_their_role(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pipeline(paths.models / "base")
    registry = Registry(paths)
    base = registry.get("base")
    assert base is not None and base.role == "base"
    ink = msgspec.structs.replace(base, id="ink", role="lora", base="sd")
    known = {"base": base, "ink": ink}
    monkeypatch.setattr(registry, "get", known.get)
    request = ImageRequest(prompt="x", model="base", adapters=(Adapter("ink", 0.5),))
    assert registry.resolve_all(request) == (base, ink)
    for wrong in (
        ImageRequest(prompt="x", model="ink"),
        ImageRequest(prompt="x", model="base", adapters=(Adapter("base"),)),
    ):
        with pytest.raises(ProblemError) as caught:
            registry.resolve_all(wrong)
        assert caught.value.problem.kind == "bad_input"


def test_the_role_of_an_upscaler_is_cached(paths: Paths) -> None:
    upscaler(paths.models / "a.safetensors", 2)
    (model,) = Registry(paths).list("upscale")
    assert (model.role, model.source.kind) == ("upscaler", "folder")
    assert Registry(paths).list("upscale") == [model], "read from the cache"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("apache-2.0", False),
        ("mit", False),
        ("", False),
        ("creativeml-openrail-m", True),
        ("llama3.2", True),
        ("cc-by-nc-4.0", True),
        ("flux-1-dev-non-commercial-license", True),
    ],
)
def test_restricted_licences_are_recognised_by_name(licence: str, expected: bool) -> None:
    assert has_conditions(licence) is expected


def test_a_request_may_name_a_path(paths: Paths, tmp_path: Path) -> None:
    registry = Registry(paths)
    folder = write_llama(tmp_path / "fox")
    assert registry.resolve(ModelNeed("text", str(folder))).path == str(folder)
    added = registry.add(folder)
    assert registry.resolve(ModelNeed("text", str(folder))) == added


def test_a_request_without_a_suitable_model_is_explained(paths: Paths) -> None:
    registry = Registry(paths)
    for task in ("text", "image", "upscale"):
        with pytest.raises(ProblemError) as caught:
            registry.resolve(ModelNeed(task, ""))
        assert caught.value.problem.kind == "model_missing"
    write_llama(paths.models / "fox")
    with pytest.raises(ProblemError) as caught:
        registry.resolve(ModelNeed("text", "hound"))
    assert "fox" in str(caught.value.problem.message)
    with pytest.raises(ProblemError) as caught:
        registry.resolve(ModelNeed("image", "fox"))
    assert caught.value.problem.kind == "bad_input"


def test_capabilities_are_cached_until_the_files_change(paths: Paths) -> None:
    folder = write_pipeline(paths.models / "sd")
    (model,) = Registry(paths).list("image")
    known = Capabilities(controls=("steps",), steps=4)
    Registry(paths).remember_capabilities(model, known)
    assert Registry(paths).capabilities(model) == known
    write_json(folder / "scheduler" / "scheduler_config.json", {"changed": True})
    assert Registry(paths).capabilities(model) is None


def test_verify_compares_a_starter_model_with_its_hashes(paths: Paths) -> None:
    folder = write_llama(paths.starter / "fox")
    registry = Registry(paths)
    assert registry.verify("fox") is None
    write_json(folder / "starter.json", {"files": {"tokenizer.json": "0" * 64}})
    found = registry.verify("fox")
    assert found is not None
    assert (found.kind, "tokenizer.json" in str(found.message)) == ("model_broken", True)
    missing = registry.verify("hound")
    assert missing is not None
    assert missing.kind == "model_missing"
