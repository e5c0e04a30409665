"""Pictures from a prompt, also from a start picture, as base64."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.jobs.runner import AssetSaved
from studio.kinds.field_errors import field_of, field_sentence
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, prompted_kind
from studio.protocol import ModelRef, Request, Warned, sentence
from studio.serve.bodies import job_request
from studio.serve.errors import ApiError
from studio.serve.job_board import JobEnded
from studio.serve.job_feed import JobFeed, raise_if_failed

MAX_PICTURES = 64
_NAMES = {"count": "n", "width": "size", "height": "size"}
_PLAIN_TYPES = ("integer", "number", "boolean", "string", "choice")
_OWN_NAMES = frozenset({"prompt", "model", "count", "width", "height"})


class PictureBody(Struct):
    """The fields of a request that have a name or a form of their own."""

    prompt: str = ""
    model: str = ""
    n: int | None = None
    size: str | None = None
    response_format: str | None = None
    output_format: str | None = None
    background: str | None = None
    stream: bool | None = None


def picture_kind() -> AnyKind:
    """Return the kind of work that draws."""
    return prompted_kind(Medium.PICTURE)


def read_pictures(fields: Mapping[str, Any], model: ModelRef, files: Mapping[str, Path]) -> Request:
    """Check a request, from its fields and its input files. Raises `ApiError`.

    Fields named like one of the kind's own (`seed`, `steps`, …) are taken as such.
    """
    body = picture_body(fields)
    _check_supported(body)
    kind = picture_kind()
    own: dict[str, Any] = {
        name: value
        for name, field in kind.fields.items()
        if field.type in _PLAIN_TYPES
        and name not in _OWN_NAMES
        and (value := fields.get(name)) is not None
    }
    own |= {name: {"path": str(path)} for name, path in files.items() if name in kind.inputs}
    own |= {"prompt": body.prompt, "model": model.id, "count": 1 if body.n is None else body.n}
    own |= _size(body.size)
    if body.background == "transparent" and "transparent" in kind.fields:
        own["transparent"] = True
    if own["count"] > MAX_PICTURES:
        raise ApiError(
            400,
            sentence("n must be a whole number of at most {most}.", most=MAX_PICTURES),
            param="n",
        )
    return job_request(kind, own, _NAMES)


def picture_body(fields: Mapping[str, Any]) -> PictureBody:
    """Return the known fields of a request. Raises `ApiError`."""
    try:
        return msgspec.convert(fields, PictureBody, strict=False)
    except msgspec.ValidationError as error:
        raise ApiError(400, field_sentence(error, {}), param=field_of(error) or None) from error


def _check_supported(body: PictureBody) -> None:
    """Raise `ApiError` for what would give something else than the client expects."""
    wrong = ""
    if body.response_format not in (None, "b64_json"):
        wrong = "response_format"
    elif body.output_format not in (None, "png"):
        wrong = "output_format"
    elif body.stream:
        wrong = "stream"
    if wrong:
        raise ApiError(
            400,
            sentence(
                "{name} cannot be {value} here: pictures are returned whole, as PNG in `b64_json`.",
                name=wrong,
                value=repr(getattr(body, wrong))[:40],
            ),
            param=wrong,
            code="unsupported_parameter",
        )


def _size(text: str | None) -> dict[str, str]:
    if text is None or text == "auto":
        return {}
    width, cross, height = text.lower().partition("x")
    if not cross or not (width + height).isdecimal() or not (width + height).isascii():
        raise ApiError(
            400,
            sentence("size {size} is not a size. Write it like 768x512.", size=repr(text[:40])),
            param="size",
        )
    return {"width": width[:9], "height": height[:9]}


async def finished_pictures(feed: JobFeed, count: int) -> dict[str, Any]:
    """Return all pictures when they are finished. Raises `ApiError`."""
    found: dict[int, dict[str, Any]] = {}
    warnings: list[str] = []
    while True:
        report = await feed.next()
        match report:
            case AssetSaved():
                data = await asyncio.to_thread(report.asset.path.read_bytes)
                found[report.row] = {
                    "b64_json": base64.b64encode(data).decode(),
                    "seed": report.asset.recipe.seed,
                    "size": f"{report.asset.width}x{report.asset.height}",
                }
            case Warned():
                warnings.append(str(report.message))
            case JobEnded():
                raise_if_failed(report)
                break
    made: dict[str, Any] = {
        "created": int(time.time()),
        "output_format": "png",
        "data": [found[row] for row in range(count) if row in found],
    }
    return made | ({"warnings": warnings} if warnings else {})
