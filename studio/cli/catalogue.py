"""`studio models catalogue`, and the ids of its entries for `get` and `info`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import msgspec

from studio.cli.exit_status import DONE
from studio.cli.language import language, tr, translated
from studio.jobs.get_from_catalogue import CatalogueChoice
from studio.models.catalogue.catalogue import load_catalogue
from studio.models.catalogue.choice import Choice, by_fit, choose_variant
from studio.models.catalogue.entries import CatalogueEntry
from studio.models.catalogue.installed import installed
from studio.models.fit import main_memory
from studio.models.gpu_memory import gpu_memory
from studio.models.registry import Registry
from studio.protocol import ModelRef, problem, readable_size
from studio.settings import Paths


def catalogue(options: argparse.Namespace, paths: Paths) -> int:
    """List the entries, or those for a use: what runs on this machine first."""
    found = load_catalogue(paths)
    for each in found.problems:
        print(translated(each.message), file=sys.stderr)
    entries = found.entries
    if options.use:
        if all(use.id != options.use for use in found.uses):
            raise problem(
                "bad_input",
                "There is no use {name}. Choose one of: {names}.",
                name=options.use,
                names=", ".join(use.id for use in found.uses),
            )
        entries = found.for_use(options.use)
    entries = tuple(entry for entry in entries if options.task in (None, entry.task))
    models = Registry(paths).list()
    for entry, choice in by_fit(entries, main_memory(), gpu_memory()):
        there = installed(entry, models)
        if options.json:
            print(json.dumps(_fields(entry, choice, there), ensure_ascii=False))
        else:
            _print_entry(entry, choice, there)
    return DONE


def show_entry(entry: CatalogueEntry, paths: Paths, *, as_json: bool) -> None:
    """Print all that the catalogue knows of an entry, without asking the hub."""
    choice = choose_variant(entry, main_memory(), gpu_memory())
    there = installed(entry, Registry(paths).list())
    if as_json:
        print(json.dumps(_fields(entry, choice, there), ensure_ascii=False))
        return
    _print_entry(entry, choice, there)
    if entry.languages:
        print("    " + tr("languages: {names}", names=", ".join(entry.languages)))
    if entry.conditions is not None:
        print("    " + tr("conditions: {text}", text=entry.conditions.text(language())))
    for variant in entry.variants:
        print(f"    {variant.precision}: {readable_size(variant.size)}")
    if entry.unverified:
        print("    " + tr("not verified: {names}", names=", ".join(entry.unverified)))


def notes_of(known: CatalogueChoice, paths: Paths) -> list[str]:
    """Return what to say before a download besides the notes of the hub."""
    entry = known.entry
    notes: list[str] = []
    if not known.fits:
        choice = choose_variant(entry, main_memory(), gpu_memory())
        if choice.place is None:
            notes.append(tr("It needs more memory than this computer has."))
        else:
            precision = choice.variant.precision
            note = tr(
                "It needs more memory than this computer has. {precision} ({size}) fits: {command}",
                precision=precision,
                size=readable_size(choice.variant.size),
                command=f"studio models get {entry.id}:{precision}",
            )
            notes.append(note)
    if entry.conditions is not None:
        notes.append(entry.conditions.text(language()))
    for id in entry.companions:
        companion = load_catalogue(paths).get(id)
        name = companion.name if companion is not None else id
        command = f"studio models get {id}"
        notes.append(tr("It needs {name} as well: {command}", name=name, command=command))
    return notes


def _print_entry(entry: CatalogueEntry, choice: Choice, there: dict[str, ModelRef]) -> None:
    size = readable_size(choice.variant.size)
    if "size" in entry.unverified:
        size = tr("about {size}", size=size)
    title = f"{entry.name}, {choice.variant.precision}, {size}, {entry.licence}"
    print(f"{entry.id}{'  ' + tr('(installed)') if there else ''}\n    {title}")
    print(f"    {entry.purpose.text(language())}\n    {_place(choice)}")


def _place(choice: Choice) -> str:
    need = "" if choice.need is None else f"{choice.need:g} GB"
    match choice.place:
        case "gpu":
            return tr("Runs on the graphics card: needs about {need}.", need=need)
        case "gpu_offload":
            return tr(
                "Runs on the graphics card in parts, more slowly: needs about {need}.", need=need
            )
        case "cpu":
            return tr("Runs on the processor: needs about {need}.", need=need)
    total = readable_size(main_memory().total)
    return tr("Will not fit: this computer has {total}.", total=total)


def _fields(entry: CatalogueEntry, choice: Choice, there: dict[str, ModelRef]) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return fields | {
        "variant": choice.variant.precision,
        "place": choice.place,
        "need": choice.need,
        "installed": {precision: ref.id for precision, ref in there.items()},
    }
