"""Find people whom a text gives a role that its brief gives to somebody else, or to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.protocol import sentence
from studio.writing.facts import names
from studio.writing.facts.common_words import are_common
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding
from studio.writing.facts.roles import Role, role_of, roles_in

_LATIN_NAME = re.compile(r"(?<![\w.])[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+){1,2}")
_TITLE = re.compile(r"^(?:Mr|Mrs|Ms|Miss|Dr|Prof|Cllr|Sir|Dame|Coach|Judge|Captain|Professor)\s")
_AFTER_ROLE = re.compile(r"[:：]?\s?([\u4e00-\u9fff]{2,3})(?![\u4e00-\u9fff])")
_MOST_NAMES = 80


def check_roles(given: Facts, written: Facts) -> Iterator[Finding]:
    """Yield a role with a name that has another role in the brief."""
    of_brief, of_draft = list(roles_in(given.text)), list(roles_in(written.text))
    if not of_brief or not of_draft:
        return
    for name in sorted(_people(given))[:_MOST_NAMES]:
        known = _roles(name, given.text, of_brief)
        if not known:
            continue
        for start, end, role in _places(name, written.text, of_draft):
            if any(_agree(role, one) for one in known):
                continue
            first, last = min(start, role.start), max(end, role.end)
            message = sentence("The brief says “{brief}”.", brief=_around(given.text, name))
            yield Finding("name_changed", written.text[first:last], message, first, last)


def _people(given: Facts) -> set[str]:
    people = {name.text for name in given.names if name.kind == "person"}
    people |= set(names.listed_persons(given.text))
    people |= set(names.persons_with_roles(given.text))
    for role in roles_in(given.text):
        match = _AFTER_ROLE.match(given.text, role.end)
        if match and not are_common(match[1]):
            people.add(match[1])
    for match in _LATIN_NAME.finditer(given.text):
        name = _TITLE.sub("", match.group())
        people |= {name, " ".join(name.split()[-2:])}
    return {name for name in people if len(name) > 1}


def _roles(name: str, text: str, roles: list[Role]) -> list[Role]:
    return [role for _, _, role in _places(name, text, roles)]


def _places(name: str, text: str, roles: list[Role]) -> Iterator[tuple[int, int, Role]]:
    for match in re.finditer(re.escape(name) + r"(?![a-z])", text):
        role = role_of(text, *match.span(), roles)
        if role is not None:
            yield *match.span(), role


def _agree(role: Role, other: Role) -> bool:
    """Return whether a role is the one of the brief, or says less: 经理 for 总经理."""
    if role.rank not in ("原", "前", "former") and role.rank != other.rank:
        is_less = other.rank in ("原", "前", "former", "acting", "代", "代理")
        if not is_less:
            return False
    return role.name == other.name or other.name.endswith(role.name)


def _around(text: str, name: str) -> str:
    at = text.find(name)
    return " ".join(text[max(0, at - 16) : at + len(name) + 16].split())
