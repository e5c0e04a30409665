"""Keeps the parts of a recording that are written down, for the case that the job is interrupted.

They lie in the cache, in a file for each recording, model and language, and go with the end of the
job or after some days.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.engine.tasks.transcribe.parts import Part
from studio.engine.tasks.transcribe.recogniser import Word
from studio.formats.untrusted_files import open_regular, open_to_append
from studio.formats.weights.gguf_cache import CACHE_VARIABLE

_FOLDER = "transcripts"
_VERSION = "1"
"""Changed when the same recording is to be written down anew."""
_DAYS = 14
_MOST_BYTES = 64 * 1024 * 1024


class _Kept(Struct, frozen=True):
    start: int
    end: int
    language: str
    words: tuple[Word, ...]


class KeptParts:
    """The parts of one recording. Without a cache folder, nothing is kept."""

    def __init__(self, *identity: str) -> None:
        folder = _folder()
        name = hashlib.sha256("\n".join((_VERSION, *identity)).encode()).hexdigest()[:32]
        self._file = folder / f"{name}.jsonl" if folder is not None else None
        self._known: dict[tuple[int, int], _Kept] = {}
        if self._file is not None:
            self._read(self._file)

    @property
    def language(self) -> str:
        """The language that was found before, "" if there is none."""
        return next((kept.language for kept in self._known.values()), "")

    def words(self, part: Part) -> tuple[Word, ...] | None:
        """Return the words of a part that was written down before, None if it was not."""
        kept = self._known.get((part.start, part.end))
        return kept.words if kept is not None else None

    def add(self, part: Part, language: str, words: Sequence[Word]) -> None:
        """Keep a part. Raises `OSError` only if the disk is full."""
        if self._file is None:
            return
        # A kill may have cut off the line before.
        line = b"\n" + msgspec.json.encode(_Kept(part.start, part.end, language, tuple(words)))
        try:
            self._file.parent.mkdir(exist_ok=True)
            descriptor = open_to_append(self._file)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise

    def remove(self) -> None:
        """Forget all parts, and those of recordings that nobody came back to."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        oldest = time.time() - _DAYS * 24 * 3600
        for other in self._file.parent.glob("*.jsonl"):
            with contextlib.suppress(OSError):
                if other.stat().st_mtime < oldest:
                    other.unlink()

    def _read(self, file: Path) -> None:
        decoder = msgspec.json.Decoder(_Kept)
        with contextlib.suppress(OSError), open_regular(file) as opened:
            for line in opened.read(_MOST_BYTES).split(b"\n"):
                with contextlib.suppress(msgspec.DecodeError):  # the last line of a killed process
                    kept = decoder.decode(line)
                    self._known[kept.start, kept.end] = kept


def _folder() -> Path | None:
    chosen = os.environ.get(CACHE_VARIABLE, "")
    return Path(chosen) / _FOLDER if chosen else None
