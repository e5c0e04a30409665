"""Forms with files (`multipart/form-data`), as clients send pictures to be edited."""

from __future__ import annotations

from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP

from msgspec import Struct

from studio.protocol import Sentence, sentence
from studio.serve.errors import ApiError

_MAX_PARTS = 100
_TYPE = "multipart/form-data"


class Form(Struct, frozen=True):
    """The values and the files of a form, by name."""

    values: Mapping[str, str]
    files: Mapping[str, bytes]


def read_form(content_type: str, body: bytes) -> Form:
    """Return a form. Raises `ApiError` if it is none, or if a name comes twice.

    `name[]`, which some clients write for a list, is the same as `name`.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    try:
        message = BytesParser(policy=HTTP).parsebytes(head + body)
    except RecursionError as error:
        raise _wrong(sentence("The form has forms inside each other.")) from error
    if message.get_content_type() != _TYPE or not message.is_multipart():
        raise _wrong(sentence("The body of the request must be a form (multipart/form-data)."))
    values: dict[str, str] = {}
    files: dict[str, bytes] = {}
    parts = list(message.iter_parts())
    if len(parts) > _MAX_PARTS:
        raise _wrong(sentence("The form has more than {most} fields.", most=_MAX_PARTS))
    for part in parts:
        found = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(found, str) or not isinstance(data, bytes):
            continue
        name = found.removesuffix("[]")
        if name in values or name in files:
            raise _wrong(sentence("{name} may be given only once here.", name=name[:40]), name)
        if part.get_filename() is None:
            values[name] = data.decode("utf-8", "replace")
        else:
            files[name] = data
    return Form(values, files)


def _wrong(message: Sentence, param: str | None = None) -> ApiError:
    return ApiError(400, message, param=param)
