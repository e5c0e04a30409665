"""From an installed model that does not fit to the download of a smaller version of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from studio.jobs.get_from_catalogue import plan_variant
from studio.jobs.get_model import HubDownload, hub_client, hub_download
from studio.models.catalogue.catalogue import load_catalogue
from studio.models.catalogue.smaller import known_smaller
from studio.models.fit import main_memory
from studio.models.hub.client import HubClient
from studio.models.hub.description import HubModel
from studio.models.hub.file_choice import choose_smaller
from studio.protocol import DeviceMemory, ModelRef, problem, sentence
from studio.settings import Paths, Settings

_MOST_ASKED = 3
"""Repositories of others whose files are asked for."""


def plan_smaller(
    model: ModelRef,
    models: Sequence[ModelRef],
    paths: Paths,
    settings: Settings,
    gpu: DeviceMemory | None,
) -> HubDownload:
    """Find out what to download for a smaller version of a model. May ask the hub.

    Raises `ProblemError`, also if there is none.
    """
    catalogue = load_catalogue(paths)
    smaller = known_smaller(model, models, (), catalogue, gpu)
    if smaller is not None and (entry := catalogue.get(smaller.entry)) is not None:
        variant = next(each for each in entry.variants if each.precision == smaller.precision)
        return plan_variant(entry, variant, settings)
    memory = max(main_memory().total, gpu.total if gpu is not None else 0)
    if model.source.kind == "hub":
        client = hub_client(settings)
        described = client.model_info(model.source.place)
        choice = choose_smaller(described, model.size, memory)
        if choice is not None:
            return hub_download(described, choice)
        found = _by_others(client, described, model.size, memory)
        if found is not None:
            return found
    raise problem(
        "bad_input",
        "No smaller version of {name} is known. Look for the same model as a GGUF file, or choose "
        "another one.",
        name=model.name,
    )


def _by_others(
    client: HubClient, original: HubModel, below: int, memory: int
) -> HubDownload | None:
    """Return the download of a quantisation that others made of a repository, None if none fits.

    The most downloaded one comes first. A note says whose it is, so that the person is asked.
    """
    repository = original.repository
    marks = (f"base_model:quantized:{repository}", f"base_model:{repository}")
    made_from_it = [
        each
        for each in client.search(f"{original.name} GGUF")
        if each.repository != repository
        and (repository in each.base_models or any(mark in each.tags for mark in marks))
    ]
    for each in made_from_it[:_MOST_ASKED]:
        described = client.model_info(each.repository)
        choice = choose_smaller(described, below, memory)
        if choice is not None:
            download = hub_download(described, choice)
            note = sentence(
                "{repository} is a version of {name} that somebody else made.",
                repository=described.repository,
                name=repository,
            )
            return msgspec.structs.replace(download, notes=(note, *download.notes))
    return None
