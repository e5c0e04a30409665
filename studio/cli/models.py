"""`studio models`: list, add, verify, and the starter pack; `hub_models` and others do the rest."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections import Counter
from pathlib import Path

import msgspec

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED, USAGE_ERROR
from studio.cli.language import tr, translated
from studio.engine.factory import local_engine
from studio.formats.weights.base_families import TITLES
from studio.kinds.registry import task_of_format
from studio.models.registry import Registry
from studio.models.starter import install_starter, starter_status
from studio.models.starter_pack import EXTRAS, PACK
from studio.protocol import (
    ConvertModel,
    Done,
    Failed,
    ModelRef,
    Problem,
    ProblemError,
    Sentence,
    readable_size,
    sentence,
)
from studio.settings import Paths, default_paths


def models(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    paths = default_paths()
    registry = Registry(paths)
    try:
        match options.action:
            case "list":
                return _list(registry, as_json=options.json)
            case "add":
                return _add(registry, Path(options.path), as_json=options.json)
            case "usage" | "duplicates" | "remove" | "restore" | "move" | "folder":
                return _storage(options, registry, paths)
            case "verify":
                return _verify(registry, options.id, as_json=options.json)
            case "starter":
                return _starter(paths, options.tasks, as_json=options.json)
            case "convert":
                from studio.cli.convert_models import convert

                return convert(options)
            case _:
                return _with_the_hub(options, paths)
    except ProblemError as error:
        print(
            f"studio models {options.action}: {translated(error.problem.message)}", file=sys.stderr
        )
        return USAGE_ERROR


def _storage(options: argparse.Namespace, registry: Registry, paths: Paths) -> int:
    from studio.cli import model_storage  # opens the library, which the other actions need not

    match options.action:
        case "usage":
            return model_storage.usage(registry, paths, as_json=options.json)
        case "duplicates":
            return model_storage.duplicates(registry, paths, as_json=options.json)
        case "remove":
            return model_storage.remove(registry, paths, options)
        case "restore":
            return model_storage.restore(registry, paths, options)
        case "folder":
            return model_storage.folder(paths, options)
        case _:
            return model_storage.move(registry, paths, options)


def _with_the_hub(options: argparse.Namespace, paths: Paths) -> int:
    # 50 ms, which the other actions need not wait
    from studio.cli import catalogue, downloads, hub_models

    match options.action:
        case "search":
            return hub_models.search(options, paths)
        case "catalogue":
            return catalogue.catalogue(options, paths)
        case "info":
            return hub_models.info(options, paths)
        case "get":
            return hub_models.get(options, paths)
        case "downloads":
            return downloads.downloads(options, paths)
        case _:
            return downloads.token(options, paths)


def _list(registry: Registry, *, as_json: bool) -> int:
    found = registry.list()
    _show(found, as_json=as_json)
    for name, found_problem in registry.problems().items():
        print(f"{name}: {translated(found_problem.message)}", file=sys.stderr)
    if not found and not as_json:
        print(
            tr(
                "There are no models yet. `studio models starter` installs the starter models, "
                "`studio models catalogue` lists others."
            )
        )
    return DONE


def _show(found: list[ModelRef], *, as_json: bool) -> int:
    if as_json:
        for ref in found:
            # Scripts knew `starter` before models had a source.
            fields = msgspec.to_builtins(ref) | {"starter": ref.is_starter}
            print(json.dumps(fields, ensure_ascii=False))
        return DONE
    width = max((len(ref.id) for ref in found), default=0)
    for ref in found:
        use = " ".join(part for part in (ref.role, TITLES.get(ref.base, ref.base)) if part)
        print(
            f"{ref.id:<{width}}  {ref.task:<10}  {readable_size(ref.size):>8}  {ref.name}  ({use})"
        )
        print(f"{'':<{width}}  {ref.path}")
    return DONE


def _add(registry: Registry, path: Path, *, as_json: bool) -> int:
    found = registry.add_path(path)
    if isinstance(found, ModelRef):
        return _show([found], as_json=as_json)
    _show(list(found.models), as_json=as_json)
    counts = Counter(ref.role for ref in found.models)
    parts = [f"{count} {role}" for role, count in counts.most_common()]
    what = ", ".join(parts) or tr("no usable model")
    print(tr("Found in {path}: {models}", path=found.path, models=what), file=sys.stderr)
    if found.others:
        text = tr("{count} other files are no models by themselves.", count=found.others)
        print(text, file=sys.stderr)
    return DONE


def _verify(registry: Registry, model_id: str, *, as_json: bool) -> int:
    if model_id and registry.get(model_id) is None and model_id not in registry.problems():
        missing = registry.verify(model_id)
        assert missing is not None
        raise ProblemError(missing)
    bad = 0
    for id in [model_id] if model_id else [ref.id for ref in registry.list()]:
        found = registry.verify(id)
        bad += found is not None
        if as_json:
            message = None if found is None else str(found.message)
            print(json.dumps({"id": id, "ok": found is None, "message": message}))
        else:
            print(f"{id}: {'OK' if found is None else translated(found.message)}")
    return SOME_FAILED if bad else DONE


def _starter(paths: Paths, names: list[str], *, as_json: bool) -> int:
    from studio.jobs.starter_download import download_for_starter

    wanted = (
        *(part for part in PACK if not names or part.models[0].task in names),
        *(part for part in EXTRAS if part.model.id in names),
    )
    engine = local_engine(logs=paths.logs, cache=paths.cache)

    def convert(source: Path, target: Path) -> Problem | None:
        final = engine.run(
            ConvertModel(
                job=uuid.uuid4().hex,
                task=task_of_format("gguf"),
                source=str(source),
                target=str(target),
            ),
            lambda _event: None,
        )
        match final:
            case Done():
                return None
            case Failed():
                return final.problem
        return Problem("cancelled", sentence("The conversion was cancelled."))

    last: list[str] = []

    def progress(what: Sentence, fraction: float | None) -> None:
        if as_json:
            print(json.dumps({"event": "loading", "stage": str(what), "fraction": fraction}))
        elif last != [str(what)]:
            last[:] = [str(what)]
            print(translated(what), file=sys.stderr, flush=True)

    try:
        found = install_starter(
            paths, progress, convert, pack=wanted, download=download_for_starter
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        engine.stop()
    if found is not None:
        print(f"studio models starter: {translated(found.message)}", file=sys.stderr)
        return SOME_FAILED
    for item in starter_status(paths, wanted):
        if as_json:
            print(json.dumps({"id": item.id, "installed": item.installed, "path": item.path}))
        else:
            print(f"{item.id}: {tr('installed') if item.installed else tr('missing')}")
    return DONE
