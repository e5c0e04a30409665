"""The fields of a request: range, default and label, declared once in the request type.

Widgets, the command line, tables and settings read them here. Ranges are msgspec's `Meta`; what
the user sees of a field is a second `Meta`, made by `label`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from studio.protocol import Adapter, InputFile

FieldType: TypeAlias = Literal[
    "integer",
    "number",
    "boolean",
    "string",
    "strings",
    "choice",
    "file",
    "files",
    "adapters",
    "structure",
]


class Field(Struct, frozen=True, kw_only=True):
    """One field of a request type.

    Attributes:
        name: as in the struct, in tables and in recipes.
        type: `integer` (int), `number` (float), `boolean` (bool), `string` (str), `strings`
            (`tuple[str, ...]`), `choice` (one of `choices`), `file` (`InputFile`), `files`
            (`tuple[InputFile, ...]`), `adapters` (`tuple[Adapter, ...]`), `structure` (anything
            else).
        label, help: English text and translation key; empty for fields that are never shown.
        default: None if the field is `required`, or if None means "what suits the model".
        optional: whether None is a valid value.
        minimum, maximum: bounds, None for unbounded; `exclusive_minimum` excludes `minimum`.
        max_length: in characters, or of `strings` in number, None for no limit.
        step, decimals: of an input control for the field.
        unit: suffix of the value, including its space.
        flags: command-line flags, empty if the command line does not offer the field.
        requires: name of another field that must be set for this one to have an effect.
        reads_file: whether a command or a table may name a file with the text instead.
        at_file: whether a command reads the text from a file given as `@FILE`.
    """

    name: str
    type: FieldType
    label: str = ""
    help: str = ""
    required: bool = False
    default: Any = None
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    choices: tuple[Any, ...] = ()
    max_length: int | None = None
    step: float = 1
    decimals: int = 0
    unit: str = ""
    flags: tuple[str, ...] = ()
    requires: str = ""
    reads_file: bool = False
    at_file: bool = False

    def format_value(self, value: Any) -> str:
        """Return a value of this field as display text, "" for None."""
        if value is None:
            return ""
        if isinstance(value, InputFile):
            return value.path
        if isinstance(value, Adapter):
            return f"{value.model} ({value.weight:g})"
        if self.type == "strings":
            return ", ".join(map(repr, value))
        if isinstance(value, tuple):
            return ", ".join(self.format_value(part) for part in value)
        if isinstance(value, bool):
            return str(value).lower()
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{text}{self.unit}" if text else ""


def label(
    text: str,
    help: str = "",
    *,
    flags: str = "",
    unit: str = "",
    step: float = 1,
    decimals: int = 0,
    requires: str = "",
    reads_file: bool = False,
    at_file: bool = False,
) -> Meta:
    """Return the `Meta` that describes a field to the user. See `Field` for the arguments.

    `text` and `help` must be literals. `flags` are separated by spaces.
    """
    extra = {"flags": flags, "unit": unit, "step": step, "decimals": decimals}
    extra |= {"requires": requires, "reads_file": reads_file, "at_file": at_file}
    return Meta(title=text, description=help, extra=extra)


@cache
def fields_of(request: Any) -> Mapping[str, Field]:
    """Return the fields of a request type by name, in declaration order."""
    hints = get_type_hints(request, include_extras=True)
    fields: dict[str, Field] = {}
    for info in msgspec.structs.fields(request):
        annotation = _Annotation()
        annotation.read(hints[info.name])
        has_default = info.default is not msgspec.NODEFAULT
        default = info.default if has_default else None
        if info.default_factory is not msgspec.NODEFAULT:
            has_default, default = True, info.default_factory()
        fields[info.name] = Field(
            name=info.name,
            type=annotation.type,
            required=not has_default,
            default=default,
            optional=annotation.optional,
            choices=annotation.choices,
            **annotation.attributes,
        )
    return types.MappingProxyType(fields)


def bring_into_range(values: Struct, request: Any) -> None:
    """Bring stored numbers into the ranges of the fields of `request` that have their names."""
    for name, field in fields_of(request).items():
        value = getattr(values, name, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        kind = type(value)
        if field.maximum is not None and value > field.maximum:
            setattr(values, name, kind(field.maximum))
        elif field.minimum is not None and value < field.minimum:
            setattr(values, name, kind(field.minimum))


def input_fields(request: Any) -> tuple[str, ...]:
    """Return the names of the fields that hold input files."""
    fields = fields_of(request).items()
    return tuple(name for name, field in fields if field.type in ("file", "files"))


_TYPES: dict[object, FieldType] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    InputFile: "file",
    tuple[InputFile, ...]: "files",
    tuple[Adapter, ...]: "adapters",
}


def _is_text(hint: Any) -> bool:
    return hint is str or (get_origin(hint) is Annotated and get_args(hint)[0] is str)


class _Annotation:
    """A field's type annotation, read from the outside in; outer metadata takes precedence."""

    def __init__(self) -> None:
        self.type: FieldType = "structure"
        self.optional = False
        self.choices: tuple[Any, ...] = ()
        self.attributes: dict[str, Any] = {}

    def read(self, hint: Any) -> None:
        origin = get_origin(hint)
        if origin is Annotated:
            inner, *metas = get_args(hint)
            for meta in metas:
                if isinstance(meta, Meta):
                    self._add(meta)
            self.read(inner)
        elif origin in (Union, types.UnionType):
            members = [member for member in get_args(hint) if member is not type(None)]
            self.optional = len(members) < len(get_args(hint))
            if len(members) == 1:
                self.read(members[0])
        elif origin is Literal:
            self.type, self.choices = "choice", get_args(hint)
        elif origin is tuple and _is_text(get_args(hint)[0]):
            self.type = "strings"
        else:
            self.type = _TYPES.get(hint, "structure")

    def _add(self, meta: Meta) -> None:
        found: dict[str, Any] = {}
        if meta.title is not None:
            extra = meta.extra or {}
            found = {"label": meta.title, "help": meta.description or "", **extra}
            found["flags"] = tuple(str(extra["flags"]).split())
        if meta.ge is not None:
            found["minimum"] = meta.ge
        if meta.gt is not None:
            found |= {"minimum": meta.gt, "exclusive_minimum": True}
        if meta.le is not None:
            found["maximum"] = meta.le
        if meta.max_length is not None:
            found["max_length"] = meta.max_length
        self.attributes = found | self.attributes
