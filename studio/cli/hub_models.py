"""`studio models search`, `info` and `get`: the model hub on the command line."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from studio.cli.catalogue import notes_of, show_entry
from studio.cli.columns import columns_of, padded
from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED, USAGE_ERROR
from studio.cli.language import tr, translated
from studio.cli.output import note_text
from studio.downloads.download_queue import DownloadQueue
from studio.downloads.item import Item, ItemStatus
from studio.downloads.pack import copy_pack
from studio.jobs.get_from_catalogue import CatalogueChoice, find_in_catalogue, plan_variant
from studio.jobs.get_model import (
    HubDownload,
    LocalCopy,
    Plan,
    describe,
    hub_client,
    hub_download,
    open_queue,
    plan_download,
)
from studio.jobs.smaller_version import plan_smaller
from studio.kinds.registry import kinds
from studio.models.catalogue.catalogue import load_catalogue
from studio.models.catalogue.smaller import known_smaller
from studio.models.fit import main_memory
from studio.models.gpu_memory import gpu_memory
from studio.models.hub.description import HubModel
from studio.models.hub.endpoint import hub_endpoint
from studio.models.hub.hub_address import RepositoryAddress, parse_address
from studio.models.model_fits import fits_of
from studio.models.registry import Registry
from studio.protocol import ModelRef, Problem, ProblemError, problem, readable_size
from studio.settings import Paths, Settings, load_settings

_PROGRESS_SECONDS = 1.0
_MOST_FOUND = 500


def search(options: argparse.Namespace, paths: Paths) -> int:
    """Search the hub."""
    if not 1 <= options.limit <= _MOST_FOUND:
        raise problem("bad_input", "--limit must be from 1 to {most}.", most=_MOST_FOUND)
    settings, _ = load_settings(paths.settings)
    tags = kinds()[options.task].hub_tags if options.task else ()
    found = hub_client(settings).search(" ".join(options.words), tags=tags, limit=options.limit)
    for model in found:
        if options.json:
            print(json.dumps(_model_fields(model), ensure_ascii=False))
        else:
            print(f"{model.repository}\n    {_summary(model)}")
    if not found:
        print(tr("Nothing was found. Try fewer words."), file=sys.stderr)
    return DONE


def info(options: argparse.Namespace, paths: Paths) -> int:
    """Show an installed model, or a model of the hub and what `get` would download."""
    installed = Registry(paths).get(options.model)
    if installed is not None:
        _print_installed(installed, as_json=options.json)
        return DONE
    settings, _ = load_settings(paths.settings)
    known = find_in_catalogue(options.model, paths, gpu_memory())
    if known is not None:
        show_entry(known.entry, paths, as_json=options.json)
        return DONE
    address = parse_address(options.model, hub_endpoint(settings))
    if not isinstance(address, RepositoryAddress):
        _print_plan(_plan(options, paths, settings), paths, as_json=options.json)
        return DONE
    found: Problem | None = None
    try:
        model, choice = describe(address, settings, file=options.file, full=options.full)
        download = hub_download(model, choice)
    except ProblemError as error:
        client = hub_client(settings, address.endpoint)
        model = client.model_info(address.repository, address.revision)
        download, found = None, error.problem
    if options.json:
        fields = _model_fields(model) | {
            "files": [msgspec.to_builtins(file) for file in model.files],
            "download": None if download is None else _item_fields(download.item),
            "problem": None if found is None else str(found.message),
        }
        print(json.dumps(fields, ensure_ascii=False))
        return DONE
    print(f"{model.repository} ({model.page})\n    {_summary(model)}")
    if model.languages:
        print("    " + tr("languages: {names}", names=", ".join(model.languages)))
    if model.base_models:
        print("    " + tr("made from: {names}", names=", ".join(model.base_models)))
    if download is not None:
        _print_plan(download, paths, as_json=False)
    elif found is not None:
        print(translated(found.message))
    return DONE


def get(options: argparse.Namespace, paths: Paths) -> int:
    """Download or copy a model and add it to the list."""
    started = time.monotonic()
    try:
        settings, _ = load_settings(paths.settings)
        plan = _plan(options, paths, settings)
        _print_plan(plan, paths, as_json=options.json)
        if not _is_agreed(plan, options):
            return USAGE_ERROR
        folder = _fetch(plan, paths, settings, as_json=options.json)
        status = _registered(folder, plan, paths, as_json=options.json)
    except ProblemError as error:
        print(f"studio models get: {translated(error.problem.message)}", file=sys.stderr)
        if options.json:
            message = str(error.problem.message)
            _event("failed", kind=error.problem.kind, message=message)
        status = USAGE_ERROR if error.problem.kind == "bad_input" else SOME_FAILED
    except KeyboardInterrupt:
        print(
            "\n" + tr("Stopped. The part downloaded so far is kept: the same command resumes it."),
            file=sys.stderr,
        )
        status = INTERRUPTED
    if options.json:
        seconds = round(time.monotonic() - started, 3)
        _event("done", models=int(status == DONE), failed=int(status != DONE), seconds=seconds)
    return status


def _plan(options: argparse.Namespace, paths: Paths, settings: Settings) -> Plan:
    if options.smaller:
        return _smaller(options.model, paths, settings)
    known = _in_catalogue(options, paths)
    if known is None:
        return plan_download(options.model, settings, file=options.file, full=options.full)
    for note in notes_of(known, paths):
        print(note_text(note), file=sys.stderr)
    return plan_variant(known.entry, known.variant, settings)


def _smaller(id: str, paths: Paths, settings: Settings) -> Plan:
    models = Registry(paths).list()
    model = next((model for model in models if model.id == id), None)
    if model is None:
        raise problem(
            "bad_input",
            "--smaller is for an installed model, and there is none called {id}. `studio models "
            "list` lists them.",
            id=id,
        )
    gpu = gpu_memory() if settings.device != "cpu" else None
    fits = fits_of(models, gpu or main_memory())
    fitting = {id for id, fit in fits.items() if fit.verdict == "fits"}
    known = known_smaller(model, models, fitting, load_catalogue(paths), gpu)
    if known is not None and known.installed:
        raise problem(
            "bad_input",
            "{name} ({size}) is installed already, and fits. Its id is {id}.",
            name=known.name,
            size=readable_size(known.size),
            id=known.installed,
        )
    return plan_smaller(model, models, paths, settings, gpu)


def _in_catalogue(options: argparse.Namespace, paths: Paths) -> CatalogueChoice | None:
    if options.file:
        return None
    text = f"{options.model}:{options.variant}" if options.variant else options.model
    known = find_in_catalogue(text, paths, gpu_memory())
    if known is None and options.variant:
        raise problem(
            "bad_input",
            "--variant is for models of the catalogue. For another one, name its file: --file NAME",
        )
    return known


def _is_agreed(plan: Plan, options: argparse.Namespace) -> bool:
    if options.yes:
        return True
    risky = isinstance(plan, HubDownload) and plan.needs_consent
    if not sys.stdin.isatty():
        if not risky or options.file:
            return True
        raise problem("bad_input", "Nothing was downloaded. Use --yes to download it anyway.")
    question = tr("Download it?") + (" [y/N] " if risky else " [Y/n] ")
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().casefold()
    return answer in ("y", "yes") or (not answer and not risky)


def _fetch(plan: Plan, paths: Paths, settings: Settings, *, as_json: bool) -> Path:
    shown = _ProgressLine(as_json=as_json)
    if isinstance(plan, LocalCopy):
        folder = copy_pack(
            plan.path, paths.models, make_models=paths.make_models_folder, progress=shown.copied
        )
        shown.end()
        return folder
    queue = open_queue(paths, settings)
    id = queue.add(plan.item, first=True)
    end = queue.listen(lambda: shown.downloaded(queue, id))
    try:
        found = queue.run(id, threading.Event())
    finally:
        end()
        shown.end()
    if found is not None:
        raise ProblemError(found)
    status = queue.status(id)
    assert status is not None and status.folder
    return Path(status.folder)


def _registered(folder: Path, plan: Plan, paths: Paths, *, as_json: bool) -> int:
    """Add the model to the list and print it. An addition to a model is only reported."""
    registry = Registry(paths)
    inside = [ref for ref in registry.list() if Path(ref.path).is_relative_to(folder)]
    found: Problem | None = None
    if not inside:
        try:
            inside = [registry.add(folder)]
        except ProblemError as error:
            found = error.problem
    for ref in inside:
        if as_json:
            _event("model", **msgspec.to_builtins(ref))
        else:
            print(f"{ref.id}  {ref.path}")
            if ref.role in ("base", "upscaler"):
                command = f"studio {ref.task} --model {ref.id}"
                print(tr("Use it with: {command}", command=command), file=sys.stderr)
    if found is None:
        return DONE
    is_addition = isinstance(plan, HubDownload) and plan.model is not None and plan.model.is_lora
    if as_json:
        _event("file", path=str(folder), message=str(found.message))
    else:
        print(folder)
        print(translated(found.message), file=sys.stderr)
    return DONE if is_addition else SOME_FAILED


def _print_installed(ref: ModelRef, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(ref), ensure_ascii=False))
        return
    print(f"{ref.id}  {ref.task}  {readable_size(ref.size)}  {ref.name}\n    {ref.path}")
    if ref.licence:
        print("    " + tr("licence: {licence}", licence=ref.licence))
    if ref.source.kind in ("hub", "url"):
        place = ref.source.place
        if revision := ref.source.revision:
            place = tr("{place} at {revision}", place=place, revision=revision)
        print("    " + tr("from: {place}", place=place))


def _print_plan(plan: Plan, paths: Paths, *, as_json: bool) -> None:
    """Print what would be downloaded: on standard error for `--json`, which has an event."""
    if isinstance(plan, LocalCopy):
        if as_json:
            _event("plan", title=plan.path.name, size=plan.size)
        else:
            size = readable_size(plan.size)
            print(tr("{path}: {size} to copy", path=plan.path, size=size), file=sys.stderr)
        return
    item = plan.item
    if as_json:
        _event("plan", **_item_fields(item), notes=[str(note) for note in plan.notes])
        return
    size = tr("size unknown") if item.size is None else readable_size(item.size)
    count = len(item.files)
    files = tr("1 file") if count == 1 else tr("{count} files", count=count)
    licence = tr("licence: {licence}", licence=item.licence or tr("not stated"))
    print(f"{item.title}: {files}, {size}, {licence}", file=sys.stderr)
    for file in sorted(item.files, key=lambda file: -(file.size or 0))[:4]:
        length = "" if file.size is None else f"  {readable_size(file.size):>8}"
        print(f"  {length}  {file.name}", file=sys.stderr)
    if len(item.files) > 4:
        print("    " + tr("and {count} smaller ones", count=count - 4), file=sys.stderr)
    for note in plan.notes:
        print(note_text(note), file=sys.stderr)
    print(tr("Folder: {path}", path=paths.models / item.folder), file=sys.stderr)


def _item_fields(item: Item) -> dict[str, Any]:
    return {
        "title": item.title,
        "size": item.size,
        "licence": item.licence,
        "files": [file.name for file in item.files],
        "revision": item.source.revision,
    }


def _model_fields(model: HubModel) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(model)
    return {name: value for name, value in fields.items() if name != "files"}


def _summary(model: HubModel) -> str:
    parts = [
        model.pipeline_tag,
        model.library,
        model.licence,
        tr("{count} downloads a month", count=f"{model.downloads:,}") if model.downloads else "",
        tr("changed {date}", date=model.updated) if model.updated else "",
        tr("terms to accept first") if model.is_gated else "",
    ]
    return ", ".join(part for part in parts if part)


def _event(event: str, /, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}, ensure_ascii=False), flush=True)


class _ProgressLine:
    """Shows progress on standard error if it is a terminal, or as JSON events."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._terminal = sys.stderr.isatty() and not as_json
        self._shown_at = 0.0
        self._width = 0
        self._waits = False

    def downloaded(self, queue: DownloadQueue, id: str) -> None:
        """Show the progress of a download, about once a second."""
        if time.monotonic() - self._shown_at < _PROGRESS_SECONDS:
            return
        status = queue.status(id)
        if status is None or status.state != "running":
            return
        if status.elsewhere and not self._waits:
            self._waits = True
            print(tr("Another program is downloading it; waiting for it …"), file=sys.stderr)
        self._show(_progress_text(status), status.done, status.total, status.speed)

    def copied(self, done: int, total: int) -> None:
        """Show the progress of a copy, about once a second."""
        if time.monotonic() - self._shown_at >= _PROGRESS_SECONDS:
            text = tr("{done} of {total}", done=readable_size(done), total=readable_size(total))
            self._show(text, done, total, 0.0)

    def end(self) -> None:
        """Clear the line."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _show(self, text: str, done: int, total: int | None, speed: float) -> None:
        self._shown_at = time.monotonic()
        if self._as_json:
            _event("progress", done=done, total=total, speed=round(speed))
        elif self._terminal:
            print("\r" + padded(text, self._width), end="", file=sys.stderr, flush=True)
            self._width = columns_of(text)


def _progress_text(status: ItemStatus) -> str:
    text = readable_size(status.done)
    if status.total is not None:
        text = tr("{done} of {total}", done=text, total=readable_size(status.total))
    if status.speed:
        text += f", {readable_size(round(status.speed))}/s"
    if status.seconds_left is not None:
        minutes, seconds = divmod(round(status.seconds_left), 60)
        left = f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
        text += ", " + tr("{time} left", time=left)
    return text
