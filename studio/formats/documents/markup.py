"""The text of HTML, with headings as titles. Scripts, styles and pictures are left out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from studio.formats.documents.document import MAX_TITLE, RawPart
from studio.formats.documents.plain import decoded, titled

_LEFT_OUT = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "iframe", "object"}
)
_LINES = frozenset(
    "p div br li tr dt dd blockquote pre section article header footer h4 h5 h6 figcaption hr"
    " table ul ol dl aside main nav address".split()
)
_TITLES = frozenset({"h1", "h2", "h3"})
_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset=[\"']?([\w-]{2,20})|encoding=[\"']([\w-]{2,20})")
# The parser takes quadratic time for comments that are left open.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")


class _Text(HTMLParser):
    """Collects the sections of a page. Tags may be left open or closed in any order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[tuple[str, list[str]]] = [("", [])]
        self._left_out = ""
        self._depth = 0
        self._title: list[str] | None = None
        self._is_pre = False

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if self._left_out:
            self._depth += tag == self._left_out
        elif tag in _LEFT_OUT:
            self._left_out, self._depth = tag, 1
        elif tag in _TITLES:
            self._title = []
            self.sections.append(("", []))
        elif tag in _LINES:
            self._is_pre = tag == "pre" or (self._is_pre and tag == "br")
            self._add("\n")
        elif tag in ("td", "th"):
            self._add("\t")

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            self._depth -= tag == self._left_out
            if self._depth <= 0:
                self._left_out = ""
        elif tag in _TITLES and self._title is not None:
            title = " ".join("".join(self._title).split())
            self._title = None
            self.sections[-1] = (title[:MAX_TITLE], [title, "\n"])
        elif tag in _LINES:
            self._is_pre = False
            self._add("\n")
        elif tag == "title":
            self.sections[-1] = ("", [])

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self._add(data if self._is_pre else _BLANKS.sub(" ", data))

    def _add(self, text: str) -> None:
        (self.sections[-1][1] if self._title is None else self._title).append(text)


def html_text(data: bytes) -> str:
    """Return HTML as text, by the encoding that it states, or else as any text."""
    found = _CHARSET.search(data[:4096])
    if found is not None and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode((found[1] or found[2]).decode())
        except (LookupError, UnicodeDecodeError):
            pass
    return decoded(data)


def html_parts(data: bytes) -> list[RawPart]:
    """Return the sections of a page."""
    parts: list[RawPart] = []
    for title, text in html_sections(html_text(data)):
        parts += titled(text, title)
    return parts


def html_sections(text: str) -> list[tuple[str, str]]:
    """Return title and text of each section of a page."""
    parser = _Text()
    parser.feed(_COMMENT.sub(" ", text))
    parser.close()
    return [(title, _tidy("".join(pieces))) for title, pieces in parser.sections]


def _tidy(text: str) -> str:
    lines = [line.strip(" \t") for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
