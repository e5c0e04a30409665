"""A prompt outside the domain of the model gives a warning before the first step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.engine.tasks.image.draw.out_of_domain import prompt_warnings
from studio.protocol import Event, Progress, Warned
from tests.engine.image.image_bench import IGNORE_LIBRARIES, ImageBench

pytestmark = IGNORE_LIBRARIES

STARTER = Path(__file__).parents[3] / "resources" / "models" / "starter-icons"


@pytest.fixture
def knowing(bench: ImageBench) -> Path:
    """A model whose `studio.json` lists fog as unknown."""
    folder = bench.copy_of("prxpixel")
    (folder / "studio.json").write_text(json.dumps({"unknown_prompts": ["dog", "fog"]}))
    return folder


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_an_unknown_prompt_gives_one_warning_before_the_first_step(
    guidance: float, knowing: Path, bench: ImageBench
) -> None:
    outcome = bench.draw(knowing, (0, 1), prompt="fog", guidance_scale=guidance, steps=1)

    kinds = [type(event) for event in outcome.events if isinstance(event, (Warned, Progress))]
    assert outcome.warnings == ["out_of_domain"]
    assert kinds.index(Warned) < kinds.index(Progress)
    assert len(outcome.assets) == 2


def test_a_known_prompt_gives_no_warning_and_the_same_picture(
    knowing: Path, bench: ImageBench
) -> None:
    outcome = bench.draw(knowing, prompt="a red cat", steps=1)

    assert outcome.warnings == []
    assert (outcome.picture(0) == bench.draw("prxpixel", steps=1).picture(0)).all()


def test_names_of_the_fallback_picture_are_known(knowing: Path, bench: ImageBench) -> None:
    facts = {"unknown_prompts": ["fog"], "unknown_shows": ["fog"]}
    (knowing / "studio.json").write_text(json.dumps(facts))

    assert bench.draw(knowing, prompt="Fog", steps=1).warnings == []


def test_the_starter_model_knows_its_things_and_warns_about_others(
    bench: ImageBench,
) -> None:
    known = ["a red apple", "猫", "rocket, flat style", "red question mark", "一个蓝色的汽车"]
    known += ["红色的自行车", "咖啡杯，3D风格", "桌子上有一只可爱的猫，扁平化风格"]
    unknown = ["a photograph of Paris", "a cat wearing a hat, noto style", "赛博朋克城市"]
    # Ambiguous prompts: their states lie between those of known things.
    unknown += ["冰箱", "a dog and a rocket"]
    loaded = bench.loaded(STARTER)
    sent: list[Event] = []
    warnings: dict[str, list[str]] = {}
    for prompt in known + unknown:
        sent.clear()
        with prompt_warnings(loaded, loaded.pipeline, {prompt: [bench.job(sent.append)]}):
            loaded.pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)
        warnings[prompt] = [event.kind for event in sent if isinstance(event, Warned)]

    assert warnings == {
        **{prompt: [] for prompt in known},
        **{prompt: ["out_of_domain"] for prompt in unknown},
    }
    assert isinstance(sent[0], Warned)
    assert "icons" in str(sent[0].message)
