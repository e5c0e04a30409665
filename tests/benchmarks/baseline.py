"""The same work in a plain script without code of the app: the baseline of the benchmarks.

Started as `python -m tests.benchmarks.baseline text|image|upscale MODEL [PICTURE]`. It loads the
model, warms it once, then answers each line on standard input ("COUNT SIZE") with one line of
JSON: seconds, and how many tokens were made.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

_THINGS = ("apple", "bicycle", "rocket", "guitar", "rose", "house", "dragon", "cat", "tree", "fish")
ICONS = [f"{thing}, {style} style" for style in ("3d", "flat", "noto") for thing in _THINGS]
"""Prompts for the image model: each call takes the next one, as the app remembers the last."""

PROMPT = "Write a long story about a bicycle repair shop in a small town by the sea."


def text(model: str) -> Callable[[int, int], Answer]:
    """Plain `generate` on the chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()
    turns = [{"role": "user", "content": PROMPT}]
    tokens = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    length = tokens["input_ids"].shape[1]

    def run(count: int, size: int) -> Answer:
        made = 0
        start = time.perf_counter()
        with torch.inference_mode():
            for _ in range(count):
                answer = network.generate(
                    **tokens,
                    do_sample=True,
                    temperature=0.7,
                    top_p=0.95,
                    top_k=50,
                    repetition_penalty=1.1,
                    max_new_tokens=size,
                    pad_token_id=tokenizer.eos_token_id,
                )
                made += answer.shape[1] - length
                tokenizer.decode(answer[0, length:], skip_special_tokens=True)
        return {"seconds": time.perf_counter() - start, "tokens": made}

    return run


def image(model: str) -> Callable[[int, int], Answer]:
    """Plain pipeline call as the model's card shows it, saved as PNG. `size`: number of steps."""
    import tempfile

    import torch
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    folder = Path(tempfile.mkdtemp())
    prompts = itertools.cycle(ICONS)

    def run(count: int, size: int) -> Answer:
        start = time.perf_counter()
        for number in range(count):
            picture = pipe(
                next(prompts),
                height=128,
                width=128,
                num_inference_steps=size,
                guidance_scale=1.0,
                use_resolution_binning=False,
                generator=torch.Generator().manual_seed(number),
            ).images[0]
            picture.save(folder / f"{number}.png")
        return {"seconds": time.perf_counter() - start, "tokens": 0}

    return run


def upscale(model: str, picture: str) -> Callable[[int, int], Answer]:
    """The whole picture in one call of the network, saved as PNG."""
    import tempfile

    import numpy as np
    import torch
    from PIL import Image
    from spandrel import ModelLoader

    weights = next(Path(model).glob("*.pth"))
    network = ModelLoader().load_from_file(weights).eval()
    half = torch.cpu._is_avx512_bf16_supported()
    target = Path(tempfile.mkdtemp()) / "out.png"

    def run(_count: int, size: int) -> Answer:
        start = time.perf_counter()
        pixels = np.asarray(Image.open(picture).convert("RGB").crop((0, 0, size, size)))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            large = network(tensor)
        array = (large[0].float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(array).save(target)
        return {"seconds": time.perf_counter() - start, "tokens": 0, "path": str(target)}

    return run


def main() -> None:
    """Answer lines of standard input until it ends."""
    kinds: dict[str, Callable[..., Callable[[int, int], Answer]]] = {
        "text": text,
        "image": image,
        "upscale": upscale,
    }
    run = kinds[sys.argv[1]](*sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        count, size = map(int, line.split())
        print(json.dumps(run(count, size)), flush=True)


if __name__ == "__main__":
    main()
