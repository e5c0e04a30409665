"""`studio documents`: collections of documents, and searching in documents."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.folders import library_folder
from studio.cli.language import translated
from studio.cli.output import note_text
from studio.cli.terminal import visible
from studio.formats.untrusted_files import printable
from studio.jobs.documents.gather import (
    Gathered,
    choose_passages,
    document_files,
    read_documents,
)
from studio.jobs.documents.index_file import open_index
from studio.kinds.sources import numbered, place_of
from studio.library.documents.collections import Collections
from studio.library.store import Library
from studio.protocol import Sentence, problem
from studio.settings import default_paths

_SHOWN = 300


def documents(options: argparse.Namespace) -> int:
    """Run `studio documents ACTION` and return the exit status. Raises `ProblemError`."""
    collections = Collections(library_folder(default_paths()))
    match options.action:
        case "add":
            # The first command of a new user makes the library.
            Library.open(library_folder(default_paths()), run_queue=False).close()
            added = collections.add(options.folder, options.name)
            gathered = read([added.folder])
            print(visible(f"{added.name}\t{len(gathered.documents)}\t{added.folder}"))
            return SOME_FAILED if gathered.problems else DONE
        case "list":
            for each in collections.all():
                if options.json:
                    print(
                        json.dumps({"name": each.name, "folder": each.folder}, ensure_ascii=False)
                    )
                else:
                    print(visible(f"{each.name}\t{each.folder}"))
        case "remove":
            collections.remove(options.name)
        case "search":
            _search(options)
    return DONE


def folders_of(names: Sequence[str]) -> list[str]:
    """Return the folders of some collections. Raises `ProblemError`."""
    if not names:
        return []
    collections = Collections(library_folder(default_paths()))
    return [collections.find(name).folder for name in names]


def read(paths: Sequence[str]) -> Gathered:
    """Read documents into the index, say what is read, and what cannot be."""

    def report(message: Sentence) -> None:
        if sys.stderr.isatty():
            print(translated(message), file=sys.stderr)

    index = open_index(default_paths())
    try:
        gathered = read_documents(document_files(paths), index, report)
    finally:
        index.close()
    for found in gathered.problems:
        print(note_text(found.message), file=sys.stderr)
    return gathered


def _search(options: argparse.Namespace) -> None:
    paths = [*options.documents, *folders_of(options.collections)]
    if not paths:
        paths = [each.folder for each in Collections(library_folder(default_paths())).all()]
    if not paths:
        raise problem("bad_input", "Name documents with --document, or a collection.")
    gathered = read(paths)
    index = open_index(default_paths())
    try:
        found = choose_passages(options.question, gathered.documents, index, options.count)
    finally:
        index.close()
    for number, source, passage in numbered(found):
        place = place_of(source, passage)
        if options.json:
            fields = {"number": number, "name": source.name, "place": str(place)}
            fields |= msgspec.to_builtins(passage)
            print(json.dumps(fields, ensure_ascii=False))
        else:
            text = printable(" ".join(passage.text.split()), _SHOWN)
            print(visible(f"[{number}] {source.name}, {translated(place)}\n    {text}"))
