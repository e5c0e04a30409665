"""What every request has in common, whatever kind of work it asks for; and one of no known kind.

The kinds themselves, with their fields, are in `studio.kinds`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from studio.protocol.files import FileRef

JobStatus: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Role: TypeAlias = Literal["system", "user", "assistant"]

MAX_SEED = 2**32 - 1
"""Seeds are unsigned 32-bit numbers: the range that A1111-family files and numpy agree on."""

MAX_PROMPT_LENGTH = 200_000
"""Characters."""

Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Prompt = Annotated[str, Meta(max_length=MAX_PROMPT_LENGTH)]
Name = Annotated[str, Meta(max_length=200)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]

Some = TypeVar("Some", bound="Request")


def seed_of_row(seed: int | None, row: int) -> int:
    """Return the seed of a row of a job: `seed + row`, starting over after the largest seed."""
    return ((seed or 0) + row) % (MAX_SEED + 1)


class InputFile(Struct, frozen=True):
    """A file a request reads. `sha256` is hex, empty until the request is enqueued."""

    path: str
    sha256: str = ""

    @property
    def file(self) -> FileRef:
        """The file as an engine is given it."""
        return FileRef(self.sha256, self.path)


class Message(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str


class Adapter(Struct, frozen=True):
    """A small model on top of the base model, such as a LoRA, and how strongly it counts."""

    model: str
    weight: float = 1.0


class Request:
    """What a person asked for, as one frozen struct that carries everything the job needs.

    `model` is an id of the registry, a path, or "" for the default. Row *i* of `count` uses
    seed `seed + i`; a request that is enqueued has an explicit seed.
    """

    __slots__ = ()

    @property
    def task(self) -> str:
        """The kind of work, as files and tables name it."""
        return str(cast(Any, type(self)).__struct_config__.tag)

    @property
    def model(self) -> str:
        """The base model that is asked for."""
        raise NotImplementedError

    @property
    def seed(self) -> int | None:
        """The seed of the first row."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def with_values(self: Some, **values: Any) -> Some:
        """Return the request with other values in some of its fields. They are not checked."""
        return cast(Some, msgspec.structs.replace(cast(Struct, self), **values))


class UnknownRequest(Request):
    """A request that another build wrote and this one cannot carry out: kept as it is.

    Its task is not known here, or it has fields or values of another type. `raw` is its JSON,
    character by character; the attributes are what can be read of it all the same.
    """

    __slots__ = ("_fields", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        try:
            fields = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            fields = {}
        self._fields: dict[str, Any] = fields if isinstance(fields, dict) else {}

    @property
    def task(self) -> str:
        return self._text("task")

    @property
    def model(self) -> str:
        return self._text("model")

    @property
    def seed(self) -> int | None:
        seed = self._fields.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def count(self) -> int:
        count = self._fields.get("count")
        return count if isinstance(count, int) and count > 0 else 1

    @property
    def prompt(self) -> str:
        """What was asked, where there is a prompt."""
        return self._text("prompt")

    @property
    def fields(self) -> dict[str, Any]:
        """What was written, by the names that its build gave it."""
        return dict(self._fields)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it seems to read, as it names them."""
        named = (value.get("path") for value in self._fields.values() if isinstance(value, dict))
        return tuple(path for path in named if isinstance(path, str))

    def with_values(self, **values: Any) -> UnknownRequest:
        """Return the request with other values; what is not known of it stays."""
        return UnknownRequest(msgspec.json.encode(self._fields | values).decode())

    def _text(self, name: str) -> str:
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownRequest) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"UnknownRequest({self.raw!r})"
