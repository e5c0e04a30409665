"""Requests, recipes, commands and events as bytes, and back.

`request_from_fields` makes a new request and checks all ranges. The other functions read stored
data, which another version may have written: they accept any value of the right type, and turn
a request that they cannot read into an `UnknownRequest` instead of raising.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from studio.kinds.adapter_text import adapter_fields
from studio.kinds.fields import FieldType
from studio.kinds.registry import AnyKind, kind_if_known, kind_of, kinds, known_kind
from studio.kinds.string_list import string_list
from studio.protocol import Command, Event, Recipe, Request, UnknownRequest

_TEXT_FORMS: Mapping[FieldType, Callable[[object], object]] = {
    "adapters": adapter_fields,
    "strings": string_list,
}
"""How values of these types are read from text."""


def pack(message: Command | Event) -> bytes:
    """Encode a command or an event for the pipe."""
    return _packer.encode(message)


def unpack_command(data: bytes) -> Command:
    """Decode a command. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return _commands.decode(data)


def unpack_event(data: bytes) -> Event:
    """Decode an event. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return _events.decode(data)


def to_json(value: Struct | Request) -> str:
    """Encode a request, recipe or any other struct as JSON text."""
    if isinstance(value, Recipe):
        return _recipe_json(value)
    return _json.encode(value).decode()


def request_from_json(text: str | bytes) -> Request:
    """Read a stored request. Raises `msgspec.DecodeError` if the text is not JSON."""
    try:
        return _request_from_loose(_loose_request_decoder().decode(text))
    except msgspec.ValidationError:
        return UnknownRequest(text if isinstance(text, str) else text.decode())


def recipe_from_json(text: str | bytes) -> Recipe:
    """Read a stored recipe. Fields that this version does not know are kept in `Recipe.unknown`.

    Raises `msgspec.DecodeError` if the text is not JSON, and `msgspec.ValidationError` if it is
    not a recipe of any version.
    """
    try:
        known = _loose_recipe_decoder.decode(text)
    except msgspec.ValidationError:
        return _recipe_from_other_version(text)
    values = {name: getattr(known, name) for name in _RECIPE_FIELDS}
    return Recipe(request=_recipe_request(bytes(known.request)), **values)


def request_from_fields(fields: Mapping[str, Any]) -> Request:
    """Make a request from untyped fields, e.g. of a table or a command line; parse numbers.

    `fields["task"]` selects the kind. Raises `msgspec.ValidationError`, which names the field.
    """
    kind = known_kind(str(fields.get("task", "")))
    if kind is None:
        raise msgspec.ValidationError(f"Invalid value {fields.get('task')!r} - at `$.task`")
    given = {
        name: _TEXT_FORMS[kind.fields[name].type](value)
        if name in kind.fields and kind.fields[name].type in _TEXT_FORMS
        else value
        for name, value in fields.items()
    }
    request: Request = msgspec.convert(given, kind.request, strict=False)
    return request


def check_ranges(request: Request) -> None:
    """Check the values of a request against their ranges.

    Raises `msgspec.ValidationError`, which names the field.
    """
    msgspec.convert(msgspec.to_builtins(request), kind_of(request).request)


def shared_settings(request: Request) -> tuple[object, ...] | None:
    """Return what must be equal for requests to share a call of the model.

    None if the request cannot share calls.
    """
    kind = kind_if_known(request)
    if kind is None or not kind.shares_calls(request):
        return None
    shared = (name for name in kind.fields if name not in kind.unshared_fields)
    return (kind.task, *(getattr(request, name) for name in shared))


# ---- reading stored data


def _recipe_from_other_version(text: str | bytes) -> Recipe:
    parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    for name in ("request", *_REQUIRED_INTS):
        if name not in parts:
            raise msgspec.ValidationError(f"Object missing required field `{name}`")
    request = _recipe_request(bytes(parts.pop("request")))
    values: dict[str, Any] = {
        name: msgspec.json.decode(parts.pop(name), type=int) for name in _REQUIRED_INTS
    }
    unknown: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            if name in _RECIPE_FIELDS:
                values[name] = msgspec.json.decode(part, type=_RECIPE_FIELDS[name])
            else:
                unknown[name] = msgspec.json.decode(part)
        except msgspec.ValidationError:
            unknown[name] = msgspec.json.decode(part)
    return Recipe(request=request, unknown=unknown, **values)


def _recipe_request(raw: bytes) -> Request:
    """Read the request of a recipe. Raises `msgspec.ValidationError` if it has no task."""
    request = request_from_json(raw)
    if not request.task:
        raise msgspec.ValidationError("Expected `object` with a task - at `$.request`")
    return request


def _request_from_loose(loose: Struct) -> Request:
    kind = kinds()[str(loose.__struct_config__.tag)]
    request: Request = kind.request(**msgspec.structs.asdict(loose))
    return request


@cache
def _loose_requests() -> Any:
    """Return a union of structs like the requests of all kinds, but without ranges."""
    structs = tuple(_loose_struct(kind) for kind in kinds().values())
    return Union[structs]  # noqa: UP007  # a tuple, which `|` does not take


@cache
def _loose_request_decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_loose_requests())


def _loose_struct(kind: AnyKind) -> type[Struct]:
    return msgspec.defstruct(
        f"Loose{kind.request.__name__}",
        list(_loose_fields(kind)),
        kw_only=True,
        tag_field="task",
        tag=kind.task,
        forbid_unknown_fields=True,
    )


def _loose_fields(kind: AnyKind) -> Any:
    hints = get_type_hints(kind.request, include_extras=True)
    for info in msgspec.structs.fields(cast(Any, kind.request)):
        yield _field_like(info, _without_range(hints[info.name]))


def _field_like(info: msgspec.structs.FieldInfo, hint: Any) -> Any:
    """Return a field for `defstruct` with the name and default of another, and a type."""
    if info.required:
        return info.name, hint
    if info.default_factory is not msgspec.NODEFAULT:
        return info.name, hint, msgspec.field(default_factory=info.default_factory)
    return info.name, hint, info.default


def _without_range(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        return _without_range(get_args(hint)[0])
    if origin is Literal:
        return Union[tuple({type(value) for value in get_args(hint)})]  # noqa: UP007
    if origin in (Union, types.UnionType):
        return Union[tuple(_without_range(part) for part in get_args(hint))]  # noqa: UP007
    return hint


# ---- the codecs


def _json_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.Raw(value.raw.encode())
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _pack_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.json.decode(value.raw)
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _request_hook(target: type, value: object) -> object:
    if target is not Request:
        raise NotImplementedError(f"{target} cannot be decoded.")
    try:
        return _request_from_loose(msgspec.convert(value, _loose_requests()))
    except msgspec.ValidationError:
        return UnknownRequest(msgspec.json.encode(value).decode())


def _recipe_json(recipe: Recipe) -> str:
    fields = {name: getattr(recipe, name) for name in recipe.__struct_fields__}
    unknown = fields.pop("unknown")
    return _json.encode(fields | unknown).decode()


_json = msgspec.json.Encoder(enc_hook=_json_hook)
_packer = msgspec.msgpack.Encoder(enc_hook=_pack_hook)
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(
    Command, dec_hook=_request_hook
)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event, dec_hook=_request_hook)
_REQUIRED_INTS = ("row", "seed")
_RECIPE_FIELDS: dict[str, Any] = {
    info.name: info.type
    for info in msgspec.structs.fields(Recipe)
    if info.name not in ("request", "unknown")
}
_loose_recipe_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct(
        "LooseRecipe",
        [
            ("request", msgspec.Raw),
            *(
                _field_like(info, info.type)
                for info in msgspec.structs.fields(Recipe)
                if info.name in _RECIPE_FIELDS
            ),
        ],
        kw_only=True,
        forbid_unknown_fields=True,
    )
)
