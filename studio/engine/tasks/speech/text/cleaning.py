"""Plain text to be read aloud, from text or Markdown: no marks, code, links, emoji or controls."""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[^\n]*$\n?", re.MULTILINE | re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^()\n]*\)")
_LINK = re.compile(r"\[([^\]\n]+)\]\([^()\n]*\)")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$", re.MULTILINE)
_QUOTE = re.compile(r"^ {0,3}>[ \t]?", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$", re.M)
_CELLS = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_STRONG = re.compile(r"(\*{1,3}|~~)(?=\S)([^*~\n]+?)(?<=\S)\1")
_UNDERLINED = re.compile(r"(?<!\w)(_{1,3})(?=\S)([^_\n]+?)(?<=\S)\1(?!\w)")
_CODE = re.compile(r"`+([^`\n]+)`+")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~>|])")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]{1,40}\]:?")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"'，。；！？、（）《》「」]+", re.IGNORECASE)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_SPACES = re.compile(r"[^\S\n]+")
_TRAILING = ".,;:!?)'"

_CONTROLS = {"Cc", "Cf", "Cs", "Co", "Cn"}
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u20e3\ufe0e\ufe0f"
    "\U000e0000-\U000e007f\u200d]"
)
_WIDE = "\u2e80"
"""The first of the characters of Chinese and other wide scripts."""
_GAP = re.compile(" +(?=[，。！？：；、])")
_ENDED = tuple(".!?:;,。！？：；，、…")


def plain_text(text: str) -> str:
    """Return what is read of a text that may be Markdown. Paragraphs are separated by empty lines.

    Headings and items of lists become paragraphs of their own.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = _FRONT_MATTER.sub("", text)
    text = _FENCE.sub("\n", _COMMENT.sub(" ", text))
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _FOOTNOTE.sub("", text)
    text = _TABLE_RULE.sub("", text)
    text = _CELLS.sub(lambda row: ", ".join(filter(None, map(str.strip, row[1].split("|")))), text)
    text = _RULE.sub("\n", text)
    text = _HEADING.sub(lambda found: f"\n{_ended(found[1])}\n", text)
    text = _QUOTE.sub("", text)
    text = _BULLET.sub("\n\n", text)
    text = _CODE.sub(r"\1", text)
    for _ in range(2):  # one mark inside another
        text = _UNDERLINED.sub(r"\2", _STRONG.sub(r"\2", text))
    text = _TAG.sub(" ", text)
    text = _ESCAPED.sub(r"\1", text)
    text = _URL.sub(_spoken_url, text)
    text = _MAIL.sub(lambda found: _spoken_address(found[0].replace("@", " at ")), text)
    text = _EMOJI.sub(" ", text)
    text = "".join(c if c == "\n" else _spoken_character(c) for c in text)
    return "\n".join(_GAP.sub("", _SPACES.sub(" ", line)).strip() for line in text.split("\n"))


def _spoken_character(character: str) -> str:
    """Return a character, a digit of any script as 0 to 9, and a space for controls."""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    return " " if category in _CONTROLS else character


def _ended(heading: str) -> str:
    heading = heading.strip()
    if not heading or heading.endswith(_ENDED):
        return heading
    return f"{heading}{'。' if heading[-1] >= _WIDE else '.'}"


def _spoken_url(found: re.Match[str]) -> str:
    """Return the host of an address as words; nobody wants to hear the rest."""
    whole = found[0]
    address = whole.rstrip(_TRAILING)
    host = re.sub(r"^(?:https?://)?(?:www\.)?", "", address, flags=re.IGNORECASE)
    host = re.split(r"[/?#]", host)[0].rpartition("@")[2].partition(":")[0]
    return f" {_spoken_address(host)}{whole[len(address) :]}"


def _spoken_address(address: str) -> str:
    return address.replace(".", " dot ").replace("_", " ").replace("-", " ")
