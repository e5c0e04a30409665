"""Bodies of requests: bounded, and checked before anything else sees them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from studio.kinds.coding import request_from_fields
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.registry import AnyKind
from studio.protocol import Request as JobRequest
from studio.protocol import Sentence, sentence
from studio.serve.errors import ApiError

MAX_JSON_BYTES = 4 * 2**20
MAX_FORM_BYTES = 32 * 2**20

Body = TypeVar("Body")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body. Raises `ApiError` if it is longer than `limit`."""
    declared = request.headers.get("content-length", "")
    parts: list[bytes] = []
    size = 0
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_long(limit)
    with contextlib.suppress(ClientDisconnect):
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_long(limit)
            parts.append(part)
    return b"".join(parts)


async def read_json(request: Request, expected: type[Body]) -> Body:
    """Return the body as a value of a type. Raises `ApiError`."""
    data = await read_body(request, MAX_JSON_BYTES)
    try:
        return msgspec.json.decode(data, type=expected)
    except msgspec.ValidationError as error:
        name = field_of(error)
        message = field_sentence(error, {}) if name else _not_an_object()
        raise ApiError(400, message, param=name or None) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, sentence("The body of the request is not valid JSON.")) from error


def job_request(kind: AnyKind, fields: Mapping[str, Any], names: Mapping[str, str]) -> JobRequest:
    """Return a request of a kind. Raises `ApiError`, which names the field as the client does.

    Args:
        kind: the kind.
        fields: values by the kind's own field names.
        names: what the client calls fields that have another name.
    """
    try:
        made = request_from_fields({**fields, "task": kind.task})
    except msgspec.ValidationError as error:
        name = names.get(field_of(error), field_of(error))
        message = field_sentence(error, kind.fields, name)
        raise ApiError(400, message, param=name or None) from error
    for field, message in kind.check(made):
        raise ApiError(400, message, param=names.get(field, field))
    return made


def _too_long(limit: int) -> ApiError:
    return ApiError(
        413,
        sentence("The request is larger than {limit} MB.", limit=limit // 2**20),
        code="request_too_large",
    )


def _not_an_object() -> Sentence:
    return sentence("The body of the request must be a JSON object with the required fields.")
