"""One pipeline call for a batch of pictures: arguments, monitoring, clean-up."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.image.draw.inpaint import UnmaskedArea
from studio.engine.tasks.image.draw.latents import as_pixels, encode, generators, starting_latents
from studio.engine.tasks.image.draw.prompts import encoded_separately
from studio.engine.tasks.image.model import schedulers
from studio.engine.tasks.image.model.describe import guidance_parameter
from studio.engine.tasks.image.model.img2img_support import Route, call_parameters
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.schedulers import Step
from studio.engine.tasks.image.pictures.decode import safe_decoding

Pictures = npt.NDArray[np.float32]
"""(N, H, W, 3) from 0 to 1; NaN where the model's numbers overflowed."""


@dataclass(frozen=True)
class Plan:
    """A fully specified request. Sizes are in pixels.

    `start` is an RGB picture of exactly that size, `route` the way to pass it to the pipeline;
    `mask`, 8-bit grey, selects the area to draw. An empty `scheduler` is the model's own.
    """

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance_scale: float | None
    scheduler: str = ""
    start: Image.Image | None = None
    strength: float = 1.0
    route: Route | None = None
    mask: Image.Image | None = None


@dataclass(frozen=True)
class Drawn:
    """The pictures of one call, and which of them were blacked out by a safety checker."""

    pictures: Pictures
    blocked: tuple[bool, ...]


def draw(
    loaded: LoadedPipeline,
    plan: Plan,
    seeds: Sequence[int],
    prompts: Sequence[str],
    job: Job,
    on_step: Callable[[Step], None],
    on_overflow: Callable[[], None],
) -> Drawn:
    """Draw one picture for each seed in one call. Pictures do not depend on each other.

    Args:
        loaded: the pipeline; remains usable after errors.
        plan: what to draw.
        seeds: one for each picture.
        prompts: one for each picture, instead of the plan's.
        job: checked for cancellation at every layer and step.
        on_step: called after each step.
        on_overflow: called when the VAE has to run again in float32.

    Raises:
        JobCancelledError: the job was cancelled.
        CannotBatchError: the pipeline cannot take these prompts in one call.
        Exception: any error of the pipeline, e.g. when memory runs out.
    """
    pipeline = pipeline_for(loaded, plan.route)
    random_generators = generators(seeds)
    own = loaded.pipeline.scheduler
    scheduler = schedulers.make(own, plan.scheduler)
    through_latents = (
        plan.start is not None and plan.route is not None and plan.route.how == "latents"
    )
    strength = max(plan.strength, 1.0 / plan.steps) if plan.start is not None else 1.0
    arguments = call_arguments(pipeline, plan, prompts, strength)
    arguments["generator"] = random_generators
    try:
        with (
            _cancellable(loaded, job),
            safe_decoding(pipeline, on_overflow),
            encoded_separately(pipeline, prompts),
            _without_gradients(loaded),
        ):
            clean = None
            if plan.start is not None and (through_latents or plan.mask is not None):
                clean = encode(pipeline, as_pixels(plan.start)).to(pipeline._execution_device)
            first = starting_latents(
                pipeline,
                schedulers.make(own, plan.scheduler) if through_latents else None,
                random_generators,
                (plan.width, plan.height),
                steps=plan.steps,
                clean=clean if through_latents else None,
                strength=strength,
            )
            if first is not None:
                arguments["latents"] = first
            after_step = on_step
            if clean is not None and plan.mask is not None:
                after_step = _call_all(UnmaskedArea(clean, plan.mask).restore, on_step)
            schedulers.watch(
                scheduler,
                after_step,
                generators=random_generators,
                keep=strength if through_latents else 1.0,
            )
            pipeline.scheduler = scheduler
            result = pipeline(**arguments)
    except BaseException:
        reset_after_abort(pipeline)
        raise
    finally:
        pipeline.scheduler = own
    pictures = np.asarray(result.images, dtype=np.float32)
    flagged = getattr(result, "nsfw_content_detected", None) or ()
    blocked = tuple(bool(flag) for flag in flagged) or (False,) * len(pictures)
    return Drawn(pictures, blocked)


def call_arguments(
    pipeline: Any, plan: Plan, prompts: Sequence[str], strength: float
) -> dict[str, Any]:
    """Return the arguments for a pipeline's call, limited to those that it accepts."""
    call = call_parameters(type(pipeline))
    wanted: dict[str, Any] = {
        "height": plan.height,
        "width": plan.width,
        "num_inference_steps": plan.steps,
        "output_type": "np",
        # These would silently change sizes and captions to match a training set.
        "use_resolution_binning": False,
        "clean_caption": False,
    }
    # Omitted if empty: some pipelines treat a missing one specially.
    if plan.negative_prompt:
        wanted["negative_prompt"] = plan.negative_prompt
    guidance = guidance_parameter(pipeline)
    if guidance and plan.guidance_scale is not None:
        wanted[guidance] = plan.guidance_scale
    if plan.start is not None and plan.route is not None and plan.route.how != "latents":
        # One for each generator: not all pipelines repeat a single picture.
        wanted["image"] = [plan.start] * len(prompts)
        wanted["strength"] = strength
    arguments = {name: value for name, value in wanted.items() if name in call}
    if "num_images_per_prompt" in call and len(set(prompts)) == 1:
        return {**arguments, "prompt": prompts[0], "num_images_per_prompt": len(prompts)}
    return {**arguments, "prompt": list(prompts)}


def _call_all(*actions: Callable[[Step], None]) -> Callable[[Step], None]:
    def act(step: Step) -> None:
        for action in actions:
            action(step)

    return act


def pipeline_for(loaded: LoadedPipeline, route: Route | None) -> Any:
    """Return the pipeline for a route: the loaded one, or a variant with the same components."""
    if route is None or route.how != "variant":
        return loaded.pipeline
    made = loaded.variants.get(route.pipeline)
    if made is None:
        # Not `from_pipe`, which casts all components to the same precision.
        given = {**loaded.pipeline.config, **loaded.pipeline.components}
        wanted = inspect.signature(route.pipeline.__init__).parameters
        made = route.pipeline(**{name: given[name] for name in wanted if name in given})
        made.set_progress_bar_config(disable=True)
        if loaded.placement == "parts":
            made.enable_model_cpu_offload(device=torch.device(loaded.device.name))
        loaded.variants[route.pipeline] = made
    return made


@contextmanager
def _cancellable(loaded: LoadedPipeline, job: Job) -> Iterator[None]:
    """Allow cancellation between two layers, since a step may take a minute."""

    def check(*_: object) -> None:
        job.check()

    hooks = [
        layer.register_forward_pre_hook(check)
        for network in loaded.networks().values()
        for layers in network.modules()
        if isinstance(layers, torch.nn.ModuleList)
        for layer in layers
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _without_gradients(loaded: LoadedPipeline) -> AbstractContextManager[None]:
    """Return inference mode, which is 4 % faster, if no weights are moved or cast meanwhile.

    Weights that are moved or cast in inference mode cannot be changed outside of it.
    """
    fixed = loaded.placement == "whole" and loaded.dtype == torch.float32
    return torch.inference_mode() if fixed else torch.no_grad()


def reset_after_abort(pipeline: Any) -> None:
    """Clean up after an aborted call: caches between steps, layers on the GPU."""
    from diffusers.hooks import HookRegistry

    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            registry = HookRegistry.check_if_exists_or_initialize(part)
            registry.reset_stateful_hooks(recurse=True)
    pipeline.maybe_free_model_hooks()
