"""The recipe of an asset: everything needed to reproduce it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.protocol.models import ModelRole
from studio.protocol.requests import Request


class Parent(Struct, frozen=True):
    """An input of a result: its path, hash (hex) and, if it is in the library, its asset id."""

    path: str
    sha256: str = ""
    asset: str = ""


class UsedModel(Struct, frozen=True):
    """A model that was used beside the base model. `sha256` is the hash of its weights, hex."""

    id: str
    name: str
    role: ModelRole
    sha256: str = ""


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything needed to reproduce an asset, stored inside the asset's own file.

    `request` holds the resolved values. `row` is the asset's index in the job, `seed` its own
    seed. `adjustments` lists changes by the memory fallback or rounding, in English. `timings`
    are seconds by stage. `stats` depend on the kind of work (tokens, tokens_per_second, …).
    `extra_models` are the LoRAs and others beside the base model.
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
    extra_models: tuple[UsedModel, ...] = ()
    device: str = ""
    dtype: str = ""
    libraries: dict[str, str] = {}
    adjustments: tuple[str, ...] = ()
    timings: dict[str, float] = {}
    stats: dict[str, float] = {}
    parents: tuple[Parent, ...] = ()
    labels: dict[str, str] = {}
    unknown: dict[str, Any] = {}
