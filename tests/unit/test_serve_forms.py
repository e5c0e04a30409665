"""The forms of the server: what is wrong with one is said, and none breaks it."""

from __future__ import annotations

import pytest

from studio.serve.errors import ApiError
from studio.serve.forms import read_form

TYPE = "multipart/form-data; boundary=B"


def field(name: str, value: bytes, more: bytes = b"") -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), more)
    return head + value + b"\r\n"


def nested(depth: int) -> bytes:
    """Return a form whose only value is a form, and so on."""
    opened = b"".join(
        b"--%b\r\nContent-Type: multipart/mixed; boundary=%b\r\n\r\n" % (outer, inner)
        for outer, inner in (
            (b"B" if not n else b"n%d" % n, b"n%d" % (n + 1)) for n in range(depth)
        )
    )
    return opened + b"--n%d\r\n\r\nx\r\n" % depth


def test_a_form_has_values_and_files() -> None:
    data = field("prompt", "狐狸".encode()) + field("image[]", b"\0\xff", b'; filename="a"')
    form = read_form(TYPE, data + b"--B--\r\n")
    assert form.values == {"prompt": "狐狸"} and form.files == {"image": b"\0\xff"}


@pytest.mark.parametrize("depth", [2, 200, 5_000])
def test_forms_inside_each_other_are_left_out_or_refused(depth: int) -> None:
    try:
        form = read_form(TYPE, field("a", b"1") + nested(depth))
    except ApiError as error:
        assert error.status == 400
    else:
        assert form.values == {"a": "1"} and not form.files


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(ApiError, match="more than"):
        read_form(TYPE, b"".join(field(f"f{n}", b"x") for n in range(2_000)) + b"--B--\r\n")
