"""The real engine draws icons: valid ones, the same in any batch, and says what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from studio.engine.local.client import EngineClient
from studio.formats.icons.drawing import read_document
from studio.formats.pictures.embedded import SVG
from studio.formats.recipes.recipe_files import read_content, read_embedded
from studio.kinds.icon import IconRequest
from studio.models.identify import describe_path
from studio.protocol import AssetReady, Cancelled, Done, Event, Failed, Progress, RunJob, Warned
from tests.unit.model_files import write_icons


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny one of random numbers, which draws valid nonsense."""
    folder = write_icons(tmp_path_factory.mktemp("models") / "icons")
    rows = describe_path(folder)
    assert rows.task == "icon"
    torch.manual_seed(0)
    vocabulary = (folder / "tokenizer.json").read_text("utf-8").count(":") - 3
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.4,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    started = EngineClient(log_dir=tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


def command(folder: Path, work: Path, request: IconRequest) -> RunJob:
    return RunJob(
        job="1",
        request=request,
        rows=tuple(range(request.count)),
        model=describe_path(folder),
        work_dir=str(work),
    )


def drawn(
    client: EngineClient, folder: Path, work: Path, request: IconRequest
) -> tuple[dict[int, str], list[Event]]:
    """Return the SVG of each seed, and all events."""
    events: list[Event] = []
    final = client.run(command(folder, work, request), events.append)
    assert isinstance(final, Done), final
    made = {
        event.recipe.seed: read_embedded(client.path_of(event.file, work)).texts[SVG]
        for event in events
        if isinstance(event, AssetReady)
    }
    return made, events


def test_drawings_go_on_from_strokes_that_are_given(
    client: EngineClient, model: Path, tmp_path: Path
) -> None:
    begin = "M3 4L9 4M4 12A8 8 0 1 1 20 12A8 8 0 1 1 4 12Z"
    request = IconRequest(prompt="house", seed=5, count=3, side=64, temperature=2.0, begin=begin)
    made, _ = drawn(client, model, tmp_path, request)
    found = [read_document(text) for text in made.values()]
    assert all(each is not None and each[0].data.startswith(begin) for each in found)
    assert len({each[0].data for each in found if each is not None}) == 3


def test_every_result_is_an_icon_and_depends_on_its_seed_alone(
    client: EngineClient, model: Path, tmp_path: Path
) -> None:
    request = IconRequest(prompt="house", seed=5, count=18, colour="#c00", side=64, temperature=2.0)
    many, events = drawn(client, model, tmp_path, request)
    assert sorted(many) == list(range(5, 23))
    assert len(set(many.values())) == 18
    for text in many.values():
        found = read_document(text)
        assert found is not None and found[0].data.startswith("M")
        assert found[0].look.colour == "#c00"
    path = next(
        client.path_of(event.file, tmp_path) for event in events if isinstance(event, AssetReady)
    )
    assert (read_content(path).width, read_content(path).height) == (64, 64)
    for seed, count in ((5, 1), (21, 1), (8, 3)):
        few, _ = drawn(
            client, model, tmp_path / str(seed), request.with_values(seed=seed, count=count)
        )
        assert few == {each: many[each] for each in range(seed, seed + count)}


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "The prompt is empty"),
        ("thin line", "names a style and no thing"),
        ("house of glass and кот", "Not known, and left out: кот, glass."),
        ("kitty", "kitty → cat"),
        ("house " + "heart " * 499, ""),
    ],
)
def test_what_is_not_drawn_of_a_prompt_is_said(
    client: EngineClient, model: Path, tmp_path: Path, prompt: str, said: str
) -> None:
    _, events = drawn(client, model, tmp_path, IconRequest(prompt=prompt, seed=1, side=32))
    warnings = " ".join(str(event.message) for event in events if isinstance(event, Warned))
    assert said in warnings and bool(said) == bool(warnings)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (IconRequest(prompt="кот"), "knows none of these words: кот"),
        (IconRequest(prompt="🐱 qqqq"), "knows none of these words"),
        (IconRequest(prompt="cat", family="nobody"), "knows no icon set nobody. It knows: lucide"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    client: EngineClient, model: Path, tmp_path: Path, request_: IconRequest, said: str
) -> None:
    final = client.run(command(model, tmp_path, request_), lambda _: None)
    assert isinstance(final, Failed) and final.problem.kind == "bad_input"
    assert said in str(final.problem.message)


def test_damaged_weights_are_named(client: EngineClient, tmp_path: Path) -> None:
    folder = write_icons(tmp_path / "broken")
    final = client.run(command(folder, tmp_path, IconRequest(prompt="cat")), lambda _: None)
    assert isinstance(final, Failed) and final.problem.kind == "model_broken"


def test_a_thousand_icons_stop_at_once(client: EngineClient, model: Path, tmp_path: Path) -> None:
    def note(event: Event) -> None:
        if isinstance(event, Progress):
            client.cancel("1")

    request = IconRequest(prompt="cat", count=1000, seed=1)
    assert isinstance(client.run(command(model, tmp_path, request), note), Cancelled)
