"""`studio library`: search, show, export, reproduce, check and rebuild results."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED, USAGE_ERROR
from studio.cli.folders import library_folder, output_folder
from studio.cli.language import tr, translated
from studio.cli.output import review_note
from studio.formats.untrusted_files import printable, user_path
from studio.kinds.coding import to_json
from studio.kinds.registry import known_kind
from studio.library.index.database import DamagedDatabaseError
from studio.library.index.search import AssetQuery
from studio.library.recipes.aigc_setting import visible_label_from_settings
from studio.library.recipes.export import check_export_folder, export
from studio.library.recipes.subtitles import write_subtitles
from studio.library.records import Asset
from studio.library.recovery.result_files import UnreadFile
from studio.library.store import Library
from studio.protocol import Problem, ProblemError, Sentence, problem
from studio.settings import default_paths, library_root, load_settings

_LONGEST_PATH = 10_000


def library(options: argparse.Namespace) -> int:
    """Run one action and return the exit status."""
    paths = default_paths()
    if options.action == "path":
        print(library_root(load_settings(paths.settings)[0], paths))
        return DONE
    try:
        folder = library_folder(paths)
        if options.action == "check" and not Library.is_in(folder):
            raise problem("bad_input", "There is no library in {path}.", path=folder)
        opened = Library.open(folder, run_queue=False)
    except ProblemError as error:
        print(f"studio library: {translated(error.problem.message)}", file=sys.stderr)
        return USAGE_ERROR
    _print_notice(opened)
    try:
        match options.action:
            case "search":
                return _search(opened, options)
            case "show":
                return _show(opened, options)
            case "export":
                return _export(opened, options)
            case "review":
                return _review(opened, options)
            case "reproduce":
                from studio.cli.reproduce import reproduce

                return reproduce(opened, _asset(opened, options.id), options)
            case "check":
                from studio.cli.library_check import check

                return check(opened, as_json=options.json)
            case _:
                return _rebuild(opened, options)
    except ProblemError as error:
        print(
            f"studio library {options.action}: {translated(error.problem.message)}", file=sys.stderr
        )
        return USAGE_ERROR
    finally:
        opened.close()


def _print_notice(opened: Library) -> None:
    if opened.notice is not None:
        print(f"studio library: {translated(opened.notice.message)}", file=sys.stderr)


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
        "collections": list(asset.collections),
        "labels": asset.recipe.labels,
        "review": _review_fields(asset),
    }


def _review_fields(asset: Asset) -> dict[str, str]:
    """Return the state of a result's review and what was decided, empty without one."""
    decided = {} if asset.review is None else msgspec.structs.asdict(asset.review)
    return {**decided, "state": asset.review_state} if asset.review_state else {}


def _review(opened: Library, options: argparse.Namespace) -> int:
    ids = [_asset(opened, asset_id).id for asset_id in options.ids]
    for asset in opened.marks.review(ids, options.state, options.name, options.remark):
        if options.json:
            print(json.dumps(_fields(asset), ensure_ascii=False))
        else:
            print(f"{asset.id}  {asset.review_state}")
    return DONE


def _query(options: argparse.Namespace) -> AssetQuery:
    """Return the query of a search. Raises `ProblemError` for invalid dates, labels and limits."""
    if options.limit < 1:
        raise problem(
            "bad_input", "{value} is not a valid limit. It must be at least 1.", value=options.limit
        )
    return AssetQuery(
        words=options.words,
        task=options.task,
        model=options.model,
        tags=tuple(options.tag),
        collection=options.collection,
        labels=tuple(_label(label) for label in options.label),
        starred=options.starred,
        review=options.review,
        since=_midnight(options.since, 0),
        until=_midnight(options.until, 1),
    )


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip()):
        raise problem(
            "bad_input", "{value} is not a label. Write it as name=value.", value=repr(text)
        )
    return name.strip(), value.strip()


def _midnight(day: str, later: int) -> float | None:
    """Return the Unix seconds of local midnight `later` days after `day`, None without a day."""
    if not day:
        return None
    try:
        start = datetime.combine(date.fromisoformat(day) + timedelta(days=later), time())
        return start.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise problem(
            "bad_input",
            "{value} is not a date. Write it as year-month-day, e.g. 2026-01-31.",
            str(error),
            value=repr(day),
        ) from error


def _search(opened: Library, options: argparse.Namespace) -> int:
    found = opened.assets.find(_query(options), min(options.limit, 2**31))
    for asset in found:
        if options.json:
            print(json.dumps(_fields(asset), ensure_ascii=False))
        else:
            prompt = " ".join(asset.prompt.split())
            print(f"{asset.id}  {asset.task:<7}  {prompt[:60]}\n    {asset.path}")
    if not found and not options.json:
        print(tr("No results found."), file=sys.stderr)
    return DONE


def _asset(opened: Library, asset_id: str) -> Asset:
    asset = opened.assets.get(asset_id)
    if asset is None:
        raise problem(
            "bad_input",
            "There is no result {id}. `studio library search` lists results.",
            id=repr(asset_id),
        )
    return asset


def _show(opened: Library, options: argparse.Namespace) -> int:
    asset = _asset(opened, options.id)
    if options.json:
        print(to_json(asset.recipe))
        return DONE
    for name, value in _fields(asset).items():
        if isinstance(value, dict):
            value = [f"{label}={text}" for label, text in value.items()]
        print(f"{name:<12}{', '.join(value) if isinstance(value, list) else value}")
    for name, value in json.loads(to_json(asset.recipe.request)).items():
        if name not in ("prompt", "task", "seed") and value not in ("", None, [], {}):
            print(f"{name:<20}{value}")
    if asset.text:
        print(f"\n{review_note(asset.review_state)}{asset.text.rstrip()}")
    return DONE


def _export(opened: Library, options: argparse.Namespace) -> int:
    quality = options.quality
    if quality is not None and not (options.format and 1 <= quality <= 100):
        raise problem(
            "bad_input", "--quality must be from 1 to 100, and can only be used with --format."
        )
    assets = [_asset(opened, asset_id) for asset_id in options.ids]
    check_export_folder(user_path(options.dir), opened.root)
    folder = Path(output_folder(options.dir))
    status = DONE
    lost: dict[Path, list[Sentence]] = {}

    def note(path: Path, message: Sentence) -> None:
        lost.setdefault(path, []).append(message)

    def skip(_asset: Asset, found: Problem) -> None:
        nonlocal status
        print(f"studio library export: {translated(found.message)}", file=sys.stderr)
        status = SOME_FAILED

    try:
        settings, _ = load_settings(default_paths().settings)
        label = visible_label_from_settings(settings)
        targets = export(assets, folder, options.format, quality, note, skip, label)
        if options.subtitles:
            sounds = {a.path: a.review_state for a in assets if _has_words(a)}
            targets += write_subtitles(sounds, folder, options.subtitles, opened.root)
    except ProblemError as error:
        print(f"studio library export: {translated(error.problem.message)}", file=sys.stderr)
        return SOME_FAILED
    for target in targets:
        if options.json:
            line = {"path": str(target), "lost": [str(message) for message in lost.get(target, [])]}
            print(json.dumps(line, ensure_ascii=False))
        else:
            print(target)
            for message in lost.get(target, []):
                print(f"    {translated(message)}", file=sys.stderr)
    return status


def _rebuild(opened: Library, options: argparse.Namespace) -> int:
    try:
        count = opened.rebuild()
        unread = opened.unread
    except DamagedDatabaseError:
        opened.close()
        reopened = Library.open(opened.root, run_queue=False)
        _print_notice(reopened)
        count = reopened.assets.count()
        unread = reopened.unread
        reopened.close()
    if options.json:
        files = [_unread_fields(file) for file in unread]
        print(json.dumps({"assets": count, "unread": files}, ensure_ascii=False))
        return DONE
    print(
        tr("The library has 1 result.")
        if count == 1
        else tr("The library has {count} results.", count=f"{count:,}")
    )
    for file in unread:
        print(
            f"{printable(str(file.path), _LONGEST_PATH)}: {translated(file.reason)}",
            file=sys.stderr,
        )
    return DONE


def _unread_fields(file: UnreadFile) -> dict[str, str]:
    return {
        "path": printable(str(file.path), _LONGEST_PATH),
        "reason": str(file.reason),
        "detail": file.detail,
    }


def _has_words(asset: Asset) -> bool:
    kind = known_kind(asset.task)
    return kind is not None and kind.has_words
