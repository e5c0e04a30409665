"""Reproduce a result from its recipe, and compare the two.

No job is run here: `reproduce_request` returns the request to enqueue, `compare` compares its
result with the first one. Both read files, so call them outside the window's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.sounds.sound_hash import sound_hash
from studio.formats.suffixes import CONVERTED_PICTURES
from studio.formats.untrusted_files import is_file
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.jobs.picture_difference import PictureDifference, compare_pictures
from studio.kinds.kind import Medium
from studio.kinds.model_defaults import with_model_defaults
from studio.kinds.registry import kind_of
from studio.kinds.requests import unsupported_reason, with_inputs
from studio.library.folder.file_placing import hash_file
from studio.library.records import Asset
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import (
    InputFile,
    Problem,
    ProblemError,
    Recipe,
    Request,
    Sentence,
    problem,
    sentence,
)

REPRODUCES_LABEL = "reproduces"
"""Label of jobs that reproduce a result. Its value is the id of the first asset."""

_EXCERPT = 30


class Comparison(Struct, frozen=True):
    """The result of comparing a reproduced result with the first one.

    Attributes:
        identical: whether the two are the same.
        sentence: the outcome for the user.
        notes: other differences, such as versions, device and weights.
        picture: the difference of two pictures.
        position: the first character, from 0, at which two texts differ.
        before: excerpt of the first text at `position`.
        after: excerpt of the second text at `position`.
    """

    identical: bool
    sentence: Sentence
    notes: tuple[Sentence, ...] = ()
    picture: PictureDifference | None = None
    position: int | None = None
    before: str = ""
    after: str = ""


def reproduce_request(
    asset: Asset,
    library: Library,
    registry: Registry,
    check: Callable[[], None] | None = None,
) -> Request:
    """Return the request that reproduces a result, to be enqueued with `REPRODUCES_LABEL`.

    The model is found by its id, else by the SHA-256 of its weights; an input file by its path,
    else as the asset that the recipe names as a parent. `check` is called every few megabytes
    while models are hashed, and may raise to cancel.

    Raises `ProblemError`: `model_missing`, `model_broken`, or `bad_input` if the file of the
    result no longer exists, or an input file is missing or has changed.
    """
    recipe = asset.recipe
    if asset.medium is not Medium.TEXT and not is_file(asset.path):
        raise problem(
            "bad_input",
            "The file {name} is no longer where it was saved, so nothing can be compared with it.",
            name=asset.path.name,
        )
    reason = unsupported_reason(recipe.request)
    if reason is not None:
        raise ProblemError(Problem("bad_input", reason))
    request = with_model_defaults(recipe.request, {}).with_values(
        model=_model(asset, library, registry, check),
        seed=recipe.seed,
        count=1,
    )
    return with_inputs(
        request, lambda source: InputFile(str(_input(source, recipe, library)), source.sha256)
    )


def _model(
    asset: Asset, library: Library, registry: Registry, check: Callable[[], None] | None
) -> str:
    """Return the id or path of the model that made an asset."""
    recipe = asset.recipe
    needs = kind_of(recipe.request).models_of(recipe.request)
    if not needs:
        return recipe.request.model
    need = needs[0]
    job = library.queue.get(asset.job)
    # A model given by its path is not in the registry; only the job has the path.
    names = [recipe.model_id, recipe.request.model, job.request.model if job else ""]
    broken: ProblemError | None = None
    for name in filter(None, dict.fromkeys(names)):
        try:
            registry.resolve(msgspec.structs.replace(need, name=name))
        except ProblemError as error:
            if error.problem.kind == "model_broken":
                broken = broken or error
            continue
        return name
    if recipe.model_sha256:
        for model in registry.list(need.task):
            if weight_hash(model, check) == recipe.model_sha256:
                return model.id
    raise broken or problem(
        "model_missing",
        "The model {name}, which made this result, is not installed any more. Add it again.",
        name=recipe.model_name or recipe.model_id or "?",
    )


def _input(source: InputFile, recipe: Recipe, library: Library) -> Path:
    """Return the current path of an input file with the same content as before."""
    path = Path(source.path)
    if _has_content(path, source.sha256):
        return path
    for parent in recipe.parents:
        if not source.sha256 and parent.path != source.path:
            continue  # Without a hash, only the path tells a picture from its mask.
        asset = library.assets.get(parent.asset) if parent.asset else None
        if asset is not None and _has_content(asset.path, source.sha256 or parent.sha256):
            return asset.path
    if is_file(path):
        raise problem(
            "bad_input",
            "The file {path}, which this result was made from, has changed since, so the result "
            "cannot be reproduced.",
            path=path,
        )
    raise problem(
        "bad_input",
        "The file {path}, which this result was made from, does not exist. It may have been "
        "moved, renamed or deleted.",
        path=path,
    )


def _has_content(path: Path, sha256: str) -> bool:
    try:
        return is_file(path) and (not sha256 or hash_file(path) == sha256)
    except (OSError, ValueError):
        return False


def compare(old: Asset, new: Asset) -> Comparison:
    """Compare a reproduced result with the first one: pixels, characters, or bytes.

    Raises `ProblemError` (bad_input) if a picture cannot be read.
    """
    if old.medium is Medium.TEXT:
        comparison = _compare_texts(old.text, new.text)
    elif old.medium is not Medium.PICTURE:
        comparison = _compare_files(old, new)
    else:
        try:
            difference = compare_pictures(old.path, new.path)
        except OSError as error:
            raise problem(
                "bad_input",
                "The pictures cannot be compared, because one of them cannot be read: {reason}.",
                reason=error.strerror or error,
            ) from error
        comparison = Comparison(difference.identical, _picture_sentence(difference))
        comparison = msgspec.structs.replace(comparison, picture=difference)
    notes = tuple(_notes(old.recipe, new.recipe))
    if not comparison.identical and old.path.suffix.lower() in CONVERTED_PICTURES:
        notes += (
            sentence(
                "The first result is a {format} file, which does not preserve pixels exactly.",
                format=old.path.suffix[1:].upper(),
            ),
        )
    if not notes and not comparison.identical:
        notes = (
            sentence(
                "Nothing recorded in the recipe has changed. The difference comes from the "
                "computation itself, for example from another number of threads."
            ),
        )
    return msgspec.structs.replace(comparison, notes=notes)


def _compare_texts(old: str, new: str) -> Comparison:
    if old == new:
        return Comparison(True, sentence("The answer is identical to the first one."))
    shorter = min(len(old), len(new))
    position = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    before, after = _excerpt(old, position), _excerpt(new, position)
    message = sentence(
        "The answer is not identical. It differs from character {position} on: first "
        "“{before}”, now “{after}”.",
        position=position + 1,
        before=before,
        after=after,
    )
    return Comparison(False, message, position=position, before=before, after=after)


def _compare_files(old: Asset, new: Asset) -> Comparison:
    if old.sha256 and old.sha256 == new.sha256:
        return Comparison(True, sentence("The file is identical to the first one, byte by byte."))
    try:
        before, after = sound_hash(old.path), sound_hash(new.path)
    except OSError:
        before = after = ""
    if before and before == after:
        return Comparison(True, sentence("The sound is identical to the first one."))
    if before and after:
        return Comparison(False, sentence("The sound is not identical to the first one."))
    return Comparison(False, sentence("The file is not identical to the first one."))


def _excerpt(text: str, position: int) -> str:
    start, end = max(0, position - _EXCERPT), position + _EXCERPT
    cut = " ".join(text[start:end].split())
    return f"{'…' if start else ''}{cut}{'…' if end < len(text) else ''}"


def _picture_sentence(found: PictureDifference) -> Sentence:
    if found.identical:
        return sentence("The picture is identical to the first one, pixel by pixel.")
    if found.old_size != found.new_size:
        return sentence(
            "The picture is not identical: it has {new} pixels, the first one {old}.",
            new="{} × {}".format(*found.new_size),
            old="{} × {}".format(*found.old_size),
        )
    if found.rmse is None or found.largest is None or found.share is None:
        return sentence(
            "The picture is not identical to the first one. It is too large to measure by how much."
        )
    if found.share == 0:
        return sentence("The picture is not identical, but no pixel differs by a full step of 255.")
    return sentence(
        "The picture is not identical: {share} % of the pixels differ, by {largest} of 255 at "
        "most, {rmse} on average (root mean square).",
        share=f"{max(100 * found.share, 0.01):.2f}",
        largest=f"{found.largest:.4g}",
        rmse=f"{found.rmse:.3g}",
    )


def _notes(old: Recipe, new: Recipe) -> Iterator[Sentence]:
    """Yield a sentence for each difference between the recipes of two results."""
    if _differ(old.model_sha256, new.model_sha256):
        yield sentence(
            "The model {name} is not the same: its weights have been changed or replaced.",
            name=old.model_name or old.model_id or new.model_name,
        )
    if _differ(old.app, new.app):
        yield sentence(
            "It was first made with {before}, now with {after}.", before=old.app, after=new.app
        )
    if _differ(*_comparable_devices(old.device, new.device)):
        yield sentence(
            "It was first computed on {before}, now on {after}.",
            before=old.device,
            after=new.device,
        )
    if _differ(old.dtype, new.dtype):
        yield sentence(
            "It was first computed in {before}, now in {after}.", before=old.dtype, after=new.dtype
        )
    yield from _versions(old.libraries, new.libraries)
    for note in old.adjustments:
        if note not in new.adjustments:
            yield sentence("Only the first time: {note}", note=note)
    for note in new.adjustments:
        if note not in old.adjustments:
            yield sentence("Only this time: {note}", note=note)
    yield from _settings(old.request, new.request)


def _differ(before: str, after: str) -> bool:
    """Return whether both values are known and differ."""
    return bool(before and after) and before != after


def _comparable_devices(before: str, after: str) -> tuple[str, str]:
    """Return two devices, without their model names if one of them has none, as in `cpu`."""
    if "(" in before and "(" in after:
        return before, after
    return before.partition(" (")[0], after.partition(" (")[0]


def _versions(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Sentence]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if before is None:
            yield sentence(
                "{name} {version} was not installed the first time.", name=name, version=after
            )
        elif after is None:
            yield sentence("{name} {version} is not installed any more.", name=name, version=before)
        else:
            yield sentence(
                "{name} was version {before}, now it is {after}.",
                name=name,
                before=before,
                after=after,
            )


def _settings(old: Request, new: Request) -> Iterator[Sentence]:
    """Yield a sentence for each setting that the model changed in only one of the runs."""
    kind = kind_of(old)
    for name in kind.fields:
        if name in ("model", "seed", "count", *kind.inputs):
            continue
        # A field that is open in a recipe is newer than the recipe.
        neutral = kind.fallbacks.get(name)
        before, after = (
            neutral if (value := getattr(request, name, None)) is None else value
            for request in (old, new)
        )
        if before != after:
            yield sentence(
                "{name} was {before}, now it is {after}.", name=name, before=before, after=after
            )
