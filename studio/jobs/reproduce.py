"""Make a result once more from its recipe, and say whether it came out the same.

Nothing here knows Qt or torch, and nothing runs a job: `reproduce_request` gives the request to
enqueue, `compare` looks at what came of it. Both read files, so call them off the window's
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.formats.suffixes import CONVERTED_PICTURES
from studio.formats.weights_fingerprint import weight_hash
from studio.jobs.picture_difference import PictureDifference, compare_pictures
from studio.kinds.kind import Medium
from studio.kinds.registry import kind_of
from studio.kinds.requests import inputs_of, unsupported_reason
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

LABEL = "reproduces"
"""The label of a job made for this; its value is the id of the asset that is made again."""

_EXCERPT = 30


class Comparison(Struct, frozen=True):
    """Whether a result is the same as the one it repeats, and if not, how far they are apart.

    `sentence` says so to a person; `notes` say what else is not as it was (versions, device, the
    model's weights, …), one sentence each. `picture` is filled for pictures. `position` is the
    first character, from 0, at which two texts differ; `before` and `after` are the text there.
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
    """Return the request that makes this one result again. Enqueue it with the label `LABEL`.

    The model is looked for by its id, then by the SHA-256 of its weights; an input file by its
    path, then as the asset that the recipe names as its parent. `check` is called every few
    megabytes while models are hashed, and may raise to stop.

    Raises `ProblemError`: `model_missing` or `model_broken`, and `bad_input` where the result's
    own file or its input is gone or holds something else now.
    """
    recipe = asset.recipe
    if asset.medium is not Medium.TEXT and not asset.path.is_file():
        raise problem(
            "bad_input",
            "The file {name} is no longer where it was saved, so nothing can be compared with it.",
            name=asset.path.name,
        )
    trouble = unsupported_reason(recipe.request)
    if trouble is not None:
        raise ProblemError(Problem("bad_input", trouble))
    request = recipe.request.with_values(
        model=_model(asset, library, registry, check),
        seed=recipe.seed,
        count=1,
    )
    found = {
        name: InputFile(str(_input(source, recipe, library)), source.sha256)
        for name, source in inputs_of(request).items()
    }
    return request.with_values(**found)


def _model(
    asset: Asset, library: Library, registry: Registry, check: Callable[[], None] | None
) -> str:
    """Return the id, or the path, of the model that made an asset."""
    recipe = asset.recipe
    needs = kind_of(recipe.request).models_of(recipe.request)
    if not needs:
        return recipe.request.model
    need = needs[0]
    job = library.queue.get(asset.job)
    # A model that was named by its path is in no list; only the job still knows the path.
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
        "The model {name}, which made this result, is no longer here. Add it again.",
        name=recipe.model_name or recipe.model_id or "?",
    )


def _input(source: InputFile, recipe: Recipe, library: Library) -> Path:
    """Return where the input file lies now, with the content it had."""
    path = Path(source.path)
    if _holds(path, source.sha256):
        return path
    for parent in recipe.parents:
        if not source.sha256 and parent.path != source.path:
            continue  # A picture and its mask: nothing else tells which is which.
        asset = library.assets.get(parent.asset) if parent.asset else None
        if asset is not None and _holds(asset.path, source.sha256 or parent.sha256):
            return asset.path
    if path.is_file():
        raise problem(
            "bad_input",
            "The file {path}, which this result was made from, has been changed since, so the "
            "result cannot be made again.",
            path=path,
        )
    raise problem(
        "bad_input",
        "The file {path}, which this result was made from, is not there. It may have been "
        "moved, renamed or deleted.",
        path=path,
    )


def _holds(path: Path, sha256: str) -> bool:
    try:
        return path.is_file() and (not sha256 or hash_file(path) == sha256)
    except OSError:
        return False


def compare(old: Asset, new: Asset) -> Comparison:
    """Compare a result with the one it repeats: the pixels of pictures, the words of
    texts, the bytes of other files.

    Raises `ProblemError` (bad_input) where a picture cannot be read.
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
                "The first result is a {format} file, which does not keep pixels exactly.",
                format=old.path.suffix[1:].upper(),
            ),
        )
    if not notes and not comparison.identical:
        notes = (
            sentence(
                "Nothing that a recipe notes has changed. The difference comes from the "
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
    said = sentence(
        "The answer is not identical. It differs from character {position} on: first "
        "“{before}”, now “{after}”.",
        position=position + 1,
        before=before,
        after=after,
    )
    return Comparison(False, said, position=position, before=before, after=after)


def _compare_files(old: Asset, new: Asset) -> Comparison:
    if old.sha256 and old.sha256 == new.sha256:
        return Comparison(True, sentence("The file is identical to the first one, byte by byte."))
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
        return sentence(
            "The picture is not identical, but no pixel differs by a whole step of 255."
        )
    return sentence(
        "The picture is not identical: {share} % of the pixels differ, by {largest} of 255 at "
        "most, {rmse} on average (root mean square).",
        share=f"{max(100 * found.share, 0.01):.2f}",
        largest=f"{found.largest:.4g}",
        rmse=f"{found.rmse:.3g}",
    )


def _notes(old: Recipe, new: Recipe) -> Iterator[Sentence]:
    """Say what differs between how two results were made."""
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
    """Tell whether both are known and not the same."""
    return bool(before and after) and before != after


def _comparable_devices(before: str, after: str) -> tuple[str, str]:
    """Return two devices without their model names where one of them has none, as in `cpu`."""
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
                "{name} {version} was not there the first time.", name=name, version=after
            )
        elif after is None:
            yield sentence("{name} {version} is no longer there.", name=name, version=before)
        else:
            yield sentence(
                "{name} was version {before}, now it is {after}.",
                name=name,
                before=before,
                after=after,
            )


def _settings(old: Request, new: Request) -> Iterator[Sentence]:
    """Say which settings a model took otherwise, although the same was asked for."""
    kind = kind_of(old)
    for name in kind.fields:
        if name in ("model", "seed", "count", *kind.inputs):
            continue
        before, after = getattr(old, name), getattr(new, name, None)
        if before != after:
            yield sentence(
                "{name} was {before}, now it is {after}.", name=name, before=before, after=after
            )
