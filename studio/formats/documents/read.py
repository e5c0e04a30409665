"""Which reader is for which file, and what is said where a file cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from studio.formats.archive_limits import TooLargeArchiveError
from studio.formats.documents.document import (
    JOINT,
    MAX_CHARACTERS,
    MAX_PARTS,
    Document,
    Part,
    PlaceKind,
    RawPart,
)
from studio.formats.documents.markup import html_parts
from studio.formats.documents.office import EncryptedError, docx_parts, epub_parts, pptx_parts
from studio.formats.documents.pdf import pdf_parts
from studio.formats.documents.plain import (
    NotTextError,
    markdown_parts,
    subtitle_parts,
    text_parts,
)
from studio.formats.documents.suffixes import SUFFIXES
from studio.formats.untrusted_files import open_regular, printable
from studio.protocol import Problem, ProblemError, problem, sentence

MAX_BYTES = 500 * 2**20
_MAX_TEXT_BYTES = 80 * 2**20
_CHUNK = 2**20


class _Reader(Struct, frozen=True):
    place: PlaceKind
    parts: Callable[[Path], list[RawPart]]


def _of_bytes(parts: Callable[[bytes], list[RawPart]]) -> Callable[[Path], list[RawPart]]:
    def read(path: Path) -> list[RawPart]:
        with open_regular(path) as file:
            data = file.read(_MAX_TEXT_BYTES + 1)
        if len(data) > _MAX_TEXT_BYTES:
            raise TooLargeArchiveError("too long")
        return parts(data)

    return read


_TEXT = _Reader("part", _of_bytes(text_parts))
_MARKDOWN = _Reader("section", _of_bytes(markdown_parts))
_HTML = _Reader("section", _of_bytes(html_parts))
_SUBTITLES = _Reader("time", _of_bytes(subtitle_parts))
_READERS: dict[str, _Reader] = {
    ".txt": _TEXT,
    ".text": _TEXT,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".srt": _SUBTITLES,
    ".vtt": _SUBTITLES,
    ".pdf": _Reader("page", pdf_parts),
    ".docx": _Reader("section", docx_parts),
    ".docm": _Reader("section", docx_parts),
    ".pptx": _Reader("slide", pptx_parts),
    ".epub": _Reader("chapter", epub_parts),
}


def read_document(path: Path) -> Document:
    """Read a document. May take long and much memory: see `child`.

    Raises `ProblemError` (bad_input).
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ProblemError(unknown_document(path))
    try:
        digest = hash_of(path)
        raw = reader.parts(path)
    except OSError as error:
        raise problem(
            "bad_input",
            "The document {name} cannot be read: {reason}.",
            name=printable(path.name),
            reason=error.strerror or str(error) or type(error).__name__,
        ) from error
    except EncryptedError as error:
        raise problem(
            "bad_input",
            "The document {name} is protected. Save it without a password first.",
            name=printable(path.name),
        ) from error
    except NotTextError as error:
        raise problem(
            "bad_input",
            "The document {name} is not text in any known encoding.",
            name=printable(path.name),
        ) from error
    except TooLargeArchiveError as error:
        raise ProblemError(too_large(path)) from error
    except MemoryError as error:
        raise ProblemError(too_large(path)) from error
    except Exception as error:
        # Whatever the libraries come across in a damaged file.
        raise problem(
            "bad_input",
            "The document {name} is damaged, or is not what its name says.",
            name=printable(path.name),
        ) from error
    return _document(path, digest, reader.place, raw)


def _document(path: Path, digest: str, place: PlaceKind, raw: list[RawPart]) -> Document:
    parts: list[Part] = []
    start = unreadable = 0
    is_cut = len(raw) > MAX_PARTS
    for number, part in enumerate(raw[:MAX_PARTS], start=1):
        text = _stored(part.text)
        if start + len(text) > MAX_CHARACTERS:
            is_cut = True
            break
        unreadable += not text
        parts.append(Part(number, start, text, _stored(part.title)))
        start += len(text) + len(JOINT)
    if not any(part.text for part in parts):
        if place == "page" and parts:
            raise problem(
                "bad_input",
                "The document {name} has no text, only pictures of its pages. Read it with a"
                " program for text recognition (OCR) first.",
                name=printable(path.name),
            )
        raise problem("bad_input", "The document {name} has no text.", name=printable(path.name))
    return Document(
        printable(path.name),
        digest,
        place,
        tuple(parts),
        unreadable if place == "page" else 0,
        is_cut,
    )


def _stored(text: str) -> str:
    """Return a text that can be stored: files may hold halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file. Raises `OSError`, and `TooLargeArchiveError` beyond limits."""
    digest = hashlib.sha256()
    size = 0
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise TooLargeArchiveError("too large")
            digest.update(chunk)
    return digest.hexdigest()


def unknown_document(path: Path) -> Problem:
    """Return what is said of a file of another kind."""
    return Problem(
        "bad_input",
        sentence(
            "{name} is not a document that can be read. These can: {kinds}.",
            name=printable(path.name),
            kinds=", ".join(SUFFIXES),
        ),
    )


def too_large(path: Path) -> Problem:
    """Return what is said of a file that takes too much memory or time."""
    return Problem(
        "bad_input",
        sentence(
            "The document {name} is too large to be read, or unpacks to far more than its size.",
            name=printable(path.name),
        ),
    )
