"""Detects prompts that mean nothing to a model, before drawing, with the help of its facts.

A model with a small domain encodes all prompts outside of it alike. `studio.json` lists examples
of such prompts; a prompt whose states (text encoder outputs) are close to theirs gives the
denoiser as little information.

Some prompts are mixtures: several concepts weakly activated, which would be drawn over each
other. Their states are far from the examples, but the strength of the style reveals them. The
states of one example in several styles define an axis for each style. States are normalised, so
the style is stronger than in a clear prompt if the subject is too weak, and weaker if there are
several subjects.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from studio.engine.local.job import Job
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.engine.tasks.image.model.prompt_encoding import Encode, wrapped_encode_prompt
from studio.protocol import Sentence, sentence

_SAME_MEANING = 0.07
"""Maximum distance of two prompts' states, relative to their norm, to count as equal.

In the starter model, the known subject closest to an unknown prompt is at 0.099.
"""

_CLEAR_STYLE_RANGE = (0.7, 1.4)
"""Range of the style strength of clear prompts, relative to the first unknown prompt.

The labels of the starter model, English in all styles and Chinese, are at 0.72 to 1.31.
"""
_MIN_STYLES = 3
"""Minimum number of prompts that differ only in style, for estimating the style axes."""


@contextmanager
def prompt_warnings(
    loaded: LoadedPipeline, pipeline: Any, pending: dict[str, list[Job]]
) -> Iterator[None]:
    """While open, check prompts as the pipeline encodes them, and warn the jobs of unknown ones.

    Needs no extra pass through the text encoder, except for the example prompts of `studio.json`
    the first time.

    Args:
        loaded: the model.
        pipeline: the pipeline of the model that draws.
        pending: prompt → the jobs to warn. Checked prompts are removed.
    """
    if not (pending and loaded.layout.facts.unknown_prompts and hasattr(pipeline, "encode_prompt")):
        yield
        return
    signature = inspect.signature(type(pipeline).encode_prompt)

    def wrap(encode: Encode) -> Encode:
        def encode_and_check(*args: Any, **kwargs: Any) -> Any:
            found = encode(*args, **kwargs)
            asked = signature.bind(pipeline, *args, **kwargs).arguments.get("prompt") or ()
            prompts = [asked] if isinstance(asked, str) else list(asked)
            for prompt, states in zip(prompts, _states(found, len(prompts)), strict=True):
                for job in pending.pop(prompt, ()):
                    if not _is_known(loaded, prompt, states, job):
                        job.warn("out_of_domain", _hint(loaded))
            return found

        return encode_and_check

    with wrapped_encode_prompt(pipeline, wrap):
        yield


def _hint(loaded: LoadedPipeline) -> Sentence:
    if loaded.layout.facts.draws == "icons":
        return sentence(
            "This model draws icons of single things and does not know this one, so the picture"
            " will not show it. Name one thing, or add a model for photographs and scenes."
        )
    return sentence(
        "This model does not know what the prompt asks for, so the picture will not show it. Use"
        " other words, or add another model."
    )


def _is_known(loaded: LoadedPipeline, prompt: str, states: torch.Tensor, job: Job) -> bool:
    facts = loaded.layout.facts
    if any(word in prompt.lower() for word in facts.unknown_shows):
        return True
    if loaded.unknown is None:
        found: list[torch.Tensor] = []
        for unknown in facts.unknown_prompts:
            job.check()
            found.append(_encode_prompt(loaded.pipeline, unknown))
        alike = len({one.shape for one in found}) == 1
        loaded.unknown = torch.stack(found) if alike else torch.empty(0)
    if states.shape != loaded.unknown.shape[1:]:
        return True
    if float(_distances(states, loaded.unknown).min()) <= _SAME_MEANING:
        return False
    strength = _style_strength(states, loaded.unknown[_style_variants(facts.unknown_prompts)])
    return strength is None or _CLEAR_STYLE_RANGE[0] <= strength <= _CLEAR_STYLE_RANGE[1]


def _style_variants(prompts: tuple[str, ...]) -> list[int]:
    """Return the indices of the first prompt and of its variants with a style after a comma."""
    first = prompts[0]
    return [place for place, prompt in enumerate(prompts) if prompt.split(",")[0] == first]


def _style_strength(states: torch.Tensor, styles: torch.Tensor) -> float | None:
    """Return the style strength of a prompt: 1.0 equals one of `styles`; None if unknown.

    Args:
        states: states of the prompt, (tokens, width).
        styles: states of one prompt in each style, (styles, tokens, width).
    """
    if len(styles) < _MIN_STYLES:
        return None
    # Only tokens that all have; otherwise the number of words would matter.
    present = (states.any(-1) & styles.any(-1).all(0)).float()
    weights = present / present.sum()
    means = torch.einsum("t,stw->sw", weights, styles)
    axes = means - means.mean(0)
    own = (means * axes).sum(1)
    if not bool((own > 0).all()):
        return None
    return float((axes @ (weights @ states) / own).max())


def _encode_prompt(pipeline: Any, prompt: str) -> torch.Tensor:
    # The method of the class: the one of the instance is wrapped.
    encode = type(pipeline).encode_prompt
    wanted = {"num_images_per_prompt": 1, "do_classifier_free_guidance": False}
    takes = inspect.signature(encode).parameters
    given = {name: value for name, value in wanted.items() if name in takes}
    with torch.no_grad():
        return _states(encode(pipeline, prompt, **given), 1)[0]


def _states(found: Any, count: int) -> list[torch.Tensor]:
    """Return the states of `count` prompts from the first result of `encode_prompt`.

    Each is (tokens, width) in float32 on the CPU, with zeros for padding tokens.
    """
    parts = found if isinstance(found, tuple) else (found,)
    states = parts[0].float().cpu()
    mask = parts[1] if len(parts) > 1 else None
    if isinstance(mask, torch.Tensor) and mask.shape == states.shape[:2]:
        states = states * mask.cpu()[..., None]
    # The states of several pictures of one prompt are adjacent.
    each = max(1, len(states) // max(1, count))
    return list(states[::each][:count])


def _distances(states: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return the distances of (tokens, width) to (prompts, tokens, width), relative to the latter.

    Only tokens that both have count; infinity if there are none.
    """
    both = states.any(-1) & others.any(-1)
    norms = (others.square().sum(-1) * both).sum(1).sqrt()
    away = ((states - others).square().sum(-1) * both).sum(1).sqrt()
    return torch.where(norms > 0, away / norms, torch.inf)
