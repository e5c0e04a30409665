"""Encoded prompts are cached, and the cache cannot be modified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from studio.engine.tasks.image.model.prompt_encoding import EncodedPromptCache
from studio.protocol import InputFile
from tests.engine.image.image_bench import ImageBench


class Encoder:
    """A pipeline that counts how often it encodes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode_prompt(self, prompt: str, scale: float = 1.0, **_: Any) -> tuple[Any, None]:
        self.asked.append(prompt)
        return torch.full((2, 4), float(len(self.asked)) * scale), None


def test_a_prompt_is_encoded_once_and_its_cached_states_cannot_be_modified() -> None:
    pipeline, kept = Encoder(), EncodedPromptCache()

    with kept.cached_encoding(pipeline, "float32"):
        pipeline.encode_prompt("fox")[0].zero_()
        pipeline.encode_prompt("fox")[0].zero_()
        states, nothing = pipeline.encode_prompt("fox")

    assert pipeline.asked == ["fox"]
    assert states.tolist() == torch.ones(2, 4).tolist() and nothing is None
    pipeline.encode_prompt("fox")
    assert pipeline.asked == ["fox", "fox"], "the pipeline itself was changed"


@pytest.mark.parametrize(
    "change",
    [{"scale": 1}, {"scale": True}, {"scale": 2.0}, {"clip_skip": 1}, {"states": torch.ones(1)}],
    ids=str,
)
def test_other_arguments_are_encoded_separately(change: dict[str, Any]) -> None:
    pipeline, kept = Encoder(), EncodedPromptCache()

    with kept.cached_encoding(pipeline, "float32"):
        pipeline.encode_prompt("fox", scale=1.0)
        pipeline.encode_prompt("fox", **{"scale": 1.0} | change)

    assert len(pipeline.asked) == 2


def test_changed_weights_encode_again() -> None:
    pipeline, kept = Encoder(), EncodedPromptCache()

    for state in ("bfloat16", "float32", "bfloat16"):
        with kept.cached_encoding(pipeline, state):
            pipeline.encode_prompt("fox")

    assert len(pipeline.asked) == 2


def test_the_least_recently_used_prompt_is_evicted() -> None:
    pipeline, kept = Encoder(), EncodedPromptCache(max_bytes=2 * 32)

    with kept.cached_encoding(pipeline, "float32"):
        for prompt in ("fox", "hen", "fox", "owl", "fox", "hen"):
            pipeline.encode_prompt(prompt)

    assert pipeline.asked == ["fox", "hen", "owl", "hen"]
    assert len(kept) == 2


def test_img2img_caches_its_own_states(bench: ImageBench, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "green").save(tmp_path / "green.png")
    start = InputFile(str(tmp_path / "green.png"))

    bench.draw("sd", prompt="a red cat")
    plain = len(bench.loaded("sd").prompt_cache)
    first = bench.draw("sd", prompt="a red cat", image=start)
    own = len(bench.loaded("sd").prompt_cache)
    again = bench.draw("sd", prompt="a red cat", image=start)

    assert plain < own == len(bench.loaded("sd").prompt_cache)
    assert (first.picture(0) == again.picture(0)).all()


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux", "pixart", "sana", "prxpixel"])
def test_a_cached_prompt_gives_the_identical_picture(family: str, bench: ImageBench) -> None:
    first = bench.draw(family, prompt="a red cat")
    bench.draw(family, prompt="a blue dog")
    encoded = len(bench.loaded(family).prompt_cache)
    again = bench.draw(family, prompt="a red cat")

    assert encoded == len(bench.loaded(family).prompt_cache) > 0
    assert (first.picture(0) == again.picture(0)).all()
