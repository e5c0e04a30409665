"""The recipe of an asset: everything needed to reproduce it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.protocol.requests import Request


class Parent(Struct, frozen=True):
    """An input of a result: its path, hash (hex) and, if it is in the library, its asset id."""

    path: str
    sha256: str = ""
    asset: str = ""


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything needed to reproduce an asset, stored inside the asset's own file.

    `request` holds the resolved values. `row` is the asset's index in the job, `seed` its own
    seed. `adjustments` lists changes by the memory fallback or rounding, in English. `timings`
    are seconds by stage. `stats` depend on the kind of work (tokens, tokens_per_second, …).
    `unknown` holds fields written by another version; they are written back unchanged.
    """

    version: int = 1
    app: str = ""
    request: Request
    row: int
    seed: int
    job: str = ""
    created: str = ""
    model_id: str = ""
    model_name: str = ""
    model_sha256: str = ""
    device: str = ""
    dtype: str = ""
    libraries: dict[str, str] = {}
    adjustments: tuple[str, ...] = ()
    timings: dict[str, float] = {}
    stats: dict[str, float] = {}
    parents: tuple[Parent, ...] = ()
    labels: dict[str, str] = {}
    unknown: dict[str, Any] = {}
