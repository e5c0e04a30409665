"""Compare the names and codes of a text with those of its brief."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from studio.protocol import sentence
from studio.writing.facts import names
from studio.writing.facts.facts_in_text import Facts
from studio.writing.facts.findings import Finding
from studio.writing.facts.names import Name

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ALIKE = 0.75
_SHORT_FORMS = {
    "mount": "mt",
    "saint": "st",
    "street": "st",
    "road": "rd",
    "avenue": "ave",
    "professor": "prof",
    "doctor": "dr",
    "company": "co",
    "limited": "ltd",
    "university": "uni",
    "department": "dept",
    "government": "govt",
    "centre": "ctr",
    "brothers": "bros",
    "fort": "ft",
}


_RANKS = frozenset("Lord Lady Sir Dame Baron Baroness Count Prince Princess King Queen".split())


def check_codes(given: Facts, written: Facts) -> list[Finding]:
    known = _squeezed(given.text)
    findings = []
    for code in written.codes:
        if _squeezed(code.text) in known:
            continue
        findings.append(_name_finding(code, _similar_name(code.text, given.codes)))
    return findings


def check_names(given: Facts, written: Facts) -> list[Finding]:
    findings = []
    known = _squeezed(given.text)
    words = {word.casefold() for word in re.findall(r"[\w'’&-]+", given.text)}
    shortened = tuple(
        word.casefold() for word in re.findall(r"\b([A-Za-z]{3,})\.(?=\s)", given.text)
    )
    persons = {name.text for name in given.names if name.kind == "person"}
    persons |= set(names.listed_persons(given.text))
    for name, meant in names.like_persons(written.text, sorted(persons)):
        if _squeezed(name.text) not in known or len(name.text) < len(meant):
            message = sentence("The brief says “{brief}”.", brief=meant)
            findings.append(Finding("name_changed", name.text, message, name.start, name.end))
    findings += [*_other_titles(given.text, written.text), *_other_ordinals(given, written)]
    for name in written.names:
        if any(finding.start < name.end and name.start < finding.end for finding in findings):
            continue
        if (
            other := _with_other_number(name, given.text) or _without_plural(name, given.text)
        ) is not None:
            message = sentence("The brief says “{brief}”.", brief=other)
            findings.append(Finding("name_changed", name.text, message, name.start, name.end))
            continue
        if _squeezed(name.text) in known or _is_known(name, words, shortened, given.names, known):
            continue
        if any(code.start < name.end and name.start < code.end for code in written.codes):
            continue
        same = tuple(other for other in given.names if other.kind == name.kind)
        findings.append(_name_finding(name, _similar_name(name.text, same)))
    return findings


_TITLED = re.compile(
    r"\b(?:(?P<male>Mr)|(?P<female>Mrs|Ms|Miss))\.?\s(?P<name>[A-Z][\w'’-]+)"
    r"|(?P<surname>[\u4e00-\u9fff])(?:(?P<man>先生|叔叔|大爷)|(?P<woman>女士|小姐|阿姨|大妈))"
)
_NTH = re.compile("第([一二三四五六七八九十\\d]{1,3})([\u4e00-\u9fff]{2})")


def _other_titles(brief: str, draft: str) -> list[Finding]:
    """Return where a person has the title of the other sex: Mr Okafor for Mrs Okafor."""
    known: dict[str, set[bool]] = {}
    said = {}
    for match in _TITLED.finditer(brief):
        name = match["name"] or match["surname"]
        known.setdefault(name, set()).add(bool(match["female"] or match["woman"]))
        said[name] = match.group()
    findings = []
    for match in _TITLED.finditer(draft):
        name = match["name"] or match["surname"]
        if name in known and bool(match["female"] or match["woman"]) not in known[name]:
            message = sentence("The brief says “{brief}”.", brief=said[name])
            findings.append(Finding("name_changed", match.group(), message, *match.span()))
    return findings


def _other_ordinals(given: Facts, written: Facts) -> list[Finding]:
    """Return what has another number than in the brief: 第八交响曲 for 第九交响曲."""
    known: dict[str, set[str]] = {}
    for match in _NTH.finditer(given.text):
        known.setdefault(match[2], set()).add(match[1])
    findings = []
    for match in _NTH.finditer(written.text):
        numbers = known.get(match[2], set())
        if len(numbers) == 1 and match[1] not in numbers and not match[1].isdigit():
            (number,) = numbers
            if number.isdigit():
                continue  # 第12轮, 第十二轮: compared as figures
            message = sentence("The brief says “{brief}”.", brief=f"第{number}{match[2]}")
            findings.append(Finding("name_changed", match.group(), message, *match.span()))
    return findings


def _differs_by_one(name: str, other: str) -> bool:
    return len(name) == len(other) and sum(map(str.__ne__, name, other)) == 1


def _without_plural(name: Name, brief: str) -> str | None:
    """Return the brief's name where it is the plural: Rivers Without Names."""
    if " " not in name.text or re.search(re.escape(name.text) + r"(?!\w)", brief, re.IGNORECASE):
        return None
    said = re.search(re.escape(name.text) + r"s\b", brief)
    return said.group() if said else None


def _with_other_number(name: Name, brief: str) -> str | None:
    """Return the brief's name where it has another number: Via Roma 118 for Via Roma 18."""
    words, _, number = name.text.rpartition(" ")
    if not words or not number.isdigit():
        return None
    said = list(re.finditer(re.escape(words) + r"[ ,]*(\d+)\b", brief))
    if not said or any(match[1] == number for match in said):
        return None
    return said[0].group()


def _is_known(
    name: Name, words: set[str], shortened: tuple[str, ...], given: tuple[Name, ...], known: str
) -> bool:
    if name.kind == "latin":
        parts = [part for part in re.split(r"[\s-]+|['’]s\b", name.text) if part]
        capital = [part for part in parts if part[0].isupper()]
        new = [part for part in capital if len(part) > 1 and not _is_word(part.casefold(), words)]
        new = [part for part in new if _SHORT_FORMS.get(part.casefold()) not in words]
        new = [part for part in new if not (shortened and part.casefold().startswith(shortened))]
        if not new:
            return True
        if len(capital) >= 2 and new == capital[:1] and new[0].casefold() in names.TITLES_BEFORE:
            return True
        rest = name.text.partition(" ")[2]
        is_title = name.text.split()[0] in _RANKS
        if len(capital) >= 3 and new == capital[:1] and not is_title and _squeezed(rest) in known:
            return True  # "Ring Ewan Tait"
        initials = "".join(part[0] for part in parts).casefold()
        if len(initials) > 1 and initials in words:
            return True
        known_initials = {
            "".join(part[0] for part in other.text.split() if part[0].isupper()) for other in given
        }
        return name.text.replace(".", "") in known_initials
    if name.kind == "organisation":
        stem = names.organisation_stem(name.text)
        if name.text not in known and any(_differs_by_one(name.text, one.text) for one in given):
            return False
        # The start of the name may be a verb: 亮相南风书店.
        ends = (name.text[at:] for at in range(1, len(stem)))
        return names.is_general(stem) or stem in known or any(end in known for end in ends)
    if name.kind == "person" and re.search("(?:女士|先生|老师|医生|教授|经理|同学)$", name.text):
        surname = name.text[: 2 if len(name.text) > 3 else 1]
        return surname in known
    return False


def _is_word(word: str, words: set[str]) -> bool:
    return word in words or word.rstrip("s") in words or word + "s" in words


def _similar_name(text: str, given: tuple[Name, ...]) -> Name | None:
    best, score = None, 0.0
    for other in given:
        ratio = SequenceMatcher(None, text.casefold(), other.text.casefold()).ratio()
        shared = set(text.casefold().split()) & set(other.text.casefold().split())
        if _CHINESE.search(text) and (text[0] == other.text[0] or text[-1] == other.text[-1]):
            ratio = max(ratio, _ALIKE)
        if (shared or ratio >= _ALIKE - 0.15) and ratio > score:
            best, score = other, ratio
    return best


def _name_finding(name: Name, similar: Name | None) -> Finding:
    if similar is None:
        message = sentence("The brief does not have this name.")
        return Finding("name_new", name.text, message, name.start, name.end)
    message = sentence("The brief says “{brief}”.", brief=similar.text)
    return Finding("name_changed", name.text, message, name.start, name.end)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s\-·・.]", "", text).casefold()
