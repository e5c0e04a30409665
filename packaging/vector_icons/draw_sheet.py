"""Draw a sheet of icons: one row a prompt, one column a seed (step 3 of the recipe)."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import resvg_py
from PIL import Image, ImageDraw
from prepare import DEFAULT_DATA
from train_decoder import load_data

from studio.engine.tasks.icon import sampling
from studio.formats.icons import drawing
from vector_recipe import batches, export

PROMPTS = (
    "house",
    "heart",
    "calendar heart",
    "cloud download",
    "cat",
    "camera",
    "file lock",
    "arrow left",
    "car",
    "tree",
    "music note",
    "coffee",
)
CELL, LABEL = 72, 110


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--weights", type=Path, help="safetensors; else those of the training")
    parser.add_argument("--output", type=Path, default=Path("sheet.png"))
    parser.add_argument("--prompt", action="append", help="in place of the usual twelve")
    parser.add_argument("--style", default="<rounded> <bold>")
    parser.add_argument("--number", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--guidance", type=float, default=1.0)
    options = parser.parse_args()
    _, vocabulary = load_data(options.data)
    prompts = batches.Prompts(vocabulary)
    weights = options.weights or options.data / "run" / "weights.safetensors"
    model = export.load(weights, vocabulary)
    choice = sampling.Choice(options.temperature, options.top_p, options.guidance)
    nothing = prompts.prompt([], [])
    asked: list[str] = options.prompt or list(PROMPTS)
    sheet = Image.new("RGB", (LABEL + CELL * options.number, CELL * len(asked)), "white")
    writer = ImageDraw.Draw(sheet)
    look = drawing.Look(2.0, "<sharp>" not in options.style)
    for row, text in enumerate(asked):
        words = prompts.read(text)
        if words.unknown:
            print(f"{text}: not known are {', '.join(words.unknown)}")
        ids = prompts.prompt(words.known, options.style.split())
        seeds = [options.seed + number for number in range(options.number)]
        icons = sampling.draw(model, ids, nothing, seeds, choice)
        writer.text((4, row * CELL + CELL // 2 - 6), " ".join(words.known), fill="black")
        for column, icon in enumerate(icons):
            size = CELL - 12
            data = resvg_py.svg_to_bytes(svg_string=drawing.document(icon, look, size), width=size)
            with Image.open(io.BytesIO(bytes(data))) as image:
                place = (LABEL + column * CELL + 6, row * CELL + 6)
                picture = image.convert("RGBA")
                sheet.paste(picture, place, picture)
    sheet.save(options.output)


if __name__ == "__main__":
    main()
