"""Texts of requests that a command or a table gives as a file, such as a JSON schema."""

from __future__ import annotations

import codecs
from pathlib import Path

from studio.formats.untrusted_files import printable, read_start, user_path
from studio.protocol import problem

_UTF8_BYTES = 4


def text_or_file(value: str, most: int, folder: Path | None = None) -> str:
    """Return JSON as it is, and for the path of a file the text of the file.

    Of a longer file, one character more than `most` is returned. Relative paths start from
    `folder`. Raises `ProblemError` (bad_input) if the file cannot be read.
    """
    if not value.strip() or value.lstrip().startswith(("{", "[")):
        return value
    path = user_path(value.strip(), folder)
    shown = printable(str(path))
    try:
        length = _UTF8_BYTES * (most + 1)
        data = read_start(path, length)
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        return decoder.decode(data, final=len(data) < length)[: most + 1]
    except UnicodeDecodeError as error:
        raise problem(
            "bad_input", "The file {path} is not UTF-8 text. Save it as UTF-8.", path=shown
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise problem(
            "bad_input", "The file {path} cannot be read: {reason}.", path=shown, reason=reason
        ) from error
