"""Requests, recipes, commands and events as bytes, and back.

Two ways in: `request_from_fields` checks every range, since somebody is just making a request;
everything else reads what was written before, by this build or another one, and takes any value
of the right type. What it cannot take becomes an `UnknownRequest`, never an error.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from studio.kinds.registry import AnyKind, kind_of, known_kind
from studio.protocol import Command, Event, Recipe, Request, UnknownRequest


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
    """Read a request that was written before. Raises `msgspec.DecodeError` where it is no JSON."""
    raw = text if isinstance(text, str) else text.decode()
    return _read_request(msgspec.json.decode(raw), raw)


def recipe_from_json(text: str | bytes) -> Recipe:
    """Read a recipe that was written before.

    What it says beyond what this build knows is kept in `Recipe.unknown`. Raises
    `msgspec.DecodeError` where it is no JSON, and `msgspec.ValidationError` where it is no recipe
    of any build.
    """
    parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    for name in ("request", "row", "seed"):
        if name not in parts:
            raise msgspec.ValidationError(f"Object missing required field `{name}`")
    request = request_from_json(bytes(parts.pop("request")))
    if not request.task:
        raise msgspec.ValidationError("Expected `object` with a task - at `$.request`")
    values: dict[str, Any] = {"row": 0, "seed": 0}
    unknown: dict[str, Any] = {}
    for name, part in parts.items():
        decoder = _RECIPE_FIELDS.get(name)
        try:
            if decoder is None:
                unknown[name] = msgspec.json.decode(part)
            else:
                values[name] = decoder.decode(part)
        except msgspec.ValidationError:
            unknown[name] = msgspec.json.decode(part)
    return Recipe(request=request, unknown=unknown, **values)


def request_from_fields(fields: Mapping[str, Any]) -> Request:
    """Validate loose fields (a row of a table, a command line), turning text into numbers.

    `fields["task"]` picks the kind of request. Raises `msgspec.ValidationError`, whose text
    names the field.
    """
    kind = known_kind(str(fields.get("task", "")))
    if kind is None:
        raise msgspec.ValidationError(f"Invalid value {fields.get('task')!r} - at `$.task`")
    request: Request = msgspec.convert(dict(fields), kind.request, strict=False)
    return request


def check_ranges(request: Request) -> None:
    """Check what a request holds against the ranges of its fields.

    Raises `msgspec.ValidationError`, whose text names the field.
    """
    msgspec.convert(msgspec.to_builtins(request), kind_of(request).request)


def shared_settings(request: Request) -> tuple[object, ...] | None:
    """Return what requests must have in common to share a call of the model; None if none can."""
    kind = known_kind(request.task)
    if kind is None or isinstance(request, UnknownRequest) or not kind.shares_calls(request):
        return None
    shared = (name for name in kind.fields if name not in kind.own_fields)
    return (kind.task, *(getattr(request, name) for name in shared))


# ---- reading what was written before


def _read_request(fields: object, raw: str) -> Request:
    if not isinstance(fields, dict):
        return UnknownRequest(raw)
    task = fields.get("task")
    kind = known_kind(task) if isinstance(task, str) else None
    if kind is None or not fields.keys() <= {"task", *kind.request.__struct_fields__}:
        return UnknownRequest(raw)
    try:
        loose = msgspec.convert(fields, _without_ranges(kind.task))
    except msgspec.ValidationError:
        return UnknownRequest(raw)
    request: Request = kind.request(
        **{name: getattr(loose, name) for name in kind.request.__struct_fields__}
    )
    return request


@cache
def _without_ranges(task: str) -> type[Struct]:
    """Return a struct with the fields of a kind's request, of any range."""
    kind = known_kind(task)
    assert kind is not None
    return msgspec.defstruct(f"Any{kind.request.__name__}", list(_loose_fields(kind)), kw_only=True)


def _loose_fields(kind: AnyKind) -> Any:
    hints = get_type_hints(kind.request, include_extras=True)
    for info in msgspec.structs.fields(kind.request):
        loose = _without_range(hints[info.name])
        if info.default is not msgspec.NODEFAULT:
            yield info.name, loose, info.default
        elif info.default_factory is not msgspec.NODEFAULT:
            yield info.name, loose, msgspec.field(default_factory=info.default_factory)
        else:
            yield info.name, loose


def _without_range(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        return _without_range(get_args(hint)[0])
    if origin is Literal:
        return Union[tuple({type(value) for value in get_args(hint)})]  # noqa: UP007  # built
    if origin in (Union, types.UnionType):
        return Union[tuple(_without_range(part) for part in get_args(hint))]  # noqa: UP007
    return hint


# ---- the codecs

_PLAIN = msgspec.json.Encoder()


def _json_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.Raw(value.raw.encode())
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _pack_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.json.decode(value.raw)
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _request_hook(wanted: type, value: object) -> object:
    if wanted is Request:
        return _read_request(value, _PLAIN.encode(value).decode())
    raise NotImplementedError(f"{wanted} cannot be decoded.")


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
_RECIPE_FIELDS: dict[str, msgspec.json.Decoder[Any]] = {
    info.name: msgspec.json.Decoder(info.type)
    for info in msgspec.structs.fields(Recipe)
    if info.name not in ("request", "unknown")
}
