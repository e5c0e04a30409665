"""Registers kinds of the tests for the length of one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from studio.kinds import coding
from studio.kinds.registry import VARIABLE, kinds


@contextmanager
def registered(module: str) -> Iterator[None]:
    """Have a module's `KIND` among the kinds, here and in child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, module)
        _clear_caches()
        yield
    _clear_caches()


def _clear_caches() -> None:
    # In an app the kinds never change after the start.
    for known in (kinds, coding._loose_requests, coding._loose_request_decoder):
        known.cache_clear()
