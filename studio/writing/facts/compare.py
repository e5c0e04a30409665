"""Compare the facts of a brief with those of a text written from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from studio.protocol import Sentence, sentence
from studio.writing.facts.check_bearings import check_bearings, check_parts_of_day, check_sides
from studio.writing.facts.check_changes import check_changes
from studio.writing.facts.check_dates import check_dates
from studio.writing.facts.check_denials import check_denials
from studio.writing.facts.check_differences import check_differences
from studio.writing.facts.check_figures import check_figures
from studio.writing.facts.check_kinds import check_kinds
from studio.writing.facts.check_names import check_codes, check_names
from studio.writing.facts.check_opposites import check_opposites
from studio.writing.facts.check_poles import check_poles
from studio.writing.facts.check_quotes import check_quotes
from studio.writing.facts.check_relations import check_relations
from studio.writing.facts.check_results import check_results
from studio.writing.facts.check_roles import check_roles
from studio.writing.facts.check_swaps import check_swaps
from studio.writing.facts.check_wholes import check_wholes
from studio.writing.facts.facts_in_text import Facts, facts_in
from studio.writing.facts.figures import MOST_FIGURES
from studio.writing.facts.findings import Finding

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class FactCheck(Struct, frozen=True):
    """What was found, in the order of the draft, and what could not be judged."""

    findings: tuple[Finding, ...]
    not_judged: tuple[Sentence, ...]


def check_facts(brief: str, draft: str) -> FactCheck:
    """Return where a draft says other figures, dates or names than its brief.

    The same facts written in another way agree: 5 %, 百分之五 and five per cent; 1.2 亿 and 120
    million; 3 March and 3月3日. What the draft leaves out is no finding.
    """
    given, written = facts_in(brief), facts_in(draft)
    not_judged = []
    if max(len(given.figures), len(written.figures)) > MOST_FIGURES:
        given, written = _first_figures(given), _first_figures(written)
        not_judged.append(
            sentence("Only the first {most} figures were compared.", most=MOST_FIGURES)
        )
    findings = [
        *check_figures(given, written),
        *check_changes(given, written),
        *check_differences(given, written),
        *check_swaps(given, written),
        *check_wholes(given, written),
        *check_opposites(given, written),
        *check_denials(given, written),
        *check_poles(given, written),
        *check_results(given, written),
        *check_bearings(given, written),
        *check_sides(given, written),
        *check_parts_of_day(given, written),
        *check_dates(given, written),
        *check_codes(given, written),
    ]
    are_alike = _is_chinese(brief) == _is_chinese(draft)
    findings += check_quotes(given, written, are_alike=are_alike)
    if are_alike:
        findings += [*check_names(given, written), *check_roles(given, written)]
        findings += [*check_relations(given, written), *check_kinds(given, written)]
    elif given.names or written.names:
        not_judged.append(
            sentence(
                "Brief and text are in different languages, so names were not compared, other than"
                " codes and addresses."
            )
        )
    order = sorted(findings, key=lambda finding: (finding.start, -finding.end))
    return FactCheck(tuple(_outermost(order)), tuple(not_judged))


def _first_figures(facts: Facts) -> Facts:
    return replace(facts, figures=facts.figures[:MOST_FIGURES])


def _outermost(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings without those inside another: 18 of "Via Roma 18"."""
    end = -1
    for finding in findings:
        if finding.end > end:
            yield finding
            end = finding.end


def _is_chinese(text: str) -> bool:
    letters = sum(character.isalpha() for character in text) or 1
    return len(_CHINESE.findall(text)) / letters > 0.3
