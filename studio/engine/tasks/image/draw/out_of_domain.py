"""Says before drawing that a prompt means nothing to the model, where its maker's facts tell how.

A model that knows few things encodes every prompt that it does not know alike. `studio.json` names
such prompts; a prompt whose states lie where theirs do tells the denoiser as little as they do.

Between what is known and what is not lie mixtures: several things partly on, drawn over each other.
Their states are near nothing, but they tell. What the states of one named prompt differ by from
style to style, all clear prompts of a style have in common; states are normalised, so where the
thing is said too faintly the style is louder than in a clear prompt, and where several things are
said at once it is fainter.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from studio.engine.local.job import Job
from studio.engine.tasks.image.model.encoding import Encode, replaced
from studio.engine.tasks.image.model.load import LoadedPipeline
from studio.protocol import Sentence, sentence

_SAME = 0.07
"""Distance between two prompts' states, relative to their norm, up to which they mean the same.

Of the things the starter model knows, the nearest to an unknown prompt is at 0.099.
"""

_CLEAR = (0.7, 1.4)
"""How loudly a clear prompt says its style, relative to the first unknown prompt in that style.

The starter model's own labels, English in all styles and Chinese, are at 0.72 to 1.31.
"""
_STYLES = 3
"""From so many prompts on that differ in their style alone, they tell what a style is."""


@contextmanager
def listening(
    loaded: LoadedPipeline, pipeline: Any, waiting: dict[str, list[Job]]
) -> Iterator[None]:
    """While this is open, look at prompts as the pipeline encodes them; warn their jobs.

    Costs no second pass through the text encoder, except that the first time the prompts of
    `studio.json` are encoded.

    Args:
        loaded: the model.
        pipeline: the one of its pipelines that draws.
        waiting: prompt → the jobs to warn about it. A prompt is taken out once it was looked at.
    """
    if not (waiting and loaded.layout.facts.unknown_prompts and hasattr(pipeline, "encode_prompt")):
        yield
        return
    signature = inspect.signature(type(pipeline).encode_prompt)

    def wrap(encode: Encode) -> Encode:
        def listen(*args: Any, **kwargs: Any) -> Any:
            found = encode(*args, **kwargs)
            asked = signature.bind(pipeline, *args, **kwargs).arguments.get("prompt") or ()
            prompts = [asked] if isinstance(asked, str) else list(asked)
            for prompt, states in zip(prompts, _states(found, len(prompts)), strict=True):
                for job in waiting.pop(prompt, ()):
                    if not _is_known(loaded, prompt, states, job):
                        job.warn("out_of_domain", _hint(loaded))
            return found

        return listen

    with replaced(pipeline, wrap):
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
            found.append(_encoded(loaded.pipeline, unknown))
        alike = len({one.shape for one in found}) == 1
        loaded.unknown = torch.stack(found) if alike else torch.empty(0)
    if states.shape != loaded.unknown.shape[1:]:
        return True
    if float(_distances(states, loaded.unknown).min()) <= _SAME:
        return False
    said = _loudness(states, loaded.unknown[_in_styles(facts.unknown_prompts)])
    return said is None or _CLEAR[0] <= said <= _CLEAR[1]


def _in_styles(prompts: tuple[str, ...]) -> list[int]:
    """The places of the first prompt and of the same with a style after a comma."""
    first = prompts[0]
    return [place for place, prompt in enumerate(prompts) if prompt.split(",")[0] == first]


def _loudness(states: torch.Tensor, styles: torch.Tensor) -> float | None:
    """How loudly a prompt says its style: 1.0 is as one of `styles`; None where that is unknown.

    Args:
        states: (tokens, width).
        styles: states of one prompt in each style, (styles, tokens, width).
    """
    if len(styles) < _STYLES:
        return None
    # Tokens that all have: the others would count how many words there are.
    present = (states.any(-1) & styles.any(-1).all(0)).float()
    weights = present / present.sum()
    means = torch.einsum("t,stw->sw", weights, styles)
    axes = means - means.mean(0)
    own = (means * axes).sum(1)
    if not bool((own > 0).all()):
        return None
    return float((axes @ (weights @ states) / own).max())


def _encoded(pipeline: Any, prompt: str) -> torch.Tensor:
    # The class's own: the instance's is listened to.
    encode = type(pipeline).encode_prompt
    wanted = {"num_images_per_prompt": 1, "do_classifier_free_guidance": False}
    takes = inspect.signature(encode).parameters
    given = {name: value for name, value in wanted.items() if name in takes}
    with torch.no_grad():
        return _states(encode(pipeline, prompt, **given), 1)[0]


def _states(found: Any, count: int) -> list[torch.Tensor]:
    """The states of `count` prompts in what `encode_prompt` returned: diffusers puts them first.

    Each is (tokens, width) in float32 on the CPU, and zero where a token is padding.
    """
    parts = found if isinstance(found, tuple) else (found,)
    states = parts[0].float().cpu()
    mask = parts[1] if len(parts) > 1 else None
    if isinstance(mask, torch.Tensor) and mask.shape == states.shape[:2]:
        states = states * mask.cpu()[..., None]
    # Several pictures of one prompt lie beside each other.
    each = max(1, len(states) // max(1, count))
    return list(states[::each][:count])


def _distances(states: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Distances from (tokens, width) to each of (prompts, tokens, width), relative to its norm.

    Only tokens that both have count; infinity where there are none.
    """
    both = states.any(-1) & others.any(-1)
    norms = (others.square().sum(-1) * both).sum(1).sqrt()
    away = ((states - others).square().sum(-1) * both).sum(1).sqrt()
    return torch.where(norms > 0, away / norms, torch.inf)
