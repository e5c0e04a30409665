"""Read documents, or take what the index knows of them, and choose the passages for a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from studio.formats.archive_limits import TooLargeArchiveError
from studio.formats.documents.child import read_in_child
from studio.formats.documents.document import Document
from studio.formats.documents.read import hash_of, too_large
from studio.formats.documents.suffixes import SUFFIXES
from studio.formats.untrusted_files import files_below, is_folder, printable, user_path
from studio.jobs.documents.embedder import Embedder, question_vector
from studio.kinds.requests import prompt_of
from studio.kinds.sources import MAX_PASSAGES, MAX_SOURCES, Passage, Source
from studio.library.documents.passage_index import PassageIndex
from studio.protocol import Problem, ProblemError, Request, Sentence, problem, sentence

MAX_FILES = 2_000
PASSAGES = 8
"""Passages for a question where a document does not fit as a whole."""
_UNKNOWN_CONTEXT = 8_192
_SHARE = 0.8
"""Of the context: tokens are only estimated here."""
_PER_PASSAGE = 30
"""Tokens around a passage."""


class Gathered(Struct, frozen=True):
    """Documents that were read, and what was wrong with the others."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()


def document_files(paths: Sequence[str | Path]) -> list[Path]:
    """Return the given files, and the documents in the given folders and below them.

    Raises `ProblemError` if a folder has none, or they are too many.
    """
    found: list[Path] = []
    for path in map(user_path, paths):
        if not is_folder(path):
            found.append(path)
            continue
        inside = [file for file in files_below(path) if _is_document(file)]
        if not inside:
            raise problem(
                "bad_input", "There are no documents in {path}.", path=printable(str(path))
            )
        found += sorted(inside)
    files = list(dict.fromkeys(found))
    if len(files) > MAX_FILES:
        raise problem("bad_input", "There are more than {most} documents.", most=f"{MAX_FILES:,}")
    return files


def read_documents(
    files: Sequence[Path],
    index: PassageIndex,
    report: Callable[[Sentence], object] = lambda _: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Gathered:
    """Read documents into the index, those that it has by their hash only. Blocks for long.

    Raises `ProblemError` if it is cancelled, or if no document can be read.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        if is_cancelled():
            raise problem("cancelled", "The reading of {name} was cancelled.", name=file.name)
        try:
            documents.append(_read(file, index, report, is_cancelled))
        except ProblemError as error:
            if error.problem.kind == "cancelled":
                raise
            problems.append(error.problem)
    if problems and not documents:
        raise ProblemError(problems[0])
    once = {document.sha256: document for document in documents}
    return Gathered(tuple(once.values()), tuple(problems))


def choose_sources(
    question: str,
    documents: Sequence[Document],
    index: PassageIndex,
    room: int,
    embedder: Embedder | None = None,
) -> tuple[Source, ...]:
    """Return the documents as a whole where they fit into `room` tokens, else passages of them.

    Raises `ProblemError` if not even one passage fits, or if none suits the question.
    """
    wholes = [_whole(document) for document in documents[: MAX_SOURCES + 1]]
    fits = len(wholes) <= MAX_SOURCES and all(
        len(whole.passages) <= MAX_PASSAGES for whole in wholes
    )
    if fits and sum(map(_tokens_of, wholes)) <= room:
        return tuple(wholes)
    found = choose_passages(question, documents, index, PASSAGES, embedder, room)
    if not found:
        if choose_passages(question, documents, index, 1, embedder):
            raise problem(
                "bad_input",
                "The model's context has no room for the documents. Shorten the prompt or the"
                " longest answer, or choose a model with a longer context.",
            )
        raise problem(
            "bad_input",
            "Nothing in the documents has to do with this prompt. Use words that they use.",
        )
    return found


def choose_for_request(
    request: Request,
    documents: Sequence[Document],
    index: PassageIndex,
    context: int | None,
    embedder: Embedder | None = None,
) -> Request:
    """Return a request with the passages that suit its prompt, or with all there is to read.

    Raises `ProblemError`.
    """
    turns = [turn.content for turn in getattr(request, "messages", ())]
    system = str(getattr(request, "system_prompt", ""))
    room = room_for_sources(
        context,
        int(getattr(request, "max_tokens", 0)),
        [prompt_of(request), system, *turns],
    )
    found = choose_sources(prompt_of(request), documents, index, room, embedder)
    return request.with_values(sources=found)


def choose_passages(
    question: str,
    documents: Sequence[Document],
    index: PassageIndex,
    most: int,
    embedder: Embedder | None = None,
    room: int | None = None,
) -> tuple[Source, ...]:
    """Return the passages of some documents that suit a question best, in their order.

    By meaning, too, where there is an embedder (`question_vector`). Raises `ProblemError` if that
    is cancelled.
    """
    hashes = [document.sha256 for document in documents]
    key, vector = question_vector(question, hashes, index, embedder)
    chosen: dict[str, list[Passage]] = {}
    for hit in index.search(question, hashes, most, key, vector):
        cost = tokens(hit.passage.text) + _PER_PASSAGE
        if room is None or cost <= room:
            room = None if room is None else room - cost
            chosen.setdefault(hit.sha256, []).append(hit.passage)
    return tuple(
        Source(
            document.name,
            document.sha256,
            document.place,
            len(document.parts),
            tuple(sorted(chosen[document.sha256], key=lambda passage: passage.start)),
        )
        for document in documents
        if document.sha256 in chosen
    )


def room_for_sources(context: int | None, max_tokens: int, others: Sequence[str]) -> int:
    """Return the tokens that are left for documents beside the texts of a request."""
    length = context or _UNKNOWN_CONTEXT
    left = length - min(max_tokens, length // 2)
    return max(0, round(_SHARE * left) - sum(map(tokens, others)))


def tokens(text: str) -> int:
    """Return an estimate of the tokens of a text, rather too many."""
    plain = sum(character < "\x80" for character in text)
    return round(plain / 3.2 + (len(text) - plain) * 1.6)


def _read(
    file: Path,
    index: PassageIndex,
    report: Callable[[Sentence], object],
    is_cancelled: Callable[[], bool],
) -> Document:
    try:
        known = index.document(_hash_of(file, index))
    except OSError as error:
        raise problem(
            "bad_input",
            "The document {name} cannot be read: {reason}.",
            name=printable(file.name),
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    except TooLargeArchiveError as error:
        raise ProblemError(too_large(file)) from error
    if known is not None and Path(known.name).suffix.lower() == file.suffix.lower():
        return replace(known, name=printable(file.name))
    report(sentence("Reading {name}", name=printable(file.name)))
    document = read_in_child(file, is_cancelled)
    index.add(document)
    return document


def stamp_of(file: Path) -> str:
    """Return what changes when a file is changed. Raises `OSError`."""
    status = file.stat()
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def _hash_of(file: Path, index: PassageIndex) -> str:
    """Return the SHA-256 of a file, remembered as long as its time and size are the same."""
    stamp = stamp_of(file)
    known = index.hash_of_file(str(file), stamp)
    if not known:
        known = hash_of(file)
        index.note_file(str(file), stamp, known)
    return known


def _whole(document: Document) -> Source:
    passages = (
        Passage(part.number, part.start, part.start + len(part.text), part.text, part.title)
        for part in document.parts
        if part.text
    )
    return Source(
        document.name,
        document.sha256,
        document.place,
        len(document.parts),
        tuple(passages),
        is_whole=True,
    )


def _tokens_of(source: Source) -> int:
    return sum(tokens(passage.text) + _PER_PASSAGE for passage in source.passages)


def _is_document(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith((".", "~$"))
