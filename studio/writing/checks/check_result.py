"""Check a result of a form: its facts and everything else that the form demands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from studio.protocol import Sentence, sentence
from studio.writing.checks.length import length_of, place_after
from studio.writing.checks.sums import wrong_sums
from studio.writing.checks.words import (
    banned_words,
    glossary_of,
    missing_points,
    missing_terms,
)
from studio.writing.facts.compare import FactCheck, check_facts
from studio.writing.facts.findings import Finding
from studio.writing.forms.brand import Brand
from studio.writing.forms.fill import brief_of
from studio.writing.forms.form import Form
from studio.writing.forms.values import items_of, number_of, value_of

MAX_CHECKED = 200_000
"""Characters; a longer result is not checked."""

_BARE_NUMBERS = re.compile(
    r"(?<=\|)[ \t]*\d+(?:\.\d+)?[ \t]*(?=\|)|(?<=:)\s*\d+(?:\.\d+)?\s*(?=[,}\]])"
)
"""Cells of tables and values in JSON that are only a number: places, seconds."""


def check_result(
    form: Form, values: Mapping[str, str], text: str, brand: Brand | None = None
) -> FactCheck:
    """Return what is wrong with a result, in the order of the text, and what was not judged."""
    if len(text) > MAX_CHECKED:
        most = f"{MAX_CHECKED:,}"
        message = sentence(
            "The text is longer than {most} characters: it was not checked.", most=most
        )
        return FactCheck((), (message,))
    checks = form.checks
    brief = brief_of(form, values, brand)
    findings: list[Finding] = []
    not_judged: tuple[Sentence, ...] = ()
    if checks.facts:
        facts = check_facts(brief, _without_bare_numbers(text))
        findings += facts.findings
        not_judged = facts.not_judged
    banned = (*checks.banned, *_items(form, checks.banned_field, values))
    findings += banned_words(text, (*banned, *brand.avoid) if brand else banned)
    findings += missing_points(text, _items(form, checks.points_field, values))
    glossary = {} if brand is None else dict(brand.glossary)
    glossary |= glossary_of(_items(form, checks.glossary_field, values))
    findings += missing_terms(brief, text, glossary)
    findings += _length(form, values, text)
    if checks.sums:
        findings += wrong_sums(text)
    ordered = sorted(findings, key=lambda finding: (finding.start, finding.end))
    return FactCheck(tuple(ordered), not_judged)


def is_checked(form: Form, brand: Brand | None = None) -> bool:
    """Return whether a form demands anything that is checked."""
    return form.checks != type(form.checks)() or (
        brand is not None and bool(brand.avoid or brand.glossary)
    )


def _length(form: Form, values: Mapping[str, str], text: str) -> Iterator[Finding]:
    checks = form.checks
    count = length_of(text)
    limits = [checks.max_length, _number(form, checks.max_length_field, values)]
    most = min((limit for limit in limits if limit), default=None)
    if most is not None and count > most:
        message = sentence(
            "The text has {count} words or characters, at most {most} are wanted.",
            count=f"{count:,}",
            most=f"{most:,}",
        )
        start = place_after(text, most)
        yield Finding("too_long", text[start:].strip(), message, start, len(text.rstrip()))
    if checks.min_length and count < checks.min_length:
        message = sentence(
            "The text has {count} words or characters, at least {least} are wanted.",
            count=f"{count:,}",
            least=f"{checks.min_length:,}",
        )
        yield Finding("too_short", "", message, 0, 0)
    for name, wants_shorter in (
        (checks.shorter_than_field, True),
        (checks.longer_than_field, False),
    ):
        field = form.field(name) if name else None
        given = length_of(value_of(field, values)) if field is not None else 0
        if not given or (count < given if wants_shorter else count > given):
            continue
        if wants_shorter:
            message = sentence(
                "The text is not shorter than the original: {count} words or characters, it had"
                " {given}.",
                count=f"{count:,}",
                given=f"{given:,}",
            )
        else:
            message = sentence(
                "The text is not longer than the original: {count} words or characters, it had"
                " {given}.",
                count=f"{count:,}",
                given=f"{given:,}",
            )
        yield Finding("too_long" if wants_shorter else "too_short", "", message, 0, 0)


def _items(form: Form, name: str, values: Mapping[str, str]) -> list[str]:
    field = form.field(name) if name else None
    return [] if field is None else items_of(value_of(field, values))


def _number(form: Form, name: str, values: Mapping[str, str]) -> int | None:
    field = form.field(name) if name else None
    number = number_of(value_of(field, values)) if field is not None else None
    return int(number) if number is not None and number >= 1 else None


def _without_bare_numbers(text: str) -> str:
    return _BARE_NUMBERS.sub(lambda found: " " * len(found[0]), text)
