"""`studio models catalogue`, and the ids of its entries for `get` and `info`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import msgspec

from studio.cli.exit_status import DONE
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
        print(each.message, file=sys.stderr)
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
        print(f"    languages: {', '.join(entry.languages)}")
    if entry.conditions is not None:
        print(f"    conditions: {entry.conditions.en}")
    for variant in entry.variants:
        print(f"    {variant.precision}: {readable_size(variant.size)}")
    if entry.unverified:
        print(f"    not verified: {', '.join(entry.unverified)}")


def notes_of(known: CatalogueChoice, paths: Paths) -> list[str]:
    """Return what to say before a download besides the notes of the hub."""
    entry = known.entry
    notes: list[str] = []
    if not known.fits:
        notes.append("It needs more memory than this computer has.")
        choice = choose_variant(entry, main_memory(), gpu_memory())
        if choice.place is not None:
            precision, size = choice.variant.precision, readable_size(choice.variant.size)
            notes[0] += f" {precision} ({size}) fits: studio models get {entry.id}:{precision}"
    if entry.conditions is not None:
        notes.append(entry.conditions.en)
    for id in entry.companions:
        companion = load_catalogue(paths).get(id)
        name = companion.name if companion is not None else id
        notes.append(f"It needs {name} as well: studio models get {id}")
    return notes


def _print_entry(entry: CatalogueEntry, choice: Choice, there: dict[str, ModelRef]) -> None:
    size = readable_size(choice.variant.size)
    about = "about " if "size" in entry.unverified else ""
    title = f"{entry.name}, {choice.variant.precision}, {about}{size}, {entry.licence}"
    print(f"{entry.id}{'  (installed)' if there else ''}\n    {title}")
    print(f"    {entry.purpose.en}\n    {_place(choice)}")


def _place(choice: Choice) -> str:
    need = "" if choice.need is None else f"{choice.need:g} GB"
    match choice.place:
        case "gpu":
            return f"Runs on the graphics card: needs about {need}."
        case "gpu_offload":
            return f"Runs on the graphics card in parts, more slowly: needs about {need}."
        case "cpu":
            return f"Runs on the processor: needs about {need}."
    total = readable_size(main_memory().total)
    return f"Will not fit: this computer has {total}."


def _fields(entry: CatalogueEntry, choice: Choice, there: dict[str, ModelRef]) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return fields | {
        "variant": choice.variant.precision,
        "place": choice.place,
        "need": choice.need,
        "installed": {precision: ref.id for precision, ref in there.items()},
    }
