"""Validation errors of requests as sentences for the user."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from studio.kinds.fields import Field
from studio.protocol import Sentence, sentence

# The wording of msgspec's messages, which have no other machine-readable form.
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_BOUND = re.compile(
    r"Expected `(?P<type>\w+)` (?P<length>of length )?(?P<sign>[<>]=?) (?P<bound>\S+)"
)
_TYPE = re.compile(r"Expected `(?P<type>\w+)(?: \| null)?`")


def field_of(error: msgspec.ValidationError) -> str:
    """Return the name of the invalid field, "" if the error concerns the whole request."""
    path = _PATH.search(str(error))
    return re.split(r"[.\[]", path[1])[0] if path else ""


def field_sentence(
    error: msgspec.ValidationError, fields: Mapping[str, Field], name: str | Sentence = ""
) -> Sentence:
    """Return what is wrong with one of `fields`. `name` replaces its own name in the sentence."""
    field = fields.get(field_of(error))
    name = name or field_of(error) or "?"
    message = _PATH.sub("", str(error))
    if field is not None and field.choices:
        values = ", ".join(str(choice) for choice in field.choices)
        return sentence("{name} must be one of: {values}.", name=name, values=values)
    if bound := _BOUND.match(message):
        return _out_of_range(name, bound)
    if message.startswith("Invalid enum value"):
        return sentence("{name} has an unknown value.", name=name)
    if expected := _TYPE.match(message):
        return _wrong_type(name, expected["type"])
    if message.startswith("Object missing"):
        return _wrong_type(name, "object")
    return sentence("{name} cannot be used: {reason}.", name=name, reason=message.replace("`", ""))


def _out_of_range(name: str | Sentence, match: re.Match[str]) -> Sentence:
    bound = match["bound"].removesuffix(".0")
    if match["length"] and match["type"] == "array":
        return sentence("{name} may have at most {most} entries.", name=name, most=bound)
    if match["length"] and match["sign"] == ">=":
        return sentence("{name} must not be empty.", name=name)
    if match["length"]:
        return sentence("{name} must have at most {most} characters.", name=name, most=bound)
    if match["type"] == "int":
        if match["sign"] == "<=":
            return sentence(
                "{name} must be a whole number of at most {most}.", name=name, most=bound
            )
        return sentence(
            "{name} must be a whole number of at least {least}.", name=name, least=bound
        )
    match match["sign"]:
        case "<=":
            return sentence("{name} must be a number of at most {most}.", name=name, most=bound)
        case ">":
            return sentence("{name} must be a number above {least}.", name=name, least=bound)
        case "<":
            return sentence("{name} must be a number below {most}.", name=name, most=bound)
    return sentence("{name} must be a number of at least {least}.", name=name, least=bound)


def _wrong_type(name: str | Sentence, expected: str) -> Sentence:
    match expected:
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
