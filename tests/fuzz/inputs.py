"""Inputs for the readers: whole files that are then damaged, and odd values for structured ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ON_DEMAND = "STUDIO_FUZZ_EXAMPLES"
"""Environment variable of the runner: examples of each test, new ones at each call."""

Test = TypeVar("Test", bound=Callable[..., None])

ODD_BYTES = (
    b"\xff" * 8,
    b"\x00" * 8,
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"9" * 5_000,
    b"[" * 3_000,
    b'{"a":' * 3_000,
    b"{" * 300,
    b"(" * 300,
    b"{{" + b" " * 3_000,
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\x00",
    b"\n",
    b"\r",
    b'"',
    b"<x>",
    b"../../outside",
    b"/etc/passwd",
    b"\xd6\xd0\xce\xc4",
)

ODD_TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        (
            "",
            " ",
            "狐狸 🦊",
            "a" * 5_000,
            "{{a}}",
            "{{" + " " * 2_000,
            "{a|b}",
            "../../outside",
            "/etc/passwd",
            "~nobody-at-all/x",
            "\u2028",
            "\x85",
            "\x00",
            "=cmd|' /C calc'!A0",
            "<img src=/etc/passwd>",
            "NaN",
            "1e999",
            "9" * 400,
            "-1",
        )
    ),
)
ODD_NUMBER = st.one_of(
    st.integers(-3, 10),
    st.sampled_from((2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30)),
    st.sampled_from((0.5, -0.0, 1e308, 1e-300)),
)
ODD_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), ODD_NUMBER, ODD_TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)

_place = st.integers(0, 65_535)
_change = st.tuples(
    st.sampled_from(("cut", "flip", "set", "insert", "replace", "repeat", "delete", "splice")),
    _place,
    _place,
    st.integers(0, 255),
    st.sampled_from(ODD_BYTES),
)


@st.composite
def damaged(draw: st.DrawFn, whole: Sequence[bytes]) -> bytes:
    """Return one of these files, with some bytes cut, turned, put in, repeated or exchanged."""
    data = draw(st.sampled_from(whole))
    other = draw(st.sampled_from(whole))
    for kind, first, second, number, odd in draw(st.lists(_change, max_size=4)):
        at = first * (len(data) + 1) // 65_536
        length = 1 + second % 64
        match kind:
            case "cut":
                data = data[:at]
            case "flip" if data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ (1 << number % 8)]) + data[at + 1 :]
            case "set" if data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([number]) + data[at + 1 :]
            case "insert":
                data = data[:at] + odd + data[at:]
            case "replace":
                data = data[:at] + odd + data[at + len(odd) :]
            case "repeat":
                data = data[:at] + data[at : at + length] * (1 + number) + data[at + length :]
            case "delete":
                data = data[:at] + data[at + length :]
            case "splice":
                data = data[:at] + other[second * (len(other) + 1) // 65_536 :]
    return data


def is_on_demand() -> bool:
    """Tell whether the runner asks, who has time for what is known to be slow."""
    return ON_DEMAND in os.environ


def fuzz(examples: int, **strategies: st.SearchStrategy[Any]) -> Callable[[Test], Any]:
    """Give a test so many examples: always the same, unless the runner wants new ones."""
    wanted = os.environ.get(ON_DEMAND)

    def decorate(test: Test) -> Any:
        chosen = settings(
            max_examples=max(1, int(wanted) * examples // 100) if wanted else examples,
            derandomize=not wanted,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        return chosen(given(**strategies)(test))

    return decorate
