"""Draw the sample sheet: 8 prompts × 5 styles, fixed seeds (step 7 of the recipe)."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

from starter_recipe import icons
from starter_recipe.export import draw, load_pipeline

_RESOURCES = Path(__file__).resolve().parents[2] / "resources"
DEFAULT_MODEL = _RESOURCES / "models" / "starter-icons"
DEFAULT_SHEET = _RESOURCES / "screenshots" / "starter-icons.png"
PROMPTS = (
    "a red apple",
    "a smiling cat",
    "a fire engine",
    "a rocket",
    "一把吉他",
    "玫瑰",
    "一座房子",
    "绿色的龙",
)
SEED = 1
STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--output", type=Path, default=DEFAULT_SHEET)
    options = parser.parse_args()
    pipeline = load_pipeline(options.model)
    rows = []
    for style in icons.STYLES:
        prompts = [
            f"{prompt}, {style} style" if prompt.isascii() else f"{prompt}，{style}风格"
            for prompt in PROMPTS
        ]
        drawn = draw(pipeline, prompts, [SEED + i for i in range(len(prompts))], STEPS)
        pixels = ((drawn + 1) * 127.5).round().byte()
        rows.append(pixels.permute(2, 0, 3, 1).reshape(icons.SIZE, -1, 3))
    Image.fromarray(torch.cat(rows).numpy()).save(options.output, optimize=True)
    print(options.output)


if __name__ == "__main__":
    main()
