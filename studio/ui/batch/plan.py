"""What a page of the batch dialog would enqueue."""

from __future__ import annotations

from msgspec import Struct

from studio.protocol import Request


class Plan(Struct, frozen=True):
    """Requests and the labels of each. `axes` are the labels a contact sheet is laid out by."""

    requests: tuple[Request, ...]
    labels: tuple[dict[str, str], ...]
    axes: tuple[str, ...] = ()
