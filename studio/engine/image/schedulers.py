"""Which schedulers suit a pipeline, a fresh one for each run, and a look at each of its steps.

A scheduler keeps state while it runs, so a run gets a new one: an aborted run leaves nothing
behind. All pipelines call `set_timesteps` once and `step` for each step, whatever callbacks
they have; both are watched on the new instance.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_FLOW = (
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
)

# Draws its noise from a process of its own, which would tie a picture to its batch.
_NEVER = frozenset({"DPMSolverSDEScheduler"})


@dataclass(frozen=True)
class Step:
    """One step as it was just taken. Tensors have the pipeline's own latent shape.

    `sample` went in, `output` is what the model said about it (after guidance), `following` is
    what came out. `number` counts from 1 to `total`.
    """

    scheduler: Any
    timestep: Any
    sample: torch.Tensor
    output: torch.Tensor
    following: torch.Tensor
    number: int
    total: int


def is_flow(scheduler: Any) -> bool:
    """Tell whether a scheduler belongs to a flow-matching model."""
    config = scheduler.config
    return (
        type(scheduler).__name__.startswith("FlowMatch")
        or bool(config.get("use_flow_sigmas"))
        or config.get("prediction_type") == "flow_prediction"
    )


def is_dynamic(scheduler: Any) -> bool:
    """Tell whether the schedule depends on the size of the picture."""
    return bool(scheduler.config.get("use_dynamic_shifting"))


def compatible(scheduler: Any) -> tuple[str, ...]:
    """Return the class names of the schedulers that can take this one's place, itself included.

    A class is left out when it cannot be set up from the present configuration, or when a
    library that it needs is not installed.
    """
    key = f"{type(scheduler).__name__} {sorted(scheduler.config.items(), key=str)}"
    if key not in _compatible:
        _compatible[key] = _find_compatible(scheduler)
    return _compatible[key]


# Trying them all takes a third of a second, and a model is described more than once.
_compatible: dict[str, tuple[str, ...]] = {}


def _find_compatible(scheduler: Any) -> tuple[str, ...]:
    import diffusers

    own = type(scheduler).__name__
    if is_flow(scheduler):
        names = {own, *_FLOW}
        if is_dynamic(scheduler):
            # It has no way to take the shift that depends on the size.
            names.discard("FlowMatchHeunDiscreteScheduler")
    else:
        names = {kind.__name__ for kind in scheduler.compatibles} | {own}
        names = {
            name
            for name in names
            if name == own or own in getattr(getattr(diffusers, name), "_compatibles", ())
        }
    return tuple(sorted(name for name in names - _NEVER if _works(scheduler, name)))


def _works(scheduler: Any, name: str) -> bool:
    if name == type(scheduler).__name__:
        return True
    try:
        made = make(scheduler, name)
        arguments = {"mu": 0.5} if is_dynamic(scheduler) else {}
        made.set_timesteps(4, **arguments)
    except Exception:
        # A missing library, a setting that excludes another one: as many reasons as classes.
        return False
    return bool(torch.isfinite(torch.as_tensor(made.timesteps, dtype=torch.float32)).all())


def make(scheduler: Any, name: str = "") -> Any:
    """Return a new scheduler with the configuration of a pipeline's own one.

    Args:
        scheduler: the pipeline's own; it is not touched.
        name: a class name out of `compatible`; empty for the same class.
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
        # The sigmas of these schedules exclude the other ways to space them.
        config.pop("time_shift_type", None)
    elif name == "PNDMScheduler":
        # Its Runge-Kutta start needs more steps than people may ask for, and gains nothing.
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
    """Watch a new scheduler's run, and mend what pipelines forget to tell it.

    Args:
        scheduler: one that `make` returned. It is changed.
        on_step: called after each step; may raise to stop the pipeline.
        generators: one for each picture, for schedulers that draw noise of their own. Pipelines
            that do not pass them on would draw it from the process's shared state.
        keep: the share of the schedule that is run, counted from its end (0 to 1); for starting
            from a picture. At least one step is.
    """
    set_timesteps = scheduler.set_timesteps
    step = scheduler.step
    accepted = inspect.signature(set_timesteps).parameters
    draws_noise = "generator" in inspect.signature(step).parameters
    taken = 0
    total = 0

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
            # Evenly spaced ones, which every schedule makes by itself.
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
        nonlocal taken, total
        if draws_noise and generators and kwargs.get("generator") is None:
            kwargs["generator"] = list(generators)
        if taken == 0:
            total = _steps_from(scheduler, timestep)
        result = step(model_output, timestep, sample, *args, **kwargs)
        taken += 1
        following = result[0]
        on_step(
            Step(scheduler, timestep, sample, model_output, following, taken, max(total, taken))
        )
        return result

    scheduler.set_timesteps = watched_set_timesteps
    scheduler.step = watched_step


def cut_schedule(scheduler: Any, keep: float) -> None:
    """Leave only the last part of a schedule, as if it were the whole of it.

    `keep` is the share of the steps that stays (0 to 1); one step stays at least. Unlike
    `timesteps` passed to a pipeline, this keeps timesteps and sigmas consistent when the
    schedule is shifted.
    """
    order = int(getattr(scheduler, "order", 1))
    steps = (len(scheduler.timesteps) + order - 1) // order
    first = order * (steps - min(steps, max(1, round(steps * keep))))
    scheduler.timesteps = scheduler.timesteps[first:]
    if getattr(scheduler, "sigmas", None) is not None and len(scheduler.sigmas) > len(
        scheduler.timesteps
    ):
        scheduler.sigmas = scheduler.sigmas[first:]


def _steps_from(scheduler: Any, timestep: Any) -> int:
    timesteps = torch.as_tensor(scheduler.timesteps)
    places = (timesteps == torch.as_tensor(timestep).to(timesteps.device)).nonzero()
    return len(timesteps) - (int(places[0]) if len(places) else 0)
