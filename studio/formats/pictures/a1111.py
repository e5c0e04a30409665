"""Generation parameters in the text format of AUTOMATIC1111's web UI, which many programs read.

Source: `create_infotext` in AUTOMATIC1111/stable-diffusion-webui.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

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

_NEGATIVE = "Negative prompt:"
_FIELD = re.compile(r'(\w[\w \-/]{0,60}):[ \t]{0,9}("(?:\\.|[^"\\])*+"|[^,]*+)(?:,|$)')
_MIN_FIELDS = 3
_LAST_LINES = 20
_MAX_SETTINGS = 50_000
"""Characters of the line of settings."""


class Parameters(Struct, frozen=True):
    """A `parameters` text in parts. `fields` are the settings, by name, as text."""

    prompt: str
    negative_prompt: str
    fields: Mapping[str, str]


def read_parameters(text: str) -> Parameters | None:
    """Return the parts of a `parameters` text, None if it has no line of settings."""
    lines = text.split("\n")
    for at in range(len(lines) - 1, max(-1, len(lines) - 1 - _LAST_LINES), -1):
        if "Steps: " not in lines[at][:_MAX_SETTINGS]:
            continue
        fields = dict(_fields(lines[at][:_MAX_SETTINGS]))
        if len(fields) < _MIN_FIELDS:
            continue
        starts = [n for n in range(at) if lines[n].lstrip().startswith(_NEGATIVE)]
        split = starts[0] if starts else at
        negative = "\n".join(lines[split:at]).strip().removeprefix(_NEGATIVE).strip()
        return Parameters("\n".join(lines[:split]).strip(), negative, fields)
    return None


def _fields(line: str) -> Iterator[tuple[str, str]]:
    for match in _FIELD.finditer(line):
        name, value = match[1].strip(), match[2].strip()
        if value.startswith('"'):
            import json  # not at the top: this module is read before the first paint

            with contextlib.suppress(ValueError, RecursionError):
                value = str(json.loads(value))
        yield name, value


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
        import json

        return json.dumps(text, ensure_ascii=False)
    return text
