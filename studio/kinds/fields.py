"""The fields of a request: their ranges, defaults and labels, said once in the request type.

Widgets, the command line, tables and settings read them here. A range is msgspec's `Meta`; what a
person sees is a second `Meta`, made by `label`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from studio.protocol import Adapter, InputFile

FieldType: TypeAlias = Literal["whole", "number", "truth", "words", "choice", "file", "structure"]


class Field(Struct, frozen=True, kw_only=True):
    """One field of a request type.

    Attributes:
        name: as in the struct, in tables and in recipes.
        type: `whole` (int), `number` (float), `truth` (bool), `words` (str), `choice` (one of
            `choices`), `file` (`InputFile`), `structure` (anything else).
        label, help: English, and the keys of their translations; empty where nobody sees them.
        default: None where it is `required`, or where None means "what suits the model".
        optional: whether None is a value.
        least, most: the ends of the range, None for open; `is_above` where `least` is left out.
        longest: characters, None for no limit.
        step, decimals: of a control for it.
        unit: stands behind the value, with its space.
        option: flags of the command line, none where it has none of its own.
        goes_with: another field, without which this one does not count.
    """

    name: str
    type: FieldType
    label: str = ""
    help: str = ""
    required: bool = False
    default: Any = None
    optional: bool = False
    least: float | None = None
    most: float | None = None
    is_above: bool = False
    choices: tuple[Any, ...] = ()
    longest: int | None = None
    step: float = 1
    decimals: int = 0
    unit: str = ""
    option: tuple[str, ...] = ()
    goes_with: str = ""

    def shown(self, value: Any) -> str:
        """Return a value of this field as people read it, "" for none."""
        if value is None:
            return ""
        if isinstance(value, InputFile):
            return value.path
        if isinstance(value, Adapter):
            return f"{value.model} ({value.weight:g})"
        if isinstance(value, tuple):
            return ", ".join(self.shown(part) for part in value)
        if isinstance(value, bool):
            return str(value).lower()
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{text}{self.unit}" if text else ""


def label(
    text: str,
    help: str = "",
    *,
    option: str = "",
    unit: str = "",
    step: float = 1,
    decimals: int = 0,
    goes_with: str = "",
) -> Meta:
    """Return what a person sees of a field. `text` and `help` must be literals.

    `option` lists the flags of the command line, separated by spaces. `goes_with` is another
    field, without which this one does not count.
    """
    extra = {"option": option, "unit": unit, "step": step, "decimals": decimals}
    extra["goes_with"] = goes_with
    return Meta(title=text, description=help, extra=extra)


@cache
def fields_of(request: Any) -> Mapping[str, Field]:
    """Return the fields of a request type by their names, in their order."""
    hints = get_type_hints(request, include_extras=True)
    made: dict[str, Field] = {}
    for info in msgspec.structs.fields(request):
        found = _Found()
        found.look(hints[info.name])
        has_default = info.default is not msgspec.NODEFAULT
        default = info.default if has_default else None
        if info.default_factory is not msgspec.NODEFAULT:
            has_default, default = True, info.default_factory()
        made[info.name] = Field(
            name=info.name,
            type=found.type,
            required=not has_default,
            default=default,
            optional=found.optional,
            choices=found.choices,
            **found.facts,
        )
    return types.MappingProxyType(made)


def input_fields(request: Any) -> tuple[str, ...]:
    """Return the names of the fields that name files to be read."""
    return tuple(name for name, field in fields_of(request).items() if field.type == "file")


_TYPES: dict[object, FieldType] = {
    bool: "truth",
    int: "whole",
    float: "number",
    str: "words",
    InputFile: "file",
}


class _Found:
    """What an annotation says, read from its outside inwards; the outermost label counts."""

    def __init__(self) -> None:
        self.type: FieldType = "structure"
        self.optional = False
        self.choices: tuple[Any, ...] = ()
        self.facts: dict[str, Any] = {}

    def look(self, hint: Any) -> None:
        origin = get_origin(hint)
        if origin is Annotated:
            inner, *metas = get_args(hint)
            for meta in metas:
                if isinstance(meta, Meta):
                    self.take(meta)
            self.look(inner)
        elif origin in (Union, types.UnionType):
            members = [member for member in get_args(hint) if member is not type(None)]
            self.optional = len(members) < len(get_args(hint))
            if len(members) == 1:
                self.look(members[0])
        elif origin is Literal:
            self.type, self.choices = "choice", get_args(hint)
        else:
            self.type = _TYPES.get(hint, "structure")

    def take(self, meta: Meta) -> None:
        found: dict[str, Any] = {}
        if meta.title is not None:
            extra = meta.extra or {}
            found |= {"label": meta.title, "help": meta.description or ""}
            found |= {"step": extra["step"], "decimals": extra["decimals"], "unit": extra["unit"]}
            found["option"] = tuple(str(extra["option"]).split())
            found["goes_with"] = extra["goes_with"]
        if meta.ge is not None:
            found["least"] = meta.ge
        if meta.gt is not None:
            found |= {"least": meta.gt, "is_above": True}
        if meta.le is not None:
            found["most"] = meta.le
        if meta.max_length is not None:
            found["longest"] = meta.max_length
        self.facts = found | self.facts
