"""`studio documents`: collections of documents, and searching in documents."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import msgspec

from studio.cli.exit_status import DONE, SOME_FAILED
from studio.cli.folders import library_folder
from studio.cli.language import translated
from studio.cli.meaning import embedder_for
from studio.cli.output import note_text
from studio.cli.terminal import visible
from studio.formats.untrusted_files import printable
from studio.jobs.documents.embedder import Embedder, add_vectors
from studio.jobs.documents.gather import (
    Gathered,
    choose_passages,
    document_files,
    read_documents,
)
from studio.jobs.documents.index_file import open_index
from studio.kinds.sources import numbered, place_of
from studio.library.documents.collections import Collections
from studio.library.documents.passage_index import PassageIndex
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import ProblemError, Sentence, problem
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
            _prepare(gathered, options)
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


def _prepare(gathered: Gathered, options: argparse.Namespace) -> None:
    """Give the passages vectors now, so that the first question need not wait for them."""
    with searching(options) as (index, embedder):
        if embedder is None:
            return
        hashes = [document.sha256 for document in gathered.documents]
        try:
            add_vectors(hashes, index, embedder)
        except ProblemError as error:
            embedder.failed(error.problem)


@contextmanager
def searching(options: argparse.Namespace) -> Iterator[tuple[PassageIndex, Embedder | None]]:
    """Yield the index of passages, and the embedder that a call names. Raises `ProblemError`."""
    paths = default_paths()
    with (
        embedder_for(options.embedder, Registry(paths), paths) as embedder,
        closing(open_index(paths)) as index,
    ):
        yield index, embedder


def _search(options: argparse.Namespace) -> None:
    paths = [*options.documents, *folders_of(options.collections)]
    if not paths:
        paths = [each.folder for each in Collections(library_folder(default_paths())).all()]
    if not paths:
        raise problem("bad_input", "Name documents with --document, or a collection.")
    gathered = read(paths)
    with searching(options) as (index, embedder):
        found = choose_passages(
            options.question, gathered.documents, index, options.count, embedder
        )
    for number, source, passage in numbered(found):
        place = place_of(source, passage)
        if options.json:
            fields = {"number": number, "name": source.name, "place": str(place)}
            fields |= msgspec.to_builtins(passage)
            print(json.dumps(fields, ensure_ascii=False))
        else:
            text = printable(" ".join(passage.text.split()), _SHOWN)
            print(visible(f"[{number}] {source.name}, {translated(place)}\n    {text}"))
