"""The models that other programs can use, and how they name them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.jobs.documents.embedder import choose_embedder
from studio.kinds.kind import Medium
from studio.kinds.registry import AnyKind, prompted_kind
from studio.models.registry import Registry
from studio.protocol import ModelRef, ProblemError, Sentence, sentence
from studio.serve.errors import ApiError, api_error

_NEAREST = 3
_SIMILAR = 0.3


def served_kinds() -> tuple[AnyKind, ...]:
    """Return the kinds of work that the server does."""
    return prompted_kind(Medium.TEXT), prompted_kind(Medium.PICTURE)


def served_models(registry: Registry) -> list[ModelRef]:
    """Return all models that can be named in a request, starter models first."""
    tasks = {kind.task for kind in served_kinds()}
    return [model for model in registry.list() if model.task in tasks and not model.is_companion]


def served_embedders(registry: Registry) -> list[ModelRef]:
    """Return the models that turn texts into vectors."""
    return [model for model in registry.list() if model.role == "embedder"]


def find_embedder(registry: Registry, name: str) -> ModelRef:
    """Return the embedder of a request, or the usual one if it names none. Raises `ApiError`."""
    models = served_embedders(registry)
    try:
        found = choose_embedder(models, name)
    except ProblemError:
        raise _unknown(name, [model.id for model in models]) from None
    if found is None:
        message = sentence(
            "There is no model for embeddings yet. `studio models starter all-minilm-l6-v2` "
            "installs one for English, `studio models catalogue` lists others."
        )
        raise ApiError(404, message, param="model", code="model_not_found")
    return found


def find_model(registry: Registry, kind: AnyKind, name: str) -> ModelRef:
    """Return the model of a request: by its id or name, or the default one if there is none.

    Never by a path: a program may use what the user has added, and no other file. Raises
    `ApiError`, with the nearest names if it is unknown.
    """
    models = served_models(registry)
    found = next((model for model in models if name and name in (model.id, model.name)), None)
    if found is None and name:
        raise _unknown(name, [model.id for model in models if model.task == kind.task])
    if found is not None and found.task != kind.task:
        message = Sentence(kind.wrong_model, {"name": found.name})
        raise ApiError(400, message, param="model", code="wrong_model")
    try:
        empty = kind.request(prompt="", model=found.id if found is not None else "")
        return registry.resolve_all(empty)[0]
    except ProblemError as error:
        raise api_error(error.problem, "model") from error


def require_model(registry: Registry, name: str) -> ModelRef:
    """Return the model with an id. Raises `ApiError` if there is none."""
    models = [*served_models(registry), *served_embedders(registry)]
    found = next((model for model in models if model.id == name), None)
    if found is None:
        raise _unknown(name, [model.id for model in models])
    return found


def describe_model(model: ModelRef) -> dict[str, Any]:
    """Return what a list of models says about one; `task` and what follows is our own."""
    try:
        created = int(Path(model.path).stat().st_mtime)
    except OSError:
        created = 0
    described = {
        "id": model.id,
        "object": "model",
        "created": created,
        "owned_by": model.source.kind,
        "task": model.task,
        "name": model.name,
    }
    return described | ({"context_length": model.context} if model.context else {})


def _unknown(name: str, ids: Sequence[str]) -> ApiError:
    shown = repr(name[:100])
    nearest = difflib.get_close_matches(name[:100], ids, _NEAREST, _SIMILAR) or ids[:_NEAREST]
    if nearest:
        message = sentence(
            "There is no model {name} here. Similar ones: {names}. `GET /v1/models` lists all.",
            name=shown,
            names=", ".join(nearest),
        )
    else:
        message = sentence("There is no model {name} here, nor any other.", name=shown)
    return ApiError(404, message, param="model", code="model_not_found")
