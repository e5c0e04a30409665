"""Put the parts of a prompt together."""

from __future__ import annotations

import re
from collections.abc import Mapping

from studio.writing.forms.fill import is_chinese
from studio.writing.picture_prompts.parts import Manner, PartName

_ORDER: tuple[PartName, ...] = ("setting", "style", "light", "view", "mood", "colours")
_VOWEL = re.compile(r"[aeio]", re.IGNORECASE)
_END = " \t\n.,;:。，；："


def compose(manner: Manner, subject: str, parts: Mapping[PartName, str]) -> str:
    """Return the prompt; parts that are empty are left out."""
    subject = " ".join(subject.split()).strip(_END)
    given = {name: " ".join(parts.get(name, "").split()).strip(_END) for name in _ORDER}
    chinese = is_chinese(subject or "".join(given.values()))
    if manner != "sentences":
        comma = "，" if chinese else ", "
        words = [subject, *(given[name] for name in _ORDER)]
        return comma.join(word for word in words if word)
    return _chinese(subject, given) if chinese else _english(subject, given)


def _english(subject: str, given: Mapping[PartName, str]) -> str:
    style = given["style"]
    start = subject
    if style:
        article = "An" if _VOWEL.match(style) else "A"
        start = f"{article} {style} of {_lower(subject)}" if subject else f"{article} {style}"
    first = " ".join(part for part in (start, given["setting"]) if part)
    first = ", ".join(part for part in (first, given["light"], given["view"]) if part)
    rest = []
    if given["mood"]:
        rest.append(f"The mood is {given['mood']}")
    if given["colours"]:
        rest.append(_upper(given["colours"]))
    return " ".join(f"{_upper(part)}." for part in (first, *rest) if part)


def _chinese(subject: str, given: Mapping[PartName, str]) -> str:
    style = given["style"]
    start = f"{style}：{subject}" if style and subject else style or subject
    parts = [start, given["setting"], given["light"], given["view"]]
    first = "，".join(part for part in parts if part)
    rest = [f"氛围{given['mood']}"] if given["mood"] else []
    rest += [given["colours"]] if given["colours"] else []
    return "".join(f"{part}。" for part in (first, "，".join(rest)) if part)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    """Begin in lower case, but for names and abbreviations."""
    word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if word in ("A", "An", "The", "Two", "Three") else text
