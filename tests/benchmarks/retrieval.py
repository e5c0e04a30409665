"""How often the passage that answers a question is among the first five, with and without meaning.

Run with `python -m tests.benchmarks.retrieval FOLDER [EMBEDDER …]`. The folder has the books that
`tests/data/retrieval/questions.jsonl` asks about, all in the public domain: Alice's Adventures in
Wonderland (`alice.txt`), The Adventures of Sherlock Holmes (`holmes.txt`), and 呐喊 (`nahan.txt`).
Each embedder is the folder of a model; by default it is the one that is installed. A passage counts
if it has the words of the answer, whatever the spaces in them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.engine.factory import local_engine
from studio.formats.documents.document import Document
from studio.formats.documents.read import read_document
from studio.jobs.documents.embedder import (
    Embedder,
    add_vectors,
    choose_embedder,
    embedder_on,
    passages_without,
)
from studio.library.documents.passage_index import PassageIndex
from studio.models.identify import describe_path
from studio.models.registry import Registry
from studio.settings import default_paths

QUESTIONS = Path(__file__).parents[1] / "data" / "retrieval" / "questions.jsonl"
FIRST = (1, 5, 8)


class Question(Struct, frozen=True):
    """A question about a book, and words of the passage that answers it."""

    book: str
    language: str
    question: str
    answer: str


def ranks(
    index: PassageIndex, books: Mapping[str, Document], embedder: Embedder | None
) -> dict[Question, int]:
    """Return at which place the first passage that answers each question comes; 0 for none.

    All books are searched at once.
    """
    hashes = [book.sha256 for book in books.values()]
    found: dict[Question, int] = {}
    for question in questions():
        key, vector = "", b""
        if embedder is not None and embedder.suits(question.question):
            key = embedder.key
            (vector,) = embedder.embed([question.question], True)
        hits = index.search(question.question, hashes, max(FIRST), key, vector)
        wanted = "".join(question.answer.split())
        found[question] = next(
            (
                place
                for place, hit in enumerate(hits, 1)
                if hit.sha256 == books[question.book].sha256
                and wanted in "".join(hit.passage.text.split())
            ),
            0,
        )
    return found


def questions() -> list[Question]:
    """Return the questions."""
    lines = QUESTIONS.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Question) for line in lines]


def report(name: str, found: Mapping[Question, int]) -> None:
    """Print the shares by language, and the questions that were not answered among the first."""
    by_language: dict[str, list[int]] = defaultdict(list)
    for question, place in found.items():
        by_language[question.language].append(place)
        by_language["all"].append(place)
    print(f"\n{name}")
    for language, places in sorted(by_language.items()):
        shares = (
            f"first {n}: {sum(0 < place <= n for place in places)} of {len(places)}" for n in FIRST
        )
        print(f"  {language:<4} " + ", ".join(shares))
    for question, place in found.items():
        if not 0 < place <= FIRST[1]:
            print(f"    {question.book}: {question.question}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all questions and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("embedders", type=Path, nargs="*")
    options = parser.parse_args(arguments)
    paths = default_paths()
    index = PassageIndex(Path(tempfile.mkdtemp()) / "cache" / "documents.sqlite")
    books = {
        name: read_document(options.folder / name) for name in {each.book for each in questions()}
    }
    for book in books.values():
        index.add(book)
    report("words", ranks(index, books, None))
    models = [describe_path(folder) for folder in options.embedders]
    if not models and (installed := choose_embedder(Registry(paths).list())) is not None:
        models = [installed]
    engine = local_engine(logs=paths.logs, cache=paths.cache)
    try:
        for model in models:
            embedder = embedder_on(engine, model)
            embedder.embed(["warm"], False)
            hashes = [book.sha256 for book in books.values()]
            count = len(passages_without(hashes, index, embedder))
            started = time.monotonic()
            add_vectors(hashes, index, embedder)
            seconds = time.monotonic() - started
            print(f"\n{model.name}: {count} passages in {seconds:.1f} s, {count / seconds:.1f}/s")
            report(f"words and {model.name}", ranks(index, books, embedder))
    finally:
        engine.stop()
        index.close()


if __name__ == "__main__":
    main()
