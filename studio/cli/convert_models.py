"""`studio models convert`: PyTorch files as safetensors, without running anything in them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED
from studio.cli.language import translated
from studio.formats.untrusted_files import is_folder, user_path
from studio.formats.weights.convert_pickle import (
    convert_index,
    convert_to_safetensors,
    convertible_files,
)
from studio.protocol import ProblemError, problem


def convert(options: argparse.Namespace) -> int:
    """Convert a file, or all in a folder. Raises `ProblemError` if there is none."""
    path = user_path(Path(options.path))
    files = convertible_files(path)
    if not files:
        raise problem(
            "bad_input",
            "There is nothing to convert at {path}: no .bin, .pt, .pth or .ckpt file without a "
            ".safetensors file beside it.",
            path=path,
        )
    failed = 0
    for file in files:
        try:
            target = convert_to_safetensors(file, _folder_of(file, path, options.output))
            if not options.output:
                convert_index(file)
        except KeyboardInterrupt:
            return INTERRUPTED
        except ProblemError as error:
            failed += 1
            print(f"{file}: {translated(error.problem.message)}", file=sys.stderr)
        else:
            print(
                json.dumps({"source": str(file), "path": str(target)}) if options.json else target
            )
    return SOME_FAILED if failed else DONE


def _folder_of(file: Path, path: Path, output: str) -> Path | None:
    if not output:
        return None
    folder = user_path(Path(output))
    return folder / file.parent.relative_to(path) if is_folder(path) else folder
