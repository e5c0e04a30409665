"""What a request's validator says about a field, as a sentence for a person."""

from __future__ import annotations

import re

import msgspec

from studio.protocol import Sentence, sentence

_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")
_BOUND = re.compile(r"Expected `(?P<kind>\w+)` (?P<of>of length )?(?P<sign>[<>]=?) (?P<bound>\S+)")
_KIND = re.compile(r"Expected `(?P<kind>\w+)(?: \| null)?`")


def field_of(error: msgspec.ValidationError) -> str:
    """Return the name of the field that an error is about, "" where it is about all of them."""
    where = _WHERE.search(str(error))
    return re.split(r"[.\[]", where[1])[0] if where else ""


def field_sentence(error: msgspec.ValidationError, name: str = "") -> Sentence:
    """Return what is wrong with a field, which is called `name`, else as it is in a request."""
    name = name or field_of(error) or "?"
    said = _WHERE.sub("", str(error))
    if bound := _BOUND.match(said):
        return _out_of_bounds(name, bound)
    if said.startswith("Invalid enum value"):
        if field_of(error) == "scale":
            return sentence("{name} must be 2, 3 or 4.", name=name)
        return sentence("{name} has a value that is not known.", name=name)
    if kind := _KIND.match(said):
        return _of_another_kind(name, kind["kind"], field_of(error))
    if said.startswith("Object missing"):
        return _of_another_kind(name, "object", "")
    return sentence("{name} cannot be used: {reason}.", name=name, reason=said.replace("`", ""))


def _out_of_bounds(name: str, found: re.Match[str]) -> Sentence:
    bound = found["bound"].removesuffix(".0")
    if found["of"]:
        return sentence("{name} must have at most {most} characters.", name=name, most=bound)
    if found["kind"] == "int":
        if found["sign"] == "<=":
            return sentence(
                "{name} must be a whole number of at most {most}.", name=name, most=bound
            )
        return sentence(
            "{name} must be a whole number of at least {least}.", name=name, least=bound
        )
    match found["sign"]:
        case "<=":
            return sentence("{name} must be a number of at most {most}.", name=name, most=bound)
        case ">":
            return sentence("{name} must be a number above {least}.", name=name, least=bound)
        case "<":
            return sentence("{name} must be a number below {most}.", name=name, most=bound)
    return sentence("{name} must be a number of at least {least}.", name=name, least=bound)


def _of_another_kind(name: str, kind: str, field: str) -> Sentence:
    match kind:
        case "int" if field == "scale":
            return sentence("{name} must be 2, 3 or 4.", name=name)
        case "int":
            return sentence("{name} must be a whole number.", name=name)
        case "float":
            return sentence("{name} must be a number.", name=name)
        case "bool":
            return sentence("{name} must be true or false.", name=name)
        case "str":
            return sentence("{name} must be text.", name=name)
        case "array":
            return sentence("{name} must be a list.", name=name)
    return sentence("{name} must be the path of a file.", name=name)
