"""What is needed to make an asset again."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.protocol.requests import Request


class Parent(Struct, frozen=True):
    """An asset or file that a result was made from."""

    path: str
    sha256: str = ""
    asset: str = ""


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything needed to make an asset again. Kept inside the asset's own file.

    `request` holds resolved values for this one asset: its own seed is `seed`, its place in
    the job is `row`. `adjustments` are what the memory fallback or rounding changed, in English.
    `timings` are seconds. `stats` are numbers of the kind of work (tokens, tokens_per_second, …).
    `unknown` is what another build wrote besides, by field name; it is written back as it was.
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
