"""Frees the text encoders of a pipeline while it draws, and loads them again for a new prompt.

Encoded prompts are cached, so further variations of a prompt need no encoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from studio.engine.local.job import Job
from studio.engine.local.memory import collect
from studio.engine.tasks.image.model.img2img_support import denoiser
from studio.engine.tasks.image.model.load import LoadedPipeline, load_network
from studio.engine.tasks.image.model.prompt_encoding import Encode, wrapped_encode_prompt
from studio.protocol import sentence


def can_release(loaded: LoadedPipeline) -> bool:
    """Return whether the text encoders can be freed: whether nothing else holds or needs them."""
    return bool(
        _names(loaded)
        and hasattr(loaded.pipeline, "encode_prompt")
        and loaded.placement == "whole"
        and not loaded.adapters
        and not loaded.layout.facts.unknown_prompts
    )


@contextmanager
def encoders_on_demand(loaded: LoadedPipeline, pipeline: Any, job: Job) -> Iterator[None]:
    """While open, the text encoders are in memory only until the first denoising step.

    Has no effect unless `loaded.releases_encoders`. Open it before the cache of encoded prompts.

    Args:
        loaded: the pipeline's record; `released` says which encoders are not in memory.
        pipeline: it, or a variant with the same components.
        job: told when encoders are loaded again.
    """
    if not (loaded.releases_encoders or loaded.released):
        yield
        return

    def wrap(encode: Encode) -> Encode:
        def encode_with_encoders(*args: Any, **kwargs: Any) -> Any:
            restore_encoders(loaded, job)
            return encode(*args, **kwargs)

        return encode_with_encoders

    def release(*_: object) -> None:
        if loaded.releases_encoders and can_release(loaded):
            _release(loaded)

    network = denoiser(pipeline)
    hook = network.register_forward_pre_hook(release)
    try:
        with wrapped_encode_prompt(pipeline, wrap):
            yield
    finally:
        hook.remove()


def _names(loaded: LoadedPipeline) -> list[str]:
    """Return the text encoders that are in memory and can be loaded again by themselves."""
    files = {component.name for component in loaded.layout.components if component.files}
    return [name for name in loaded.networks() if name.startswith("text_encoder") and name in files]


def _release(loaded: LoadedPipeline) -> None:
    names = _names(loaded)
    for name in names:
        for pipeline in (loaded.pipeline, *loaded.variants.values()):
            setattr(pipeline, name, None)
    loaded.released = (*loaded.released, *names)
    if names:
        collect()


def restore_encoders(loaded: LoadedPipeline, job: Job) -> None:
    """Load the text encoders again that are not in memory."""
    if not loaded.released:
        return
    job.loading(sentence("Loading the text encoder again"))
    components = {component.name: component for component in loaded.layout.components}
    for name in loaded.released:
        job.check()
        network = load_network(components[name], loaded.dtype).to(loaded.device.name)
        for pipeline in (loaded.pipeline, *loaded.variants.values()):
            setattr(pipeline, name, network)
    loaded.released = ()
