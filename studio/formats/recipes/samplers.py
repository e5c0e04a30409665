"""Names of samplers in other programs, and the diffusers scheduler class for each.

The names are those of A1111 ("DPM++ 2M"), k-diffusion ("k_dpm_2_a", "sample_dpmpp_2m"), ComfyUI
("dpmpp_2m_sde_gpu") and InvokeAI ("dpmpp_2m_k"). Source: "Schedulers" in the documentation of
diffusers, https://huggingface.co/docs/diffusers/api/schedulers/overview.
"""

from __future__ import annotations

import re

from msgspec import Struct

_DROPPED_PREFIX = re.compile("(sample|k) ")
_SCHEDULE = re.compile(
    " (karras|exponential|polyexponential|sgm uniform|uniform|simple|normal|beta|turbo|automatic)$"
)
_DEFAULT_SCHEDULES = frozenset({"", "normal", "simple", "uniform", "automatic", "native", "none"})

_EXACT = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "deis": "DEISMultistepScheduler",
    "dpm2": "KDPM2DiscreteScheduler",
    "dpm2a": "KDPM2AncestralDiscreteScheduler",
    "dpmpp2m": "DPMSolverMultistepScheduler",
    "dpmpp2s": "DPMSolverSinglestepScheduler",
    "dpmppsde": "DPMSolverSDEScheduler",
    "euler": "EulerDiscreteScheduler",
    "eulera": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "ipndm": "IPNDMScheduler",
    "lcm": "LCMScheduler",
    "lms": "LMSDiscreteScheduler",
    "plms": "PNDMScheduler",
    "pndm": "PNDMScheduler",
    "tcd": "TCDScheduler",
    "unipc": "UniPCMultistepScheduler",
    "unipcbh2": "UniPCMultistepScheduler",
}
# The class has another order or variant by default.
_CLOSE = {
    "ddimv3": "DDIMScheduler",
    "dpmpp2msde": "DPMSolverMultistepScheduler",
    "dpmpp2msdeheun": "DPMSolverMultistepScheduler",
    "dpmpp2sa": "DPMSolverSinglestepScheduler",
    "dpmpp3m": "DPMSolverMultistepScheduler",
    "dpmpp3msde": "DPMSolverMultistepScheduler",
    "eulercfgpp": "EulerDiscreteScheduler",
    "euleracfgpp": "EulerAncestralDiscreteScheduler",
    "heunpp2": "HeunDiscreteScheduler",
    "ipndmv": "IPNDMScheduler",
}


class SamplerName(Struct, frozen=True):
    """What the name of a sampler means.

    `scheduler` is a class of diffusers, "" if there is none. `is_exact` is False if it is only
    similar. `schedule` is the noise schedule if it is part of the name, e.g. "karras".
    """

    scheduler: str
    is_exact: bool
    schedule: str


def sampler_named(name: str) -> SamplerName:
    """Return the meaning of a sampler's name in any of the programs."""
    words = " ".join(name[:100].lower().replace("++", "pp").replace("_", " ").split())
    schedule = ""
    if match := _SCHEDULE.search(words):
        schedule, words = match[1], words[: match.start()]
    elif words.endswith(" k"):
        schedule, words = "karras", words.removesuffix(" k")
    words = _DROPPED_PREFIX.sub("", words, count=1) if _DROPPED_PREFIX.match(words) else words
    words = words.removesuffix(" gpu").replace("ancestral", "a").replace("kdpm", "dpm")
    key = re.sub("[ -]", "", words)
    scheduler = _EXACT.get(key) or _CLOSE.get(key, "")
    return SamplerName(scheduler, key in _EXACT, schedule if is_special(schedule) else "")


def is_special(schedule: str) -> bool:
    """Return whether a noise schedule is another than the sampler's usual one."""
    return schedule.lower() not in _DEFAULT_SCHEDULES
