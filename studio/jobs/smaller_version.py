"""From an installed model that does not fit to the download of a smaller version of it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.jobs.get_from_catalogue import plan_variant
from studio.jobs.get_model import HubDownload, hub_client, hub_download
from studio.models.catalogue.catalogue import load_catalogue
from studio.models.catalogue.smaller import known_smaller
from studio.models.fit import main_memory
from studio.models.hub.file_choice import choose_smaller
from studio.protocol import DeviceMemory, ModelRef, problem
from studio.settings import Paths, Settings


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
    if model.source.kind == "hub":
        described = hub_client(settings).model_info(model.source.place)
        memory = max(main_memory().total, gpu.total if gpu is not None else 0)
        choice = choose_smaller(described, model.size, memory)
        if choice is not None:
            return hub_download(described, choice)
    raise problem(
        "bad_input",
        "No smaller version of {name} is known. Look for the same model as a GGUF file, or choose "
        "another one.",
        name=model.name,
    )
