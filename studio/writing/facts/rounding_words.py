"""Words that say how exact a figure is: about, over, not quite, 约, 不到."""

from __future__ import annotations

import re

from studio.writing.facts.figure import Rounding

_ABOUT = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|close\sto|circa|just\sover|little\sover|little\sunder|just\sunder|somewhere\snear)\s"
    r"|约|大约|约为|大概|近|将近|接近|差不多)[$¥€£]?\s?$",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"(?:\b(?:over|more\sthan|at\sleast|above|exceed(?:s|ed|ing)?|upwards\sof|no\sless\sthan)\s"
    r"|超过|超|逾|突破|高于|多于|至少|不少于|不低于)[$¥€£]?\s?$",
    re.IGNORECASE,
)
_UNDER = re.compile(
    r"(?:\b(?:under|not\squite|less\sthan|below|at\smost|fewer\sthan|up\sto|no\smore\sthan)\s"
    r"|不到|不足|低于|少于|最多|至多|不超过)[$¥€£]?\s?$",
    re.IGNORECASE,
)


def rounding_before(before: str) -> Rounding:
    """Return what the end of the text before a figure says of it."""
    if _ABOUT.search(before):
        return "about"
    if _UNDER.search(before):
        return "under"
    return "over" if _OVER.search(before) else "exact"
