"""Schedulers: compatible classes, new instances for each run, and a hook for each step.

A scheduler has state while it runs, so each run gets a new one and an aborted run has no after-
effects. All pipelines call `set_timesteps` once and `step` for each step, whether or not they
support callbacks; both methods are wrapped on the new instance.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_FLOW_SCHEDULERS = (
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
)

# Its noise comes from a shared Brownian tree, so a picture would depend on its batch.
_EXCLUDED = frozenset({"DPMSolverSDEScheduler"})


@dataclass(frozen=True)
class Step:
    """A completed step. Tensors have the shape of the pipeline's latents.

    `sample` is the input, `output` the model's prediction (after guidance), `following` the
    result. `number` counts from 1 to `total`; `place` is the index in the whole schedule, from
    0, even if only a part of the schedule is run.
    """

    scheduler: Any
    timestep: Any
    sample: torch.Tensor
    output: torch.Tensor
    following: torch.Tensor
    number: int
    total: int
    place: int = 0


def is_flow(scheduler: Any) -> bool:
    """Return whether a scheduler belongs to a flow-matching model."""
    config = scheduler.config
    return (
        type(scheduler).__name__.startswith("FlowMatch")
        or bool(config.get("use_flow_sigmas"))
        or config.get("prediction_type") == "flow_prediction"
    )


def is_dynamic(scheduler: Any) -> bool:
    """Return whether the schedule depends on the size of the picture."""
    return bool(scheduler.config.get("use_dynamic_shifting"))


def compatible(scheduler: Any) -> tuple[str, ...]:
    """Return the class names of schedulers that can replace this one, including its own.

    Omits classes that cannot be created from this configuration, or that need a library that is
    not installed.
    """
    key = f"{type(scheduler).__name__} {sorted(scheduler.config.items(), key=str)}"
    if key not in _compatible:
        _compatible[key] = _find_compatible(scheduler)
    return _compatible[key]


# Testing all classes takes a third of a second, and a model is described more than once.
_compatible: dict[str, tuple[str, ...]] = {}


def _find_compatible(scheduler: Any) -> tuple[str, ...]:
    import diffusers

    own = type(scheduler).__name__
    if is_flow(scheduler):
        names = {own, *_FLOW_SCHEDULERS}
        if is_dynamic(scheduler):
            # It does not support a shift that depends on the size.
            names.discard("FlowMatchHeunDiscreteScheduler")
    else:
        names = {kind.__name__ for kind in scheduler.compatibles} | {own}
        names = {
            name
            for name in names
            if name == own or own in getattr(getattr(diffusers, name), "_compatibles", ())
        }
    return tuple(sorted(name for name in names - _EXCLUDED if _works(scheduler, name)))


def _works(scheduler: Any, name: str) -> bool:
    if name == type(scheduler).__name__:
        return True
    try:
        made = make(scheduler, name)
        arguments = {"mu": 0.5} if is_dynamic(scheduler) else {}
        made.set_timesteps(4, **arguments)
    except Exception:
        # Missing libraries, conflicting settings: the errors differ from class to class.
        return False
    return bool(torch.isfinite(torch.as_tensor(made.timesteps, dtype=torch.float32)).all())


def make(scheduler: Any, name: str = "") -> Any:
    """Return a new scheduler with the configuration of a pipeline's scheduler.

    Args:
        scheduler: the pipeline's scheduler; not changed.
        name: a class name from `compatible`; empty for the same class.
    """
    import diffusers

    kind = type(scheduler)
    if not name or name == kind.__name__:
        return kind.from_config(scheduler.config)
    kind = getattr(diffusers, name)
    config = dict(scheduler.config)
    if is_flow(scheduler):
        shift = config.get("flow_shift") or config.get("shift") or 1.0
        config |= {"shift": shift, "flow_shift": shift}
        if not name.startswith("FlowMatch"):
            config |= {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
        # Flow sigmas exclude the other spacing options.
        config.pop("time_shift_type", None)
    elif name == "PNDMScheduler":
        # Its Runge-Kutta warm-up may need more steps than requested, and gains nothing.
        config["skip_prk_steps"] = True
    expected = inspect.signature(kind.__init__).parameters
    return kind.from_config({key: value for key, value in config.items() if key in expected})


def watch(
    scheduler: Any,
    on_step: Callable[[Step], None],
    *,
    generators: Sequence[torch.Generator] = (),
    keep: float = 1.0,
) -> None:
    """Hook into a new scheduler's steps, and supply arguments that some pipelines omit.

    Args:
        scheduler: a scheduler from `make`; changed in place.
        on_step: called after each step; may raise to stop the pipeline.
        generators: one for each picture, for schedulers that add noise. Without them, pipelines
            that do not pass generators would use the global random state.
        keep: the fraction of the schedule to run, from its end (0 to 1), at least one step; for
            starting from a picture.
    """
    set_timesteps = scheduler.set_timesteps
    step = scheduler.step
    accepted = inspect.signature(set_timesteps).parameters
    draws_noise = "generator" in inspect.signature(step).parameters
    taken = 0
    total = 0
    place = -1

    def watched_set_timesteps(
        num_inference_steps: int | None = None,
        device: Any = None,
        timesteps: Any = None,
        sigmas: Any = None,
        mu: float | None = None,
        **more: Any,
    ) -> None:
        arguments = {name: value for name, value in more.items() if name in accepted}
        arguments["device"] = device
        if timesteps is not None:
            arguments["timesteps"] = timesteps
        elif sigmas is not None and "sigmas" in accepted:
            arguments["sigmas"] = sigmas
        elif sigmas is not None:
            # Evenly spaced sigmas, which every scheduler can compute itself.
            num_inference_steps = len(sigmas)
        if num_inference_steps is not None:
            arguments["num_inference_steps"] = num_inference_steps
        if mu is not None and "mu" in accepted and is_dynamic(scheduler):
            arguments["mu"] = mu
        set_timesteps(**arguments)
        if keep < 1.0:
            cut_schedule(scheduler, keep)

    @functools.wraps(step)
    def watched_step(
        model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        nonlocal taken, total, place
        if draws_noise and generators and kwargs.get("generator") is None:
            kwargs["generator"] = list(generators)
        if taken == 0:
            total = _steps_from(scheduler, timestep)
        result = step(model_output, timestep, sample, *args, **kwargs)
        taken += 1
        place = _place_of(scheduler, timestep, place)
        on_step(
            Step(
                scheduler=scheduler,
                timestep=timestep,
                sample=sample,
                output=model_output,
                following=result[0],
                number=taken,
                total=max(total, taken),
                place=place,
            )
        )
        return result

    scheduler.set_timesteps = watched_set_timesteps
    scheduler.step = watched_step
    if not hasattr(scheduler, "scale_noise") and is_flow(scheduler):
        # Pipelines of flow-matching models call `add_noise` by this name.
        scheduler.scale_noise = lambda sample, timestep, noise: scheduler.add_noise(
            sample, noise, timestep
        )


def cut_schedule(scheduler: Any, keep: float) -> None:
    """Cut a schedule to its last part.

    `keep` is the fraction of the steps to keep (0 to 1), at least one. Unlike `timesteps` passed
    to a pipeline, this keeps timesteps and sigmas consistent if the schedule is shifted.
    """
    order = int(getattr(scheduler, "order", 1))
    steps = (len(scheduler.timesteps) + order - 1) // order
    first = order * (steps - min(steps, max(1, round(steps * keep))))
    scheduler.timesteps = scheduler.timesteps[first:]
    for name in ("sigmas", "sigmas_interpol", "sigmas_up", "sigmas_down"):
        levels = getattr(scheduler, name, None)
        if levels is not None and len(levels) > len(scheduler.timesteps):
            setattr(scheduler, name, levels[first:])


def has_noise_levels(scheduler: Any) -> bool:
    """Return whether `noise_level_before` and `noise_level_after` support a scheduler."""
    return is_flow(scheduler) or getattr(scheduler, "alphas_cumprod", None) is not None


def noise_level_before(step: Step) -> tuple[float, float]:
    """Return the factors (signal, noise) of the input of the first step of a run.

    The sample is signal × clean result + noise × standard normal.
    """
    return _level(step.scheduler, step.place)


def noise_level_after(step: Step) -> tuple[float, float]:
    """Return the factors (signal, noise) of the output of any step."""
    scheduler, place = step.scheduler, step.place + 1
    if place >= len(scheduler.timesteps):
        return 1.0, 0.0
    if is_unscaled(scheduler):
        # Derived from the scheduler's scaling: halfway through a second-order step, the level
        # of some schedulers is not in their `sigmas`.
        one = torch.ones(1, device=step.following.device)
        shrunk = float(scheduler.scale_model_input(one, scheduler.timesteps[place]))
        return 1.0, max(0.0, shrunk**-2 - 1.0) ** 0.5
    return _level(scheduler, place)


def _level(scheduler: Any, place: int) -> tuple[float, float]:
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is None or getattr(scheduler, "step_index", None) is None:
        last = len(scheduler.alphas_cumprod) - 1
        product = float(scheduler.alphas_cumprod[min(int(scheduler.timesteps[place]), last)])
        return product**0.5, (1.0 - product) ** 0.5
    sigma = float(sigmas[place])
    if is_flow(scheduler):
        return 1.0 - sigma, sigma
    if is_unscaled(scheduler):
        return 1.0, sigma
    signal = 1.0 / (sigma**2 + 1.0) ** 0.5
    return signal, sigma * signal


def is_unscaled(scheduler: Any) -> bool:
    """Return whether a sample is clean result + sigma × noise, without scaling the former."""
    if is_flow(scheduler) or getattr(scheduler, "sigmas", None) is None:
        return False
    return float(getattr(scheduler, "init_noise_sigma", 1.0)) != 1.0


def _place_of(scheduler: Any, timestep: Any, before: int) -> int:
    """Return the index of the step that was just taken, after one at index `before`.

    Schedules may contain a timestep twice.
    """
    index = getattr(scheduler, "step_index", None)
    if index is not None:
        return int(index) - 1
    return next((place for place in _places(scheduler, timestep) if place > before), before + 1)


def _steps_from(scheduler: Any, timestep: Any) -> int:
    return len(scheduler.timesteps) - next(iter(_places(scheduler, timestep)), 0)


def _places(scheduler: Any, timestep: Any) -> list[int]:
    timesteps = torch.as_tensor(scheduler.timesteps)
    found = (timesteps == torch.as_tensor(timestep).to(timesteps.device)).nonzero()
    return [int(place) for place in found]
