"""The base of all requests, and `UnknownRequest`, which keeps requests of other versions.

The request types of the kinds, with their fields, are in `studio.kinds`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from studio.protocol.files import FileRef

JobStatus: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Role: TypeAlias = Literal["system", "user", "assistant"]

MAX_SEED = 2**32 - 1
"""Seeds are unsigned 32-bit integers, the range shared by numpy and A1111's metadata."""

MAX_PROMPT_LENGTH = 200_000
"""Characters."""

Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Prompt = Annotated[str, Meta(max_length=MAX_PROMPT_LENGTH)]
Name = Annotated[str, Meta(max_length=200)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]

R = TypeVar("R", bound="Request")


def seed_of_row(seed: int | None, row: int) -> int:
    """Return the seed of a row: `seed + row`, wrapping around after `MAX_SEED`."""
    return ((seed or 0) + row) % (MAX_SEED + 1)


class InputFile(Struct, frozen=True):
    """An input file of a request. `sha256` is hex, empty until the request is enqueued."""

    path: str
    sha256: str = ""

    @property
    def file(self) -> FileRef:
        """The reference that is sent to an engine."""
        return FileRef(self.sha256, self.path)


class Message(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str


class Adapter(Struct, frozen=True):
    """A small model applied to the base model, such as a LoRA, and its weight."""

    model: str
    weight: float = 1.0


class Request:
    """A frozen struct with everything that a job needs.

    `model` is an id of the registry, a path, or "" for the default. Row *i* of `count` uses
    seed `seed + i`; the seed is explicit once the request is enqueued.
    """

    __slots__ = ()

    @property
    def task(self) -> str:
        """The kind of work, as named in files and tables."""
        return str(cast(Any, type(self)).__struct_config__.tag)

    @property
    def model(self) -> str:
        """The base model."""
        raise NotImplementedError

    @property
    def seed(self) -> int | None:
        """The seed of the first row."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def with_values(self: R, **values: Any) -> R:
        """Return a copy with some fields replaced. The values are not checked."""
        return cast(R, msgspec.structs.replace(cast(Struct, self), **values))


class UnknownRequest(Request):
    """A request that another version wrote and this one cannot run. It is kept unchanged.

    Its task is unknown here, or it has unknown fields or values of another type. `raw` is the
    exact JSON text; the attributes are read from it where possible.
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
        """The prompt, "" if there is none."""
        return self._text("prompt")

    @property
    def fields(self) -> dict[str, Any]:
        """All fields as they were written."""
        return dict(self._fields)

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of what look like input files: objects with a `path`."""
        paths = (value.get("path") for value in self._fields.values() if isinstance(value, dict))
        return tuple(path for path in paths if isinstance(path, str))

    def with_values(self, **values: Any) -> UnknownRequest:
        """Return a copy with some fields replaced; unknown fields are kept."""
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
