"""Write the shipped folder: fp16 weights, tokenizer, scheduler, licences, model card (step 5)."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from build_data import DEFAULT_DATA

from starter_recipe.export import build_pipeline, phrases
from starter_recipe.known_words import write_known_words
from starter_recipe.studio_files import write_studio_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--output", type=Path, required=True, help="the folder to write")
    parser.add_argument("--card", type=Path, help="a README.md to put beside the weights")
    options = parser.parse_args()
    pipeline = build_pipeline(options.data)
    pipeline.to(torch.float16)
    pipeline.save_pretrained(options.output)
    write_studio_files(options.output)
    write_known_words(options.output, phrases(options.data))
    shutil.copyfile(Path(__file__).with_name("NOTICE"), options.output / "NOTICE")
    if options.card:
        shutil.copyfile(options.card, options.output / "README.md")
    for path in sorted(options.output.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>12,}  {path.relative_to(options.output)}")


if __name__ == "__main__":
    main()
