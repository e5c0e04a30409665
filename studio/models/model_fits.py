"""Whether each model of a listing fits, with what is loaded along with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio.models.companions import companions_of
from studio.models.fit import Fit, fit
from studio.protocol import DeviceMemory, ModelRef, ProblemError


def fits_of(
    models: Sequence[ModelRef], memory: DeviceMemory, needs: Mapping[str, int] | None = None
) -> dict[str, Fit]:
    """Return the fit of each model by its id. Reads headers.

    Args:
        models: all that are installed: a denoiser is completed with others among them.
        memory: of the device that they run on.
        needs: bytes that models have needed on it at least, by id.
    """
    needs = needs or {}
    return {
        model.id: fit(
            model,
            memory,
            companions=parts_among(model, models),
            measured=needs.get(model.id, 0),
        )
        for model in models
    }


def parts_among(model: ModelRef, models: Sequence[ModelRef]) -> tuple[ModelRef, ...]:
    """Return the models that complete a denoiser; none for others, or if one is missing."""
    if model.role != "denoiser" or model.is_companion:
        return ()
    try:
        return companions_of(model, models)
    except ProblemError:
        return ()
