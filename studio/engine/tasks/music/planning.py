"""Turns a request into a plan that a loaded audio pipeline can carry out.

What the model does not take is ignored with a warning, and unset values get the model's defaults.
"""

from __future__ import annotations

from msgspec import Struct

from studio.engine.local.job import Job
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.kinds.music import MusicRequest
from studio.protocol import Capabilities, Sentence, sentence


class Plan(Struct, frozen=True):
    """A fully specified request."""

    prompt: str
    negative_prompt: str
    lyrics: str
    language: str
    seconds: float
    steps: int
    guidance_scale: float | None


def make_plan(request: MusicRequest, loaded: LoadedPipeline, job: Job) -> Plan:
    """Return the plan for a request. Warns about all differences from the request."""
    capabilities = loaded.capabilities
    _warn_ignored(request, capabilities, job)
    has = capabilities.controls
    seconds = request.seconds or capabilities.seconds
    if capabilities.most_seconds and seconds > capabilities.most_seconds:
        seconds = capabilities.most_seconds
        job.warn(
            "size_rounded",
            sentence(
                "This model makes sounds of at most {most} seconds. The length was changed.",
                most=f"{seconds:.1f}",
            ),
        )
    guidance = capabilities.guidance_scale
    if "guidance_scale" in has and request.guidance_scale is not None:
        guidance = request.guidance_scale
    return Plan(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt if "negative_prompt" in has else "",
        lyrics=request.lyrics if "lyrics" in has else "",
        language=request.language if "language" in has else "",
        seconds=seconds,
        steps=request.steps if request.steps and "steps" in has else capabilities.steps,
        guidance_scale=guidance,
    )


def _warn_ignored(request: MusicRequest, capabilities: Capabilities, job: Job) -> None:
    ignored: dict[str, tuple[bool, Sentence]] = {
        "lyrics": (
            bool(request.lyrics.strip()),
            sentence("This model does not sing. The lyrics were ignored."),
        ),
        "negative_prompt": (
            bool(request.negative_prompt),
            sentence("This model does not support negative prompts. Yours was ignored."),
        ),
        "steps": (
            request.steps is not None,
            sentence("This model always uses its own number of steps."),
        ),
        "guidance_scale": (
            request.guidance_scale is not None,
            sentence("This model has no guidance scale. The value was ignored."),
        ),
    }
    for control, (is_set, message) in ignored.items():
        if is_set and control not in capabilities.controls:
            job.warn("ignored_control", message)
