"""Chinese prompts: a table of Chinese names, of which the longest that fits is taken."""

from __future__ import annotations

from pathlib import Path

# Characters that say how the things of a prompt belong together, and nothing of what they are.
PARTICLES = frozenset("的和与及跟带有着了个一只在里上面张幅画请给我来，。、！,.! ")


def load() -> dict[str, str]:
    """Chinese names, each with the English word of prompts; the first line with a name counts."""
    table: dict[str, str] = {}
    text = Path(__file__).with_name("words_zh.txt").read_text("utf-8")
    for row in text.splitlines():
        word, *found = row.split()
        for name in found:
            table.setdefault(name, word)
    return table


def is_chinese(text: str) -> bool:
    return any("一" <= character <= "鿿" for character in text)


def words_of(text: str, table: dict[str, str]) -> tuple[list[str], str]:
    """The English words of a Chinese text, and the characters that no name covers.

    A particle that is also a name, as 上 and 一 are, is a name only if the text is nothing more.
    """
    if text.strip() in table:
        return [table[text.strip()]], ""
    longest = max(map(len, table))
    words: list[str] = []
    rest = ""
    at = 0
    while at < len(text):
        for length in range(min(longest, len(text) - at), 0, -1):
            name = text[at : at + length]
            if name in table and name not in PARTICLES:
                words.append(table[name])
                at += length
                break
        else:
            rest += "" if text[at] in PARTICLES else text[at]
            at += 1
    return words, rest
