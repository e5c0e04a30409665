"""`studio library`: search, show, export, rebuild, and where it is."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from studio.cli.headless import output_folder
from studio.cli.main import DONE, SOME_FAILED, WRONG_CALL
from studio.library.export import export
from studio.library.records import Asset
from studio.library.store import Library
from studio.protocol import ProblemError, to_json
from studio.settings import Paths, default_paths, library_root, load_settings


def library_folder(paths: Paths) -> Path:
    """Return the folder that the settings name, or the usual one."""
    settings, _ = load_settings(paths.settings)
    return library_root(settings, paths)


def library(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    folder = library_folder(default_paths())
    if options.action == "path":
        print(folder)
        return DONE
    try:
        opened = Library.open(folder, run_queue=False)
    except ProblemError as error:
        print(f"studio library: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    try:
        match options.action:
            case "search":
                return _search(opened, options)
            case "show":
                return _show(opened, options)
            case "export":
                return _export(opened, options)
            case _:
                return _rebuild(opened, options)
    except ProblemError as error:
        print(f"studio library {options.action}: {error.problem.message}", file=sys.stderr)
        return WRONG_CALL
    finally:
        opened.close()


def _fields(asset: Asset) -> dict[str, object]:
    return {
        "id": asset.id,
        "task": asset.task,
        "path": str(asset.path),
        "created": asset.created,
        "model": asset.recipe.model_id,
        "seed": asset.recipe.seed,
        "prompt": asset.prompt,
        "starred": asset.starred,
        "tags": list(asset.tags),
    }


def _search(opened: Library, options: argparse.Namespace) -> int:
    found = opened.search(
        options.text,
        task=options.task,
        model=options.model,
        tag=options.tag,
        starred=options.starred,
        limit=options.limit,
    )
    for asset in found:
        if options.json:
            print(json.dumps(_fields(asset), ensure_ascii=False))
        else:
            prompt = " ".join(asset.prompt.split())
            print(f"{asset.id}  {asset.task:<7}  {prompt[:60]}\n    {asset.path}")
    if not found and not options.json:
        print("Nothing was found.", file=sys.stderr)
    return DONE


def _asset(opened: Library, wanted: str) -> Asset | None:
    asset = opened.asset(wanted)
    if asset is None:
        print(
            f"There is no result {wanted!r} here. `studio library search` lists them.",
            file=sys.stderr,
        )
    return asset


def _show(opened: Library, options: argparse.Namespace) -> int:
    asset = _asset(opened, options.id)
    if asset is None:
        return WRONG_CALL
    if options.json:
        print(to_json(asset.recipe))
        return DONE
    for name, value in _fields(asset).items():
        print(f"{name:<10}{', '.join(value) if isinstance(value, list) else value}")
    for name, value in json.loads(to_json(asset.recipe.request)).items():
        if name not in ("prompt", "task", "seed") and value not in ("", None, [], {}):
            print(f"{name:<20}{value}")
    if asset.text:
        print(f"\n{asset.text.rstrip()}")
    return DONE


def _export(opened: Library, options: argparse.Namespace) -> int:
    asset = _asset(opened, options.id)
    if asset is None:
        return WRONG_CALL
    folder = Path(output_folder(options.dir))
    try:
        (target,) = export([asset], folder)
    except ProblemError as error:
        print(f"studio library export: {error.problem.message}", file=sys.stderr)
        return SOME_FAILED
    print(json.dumps({"path": str(target)}, ensure_ascii=False) if options.json else target)
    return DONE


def _rebuild(opened: Library, options: argparse.Namespace) -> int:
    count = opened.rebuild()
    print(json.dumps({"assets": count}) if options.json else f"{count} results are in the library.")
    return DONE
