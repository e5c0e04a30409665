"""The pages of a PDF as text. Scripts and attachments are not looked at.

pypdf, not PDFium: both read the text of LaTeX and DocBook whole, but PDFium mixes up the characters
of Chinese pages that Qt wrote, as this program does.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from studio.formats.documents.document import MAX_CHARACTERS, MAX_PARTS, RawPart
from studio.formats.documents.office import EncryptedError
from studio.formats.untrusted_files import open_regular

# A word that was divided at the end of a line.
_HYPHEN = re.compile(r"(?<=[a-zß-ÿ])[-\u00ad]\n(?=[a-zß-ÿ])")
_CJK = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
_CJK_GAP = re.compile(rf"(?<=[{_CJK}])[ \t]?\n?[ \t]?(?=[{_CJK}])")
_BLANKS = re.compile(r"[ \t]{2,}|\t")
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}


def pdf_parts(path: Path) -> list[RawPart]:
    """Return the pages, those without text as empty ones.

    Raises `EncryptedError`, and whatever pypdf raises for a damaged file.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    pages: list[RawPart] = []
    length = 0
    with open_regular(path) as file:
        reader = PdfReader(file)
        # Many files have rights that are set without a password to open them.
        try:
            is_closed = reader.is_encrypted and not reader.decrypt("")
        except DependencyError as error:  # a cipher that is not at hand
            raise EncryptedError from error
        if is_closed:
            raise EncryptedError
        for number, page in enumerate(reader.pages):
            if number >= MAX_PARTS or length > MAX_CHARACTERS:
                break
            text = _page_text(page)
            pages.append(RawPart(text))
            length += len(text)
    return pages


def _page_text(page: Any) -> str:
    try:
        return tidy(str(page.extract_text()))
    except (MemoryError, RecursionError):
        raise
    except Exception:  # A page that is damaged leaves the others as they are.
        return ""


def tidy(text: str) -> str:
    """Return the text of a page with plain line ends, and words whole that lines divide."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").translate(_LIGATURES)
    text = _BLANKS.sub(" ", _HYPHEN.sub("", text))
    return _CJK_GAP.sub("", text).strip()
