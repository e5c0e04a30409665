"""From an entry of the catalogue to a download."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from studio.jobs.get_model import HubDownload, download_from_url, hub_client, hub_download
from studio.jobs.get_model import describe as describe_repository
from studio.models.catalogue.catalogue import load_catalogue
from studio.models.catalogue.choice import choose_variant, place_of
from studio.models.catalogue.entries import CatalogueEntry, Variant
from studio.models.fit import main_memory
from studio.models.hub.description import HubFile
from studio.models.hub.file_choice import FileChoice
from studio.models.hub.hub_address import RepositoryAddress
from studio.protocol import DeviceMemory, problem
from studio.settings import Paths, Settings

_DIFFERS = 0.1
"""Fraction of the size in the catalogue from which on the real one differs much."""

_QUANTISATION = re.compile(r"(IQ|Q|TQ|MXFP)\d", re.IGNORECASE)


class CatalogueChoice(Struct, frozen=True):
    """An entry of the catalogue and one of its variants. `fits` says whether it runs here."""

    entry: CatalogueEntry
    variant: Variant
    fits: bool


def find_in_catalogue(
    text: str, paths: Paths, gpu: DeviceMemory | None = None
) -> CatalogueChoice | None:
    """Return what `ID` or `ID:PRECISION` means in the catalogue, None if there is no such entry.

    Without a precision, it is the variant that runs best on this machine. Raises `ProblemError`
    if the entry has no such variant.
    """
    id, _, precision = text.strip().partition(":")
    entry = load_catalogue(paths).get(id)
    if entry is None:
        return None
    if not precision:
        choice = choose_variant(entry, main_memory(), gpu)
        return CatalogueChoice(entry, choice.variant, choice.place is not None)
    for variant in entry.variants:
        if variant.precision.casefold() == precision.casefold():
            fits = place_of(variant, main_memory(), gpu) is not None
            return CatalogueChoice(entry, variant, fits)
    raise problem(
        "bad_input",
        "{name} has no version {wanted}. Choose one of: {names}.",
        name=entry.name,
        wanted=precision,
        names=", ".join(variant.precision for variant in entry.variants),
    )


def plan_variant(entry: CatalogueEntry, variant: Variant, settings: Settings) -> HubDownload:
    """Find out what to download for a variant of an entry. Raises `ProblemError`."""
    if variant.url:
        found = download_from_url(variant.url, settings, variant.sha256)
    elif variant.files:
        found = _named_files(entry, variant, settings)
    else:
        quantisation = variant.precision if _QUANTISATION.match(variant.precision) else ""
        address = RepositoryAddress(
            hub_client(settings).endpoint,
            variant.repository,
            variant.revision,
            quantisation=quantisation,
        )
        full = variant.precision == "fp32"
        found = hub_download(*describe_repository(address, settings, full=full))
    item = msgspec.structs.replace(
        found.item, title=entry.title_of(variant), licence=found.item.licence or entry.licence
    )
    return msgspec.structs.replace(found, item=item)


def differs_much(size: int | None, variant: Variant) -> bool:
    """Return whether the real size is not about that of the catalogue."""
    return size is not None and abs(size - variant.size) > _DIFFERS * variant.size


def _named_files(entry: CatalogueEntry, variant: Variant, settings: Settings) -> HubDownload:
    model = hub_client(settings).model_info(variant.repository, variant.revision)
    there = {file.name: file for file in model.files}
    files: list[HubFile] = []
    for wanted in variant.files:
        file = there.get(wanted.path)
        if file is None or (wanted.sha256 and file.sha256 not in ("", wanted.sha256.lower())):
            raise problem(
                "bad_input",
                "{repository} no longer has the file {file} that the catalogue lists. Look for the"
                " model in the hub instead.",
                repository=variant.repository,
                file=wanted.path,
            )
        sha256 = wanted.sha256.lower() or file.sha256
        files.append(HubFile(file.name, file.size, sha256))
    is_single = len(files) == 1
    folder = files[0].name.rpartition("/")[2].rpartition(".")[0] if is_single else entry.name
    return hub_download(
        model,
        FileChoice(
            "file" if is_single else "transformers",
            tuple(files),
            folder,
            needs_consent=any(file.is_pickle for file in files),
        ),
    )
