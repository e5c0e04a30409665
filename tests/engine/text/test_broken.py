"""A broken model folder is refused with a sentence that names what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.protocol import ProblemError
from tests.engine.text.text_bench import TextBench, model_at


def weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def missing(folder: Path) -> None:
    weights(folder).unlink()


def cut_short(folder: Path) -> None:
    data = weights(folder).read_bytes()
    weights(folder).write_bytes(data[: len(data) - 1000])


def cut_in_the_header(folder: Path) -> None:
    weights(folder).write_bytes(weights(folder).read_bytes()[:100])


def emptied(folder: Path) -> None:
    weights(folder).write_bytes(b"")


def no_safetensors(folder: Path) -> None:
    weights(folder).write_bytes(b"<html>Not found</html>" * 1000)


def change(folder: Path, do: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(weights(folder))
    do(tensors)
    save_file(tensors, weights(folder), metadata={"format": "pt"})


def wrong_shape(folder: Path) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    change(folder, lambda held: held.update({name: held[name][:-1].clone()}))


def one_weight_gone(folder: Path) -> None:
    change(folder, lambda held: held.pop("model.layers.0.self_attn.q_proj.weight"))


def a_shard_gone(folder: Path) -> None:
    names = list(load_file(weights(folder)))
    weights(folder).rename(folder / "model-00001-of-00002.safetensors")
    places = dict.fromkeys(names, "model-00001-of-00002.safetensors")
    places[names[0]] = "model-00002-of-00002.safetensors"
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))


DAMAGE: dict[Callable[[Path], None], str] = {
    missing: "model.safetensors is missing",
    cut_short: "model.safetensors",
    cut_in_the_header: "model.safetensors",
    emptied: "model.safetensors",
    no_safetensors: "model.safetensors",
    wrong_shape: "model.safetensors do not match",
    one_weight_gone: "is incomplete. Missing tensors: 1, for example",
    a_shard_gone: "model-00002-of-00002.safetensors is missing",
}


def refusal(bench: TextBench, folder: Path) -> tuple[str, str]:
    with pytest.raises(ProblemError) as caught:
        bench.run(model_at(folder), prompt="x", max_tokens=2)
    return caught.value.problem.kind, str(caught.value)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_broken_weights_are_named(
    bench: TextBench, tiny: Path, damage: Callable[[Path], None]
) -> None:
    damage(tiny)
    kind, text = refusal(bench, tiny)
    assert kind == "model_broken"
    assert DAMAGE[damage] in text


def test_a_repaired_model_works(bench: TextBench, tiny: Path) -> None:
    whole = weights(tiny).read_bytes()
    cut_short(tiny)
    refusal(bench, tiny)
    weights(tiny).write_bytes(whole)
    assert bench.run(model_at(tiny), prompt="x", max_tokens=2).answers[0]


def test_a_folder_without_a_tokenizer_is_refused(bench: TextBench, tiny: Path) -> None:
    (tiny / "tokenizer.json").unlink()
    kind, text = refusal(bench, tiny)
    assert kind == "model_broken"
    assert "tokenizer" in text


def test_a_damaged_tokenizer_is_refused(bench: TextBench, tiny: Path) -> None:
    (tiny / "tokenizer.json").write_text("{")
    assert refusal(bench, tiny)[0] == "model_broken"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"model_type": "llama"}'])
def test_a_damaged_configuration_is_refused(
    bench: TextBench, tiny: Path, content: str | None
) -> None:
    if content is None:
        (tiny / "config.json").unlink()
    else:
        (tiny / "config.json").write_text(content)
    assert refusal(bench, tiny)[0] == "model_broken"


def test_pickled_weights_are_not_loaded(bench: TextBench, tiny: Path) -> None:
    weights(tiny).rename(tiny / "pytorch_model.bin")
    kind, text = refusal(bench, tiny)
    assert kind == "bad_input"
    assert "pickle" in text


def test_remote_code_of_a_model_is_not_run(bench: TextBench, tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    config |= {"model_type": "surprise", "auto_map": {"AutoConfig": "surprise.Config"}}
    (tiny / "config.json").write_text(json.dumps(config))
    (tiny / "surprise.py").write_text("from pathlib import Path\nPath(__file__ + '.ran').touch()\n")
    kind, text = refusal(bench, tiny)
    assert kind == "bad_input"
    assert "code" in text
    assert not list(tiny.glob("*.ran"))


def test_a_model_that_is_no_language_model_is_refused(bench: TextBench, tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    config |= {"model_type": "clip", "architectures": ["CLIPModel"]}
    (tiny / "config.json").write_text(json.dumps(config))
    assert refusal(bench, tiny)[0] == "bad_input"


def test_a_deleted_model_is_missing(bench: TextBench, tiny: Path) -> None:
    shutil.rmtree(tiny)
    assert refusal(bench, tiny)[0] == "model_missing"
