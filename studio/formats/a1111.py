"""Generation parameters in the text format of AUTOMATIC1111's web UI, which many programs read.

Source: `create_infotext` in AUTOMATIC1111/stable-diffusion-webui.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

PARAMETERS = "parameters"
"""PNG keyword of the generation parameters."""
POSTPROCESSING = "postprocessing"
"""PNG keyword of upscaling and other postprocessing."""

# diffusers scheduler class → sampler name in A1111 and its forks.
SAMPLERS = {
    "DDIMScheduler": "DDIM",
    "DDPMScheduler": "DDPM",
    "DEISMultistepScheduler": "DEIS",
    "DPMSolverMultistepScheduler": "DPM++ 2M",
    "DPMSolverSDEScheduler": "DPM++ SDE",
    "DPMSolverSinglestepScheduler": "DPM++ 2S a",
    "EulerAncestralDiscreteScheduler": "Euler a",
    "EulerDiscreteScheduler": "Euler",
    "FlowMatchEulerDiscreteScheduler": "Euler",
    "HeunDiscreteScheduler": "Heun",
    "KDPM2AncestralDiscreteScheduler": "DPM2 a",
    "KDPM2DiscreteScheduler": "DPM2",
    "LCMScheduler": "LCM",
    "LMSDiscreteScheduler": "LMS",
    "PNDMScheduler": "PLMS",
    "UniPCMultistepScheduler": "UniPC",
}


def parameters_text(prompt: str, negative_prompt: str, fields: Mapping[str, object]) -> str:
    """Return the `parameters` text: prompt, negative prompt if there is one, settings."""
    lines = [prompt]
    if negative_prompt:
        lines.append(f"Negative prompt: {negative_prompt}")
    lines.append(settings_line(fields))
    return "\n".join(lines)


def settings_line(fields: Mapping[str, object]) -> str:
    """Return `name: value` pairs on one line, without trailing zeros."""
    return ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())


def _quoted(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if any(separator in text for separator in ",\n:"):
        return json.dumps(text, ensure_ascii=False)
    return text
