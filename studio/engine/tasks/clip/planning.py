"""Turns a request into a plan that a loaded video pipeline can carry out.

What the model does not take is ignored with a warning, sizes and numbers of frames are rounded, and
unset values get the model's defaults.
"""

from __future__ import annotations

from msgspec import Struct
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.clip.encode import last_frame
from studio.engine.tasks.clip.model.pipelines import Entrance, entrance_of, valid_frames
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.pictures.start_picture import fit, read_picture, size_like
from studio.kinds.clip import ClipRequest
from studio.protocol import Capabilities, InputFile, Sentence, problem, sentence


class Plan(Struct, frozen=True):
    """A fully specified request. Sizes are in pixels; the pictures have exactly that size.

    `continues` says that the first frame is the last one of another video.
    """

    entrance: Entrance
    prompt: str
    negative_prompt: str
    width: int
    height: int
    frames: int
    fps: float
    steps: int
    guidance_scale: float | None
    first: Image.Image | None
    last: Image.Image | None
    continues: bool


def make_plan(request: ClipRequest, loaded: LoadedPipeline, job: Job) -> Plan:
    """Return the plan for a request. Warns about all differences from the request.

    Raises `ProblemError` (`bad_input`) for an unreadable picture or video, and if the model needs
    a first frame and there is none.
    """
    capabilities = loaded.capabilities
    _warn_ignored(request, capabilities, job)
    takes_picture = "image" in capabilities.controls
    first = _first_frame(request, job) if takes_picture else None
    entrance = entrance_of(loaded.pipeline, picture=first is not None)
    if first is None and entrance.picture == "required":
        raise problem(
            "bad_input",
            "The model {name} begins with a picture. Choose the first frame.",
            name=loaded.layout.root.name,
        )
    takes_last = request.last_image is not None and entrance.takes_last and first is not None
    last = _picture(request.last_image, job) if takes_last and request.last_image else None
    if last is None and "needs_last_image" in capabilities.controls:
        raise problem(
            "bad_input",
            "The model {name} was made for a first and a last frame. Choose the last frame.",
            name=loaded.layout.root.name,
        )
    if request.last_image is not None and first is None and takes_picture:
        job.warn("ignored_control", sentence("A last frame has an effect only with a first frame."))
    wanted = (capabilities.width, capabilities.height)
    if first is not None and request.width is None and request.height is None:
        wanted = size_like(first, capabilities.width * capabilities.height)
    asked = (request.width or wanted[0], request.height or wanted[1])
    width, height = (_valid_side(side, capabilities) for side in asked)
    if (request.width or width, request.height or height) != (width, height):
        job.warn(
            "size_rounded",
            sentence(
                "This model supports sides from {least} to {most} pixels in steps of {multiple}."
                " The size was changed to {width} × {height}.",
                least=capabilities.min_side,
                most=capabilities.max_side,
                multiple=capabilities.multiple,
                width=width,
                height=height,
            ),
        )
    frames = valid_frames(request.frames or capabilities.frames, capabilities.frame_step)
    if request.frames and frames != request.frames:
        job.warn(
            "size_rounded",
            sentence(
                "This model makes one frame more than a multiple of {step}. The clip has {frames}"
                " frames.",
                step=capabilities.frame_step,
                frames=frames,
            ),
        )
    has = capabilities.controls
    guidance = capabilities.guidance_scale
    if "guidance_scale" in has and request.guidance_scale is not None:
        guidance = request.guidance_scale
    return Plan(
        entrance=entrance,
        prompt=request.prompt if "prompt" in has else "",
        negative_prompt=request.negative_prompt if "negative_prompt" in has else "",
        width=width,
        height=height,
        frames=frames,
        fps=request.fps or capabilities.fps,
        steps=request.steps if request.steps and "steps" in has else capabilities.steps,
        guidance_scale=guidance,
        first=fit(first, width, height) if first is not None else None,
        last=fit(last, width, height) if last is not None else None,
        continues=request.input is not None and first is not None,
    )


def _first_frame(request: ClipRequest, job: Job) -> Image.Image | None:
    if request.input is not None:
        return Image.fromarray(last_frame(job.path_of(request.input), job.check))
    return _picture(request.image, job) if request.image is not None else None


def _picture(file: InputFile, job: Job) -> Image.Image:
    job.check()
    return read_picture(job.path_of(file))


def _valid_side(side: int, capabilities: Capabilities) -> int:
    rounded = (side + capabilities.multiple // 2) // capabilities.multiple * capabilities.multiple
    return min(capabilities.max_side, max(capabilities.min_side, rounded))


def _warn_ignored(request: ClipRequest, capabilities: Capabilities, job: Job) -> None:
    ignored: dict[str, tuple[bool, Sentence]] = {
        "prompt": (
            bool(request.prompt.strip()),
            sentence("This model makes a clip of a picture alone. The prompt was ignored."),
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
        "image": (
            request.image is not None or request.input is not None,
            sentence("This model cannot begin with a picture. Yours was ignored."),
        ),
        "last_image": (
            request.last_image is not None,
            sentence("This model cannot end with a picture. Yours was ignored."),
        ),
    }
    for control, (is_set, message) in ignored.items():
        if is_set and control not in capabilities.controls:
            job.warn("ignored_control", message)
