"""Requests, recipes, commands and events as bytes, and back.

Two ways in: `request_from_fields` checks every range, since somebody is just making a request;
everything else reads what was written before, by this build or another one, and takes any value
of the right type. What it cannot take becomes an `UnknownRequest`, never an error.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from studio.kinds.registry import AnyKind, kind_of, kinds, known_kind
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
    try:
        return _request_of(_any_request_decoder().decode(text))
    except msgspec.ValidationError:
        return UnknownRequest(text if isinstance(text, str) else text.decode())


def recipe_from_json(text: str | bytes) -> Recipe:
    """Read a recipe that was written before.

    What it says beyond what this build knows is kept in `Recipe.unknown`. Raises
    `msgspec.DecodeError` where it is no JSON, and `msgspec.ValidationError` where it is no recipe
    of any build.
    """
    try:
        known = _any_recipe_decoder.decode(text)
    except msgspec.ValidationError:
        return _recipe_of_another_build(text)
    values = {name: getattr(known, name) for name in _RECIPE_FIELDS}
    return Recipe(request=_stated_request(bytes(known.request)), **values)


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


def _recipe_of_another_build(text: str | bytes) -> Recipe:
    parts = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    for name in ("request", *_PLACE):
        if name not in parts:
            raise msgspec.ValidationError(f"Object missing required field `{name}`")
    request = _stated_request(bytes(parts.pop("request")))
    # Without its place in a job, nothing can be said of a result.
    values: dict[str, Any] = {
        name: msgspec.json.decode(parts.pop(name), type=int) for name in _PLACE
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


def _stated_request(raw: bytes) -> Request:
    """Read the request of a recipe. Raises `msgspec.ValidationError` where it is none at all."""
    request = request_from_json(raw)
    if not request.task:
        raise msgspec.ValidationError("Expected `object` with a task - at `$.request`")
    return request


def _request_of(loose: Struct) -> Request:
    kind = kinds()[str(loose.__struct_config__.tag)]
    request: Request = kind.request(**msgspec.structs.asdict(loose))
    return request


@cache
def _any_request() -> Any:
    """Return a union of structs with the fields of each kind's request, of any range."""
    return Union[tuple(_without_ranges(kind) for kind in kinds().values())]  # noqa: UP007  # built


@cache
def _any_request_decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_any_request())


def _without_ranges(kind: AnyKind) -> type[Struct]:
    return msgspec.defstruct(
        f"Any{kind.request.__name__}",
        list(_loose_fields(kind)),
        kw_only=True,
        tag_field="task",
        tag=kind.task,
        forbid_unknown_fields=True,
    )


def _loose_fields(kind: AnyKind) -> Any:
    hints = get_type_hints(kind.request, include_extras=True)
    for info in msgspec.structs.fields(cast(Any, kind.request)):
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


def _json_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.Raw(value.raw.encode())
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _pack_hook(value: object) -> object:
    if isinstance(value, UnknownRequest):
        return msgspec.json.decode(value.raw)
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded.")


def _request_hook(wanted: type, value: object) -> object:
    if wanted is not Request:
        raise NotImplementedError(f"{wanted} cannot be decoded.")
    try:
        return _request_of(msgspec.convert(value, _any_request()))
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
_PLACE = ("row", "seed")
_RECIPE_FIELDS: dict[str, Any] = {
    info.name: info.type
    for info in msgspec.structs.fields(Recipe)
    if info.name not in ("request", "unknown")
}
_any_recipe_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct(
        "AnyRecipe",
        [
            ("request", msgspec.Raw),
            *(
                (info.name, info.type)
                if info.required
                else (info.name, info.type, msgspec.field(default_factory=info.default_factory))
                if info.default_factory is not msgspec.NODEFAULT
                else (info.name, info.type, info.default)
                for info in msgspec.structs.fields(Recipe)
                if info.name in _RECIPE_FIELDS
            ),
        ],
        kw_only=True,
        forbid_unknown_fields=True,
    )
)
