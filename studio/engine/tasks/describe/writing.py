"""Writes a text about a picture with a loaded model, token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.describe.model import LoadedVision
from studio.engine.tasks.describe.picture_input import (
    picture_too_long,
    small_enough,
    template_broken,
)
from studio.engine.tasks.text.decode.stream import TextStream
from studio.engine.tasks.upscale.load import interruptible
from studio.formats.chat.chat_template import TemplateRefusedError, default_template, render_turns
from studio.protocol import problem


def model_inputs(loaded: LoadedVision, picture: Image.Image, prompt: str) -> Any:
    """Return the inputs of the model, on its device. Raises `ProblemError` (`bad_input`)."""
    picture = small_enough(picture)
    processor = loaded.processor
    text = _prompt_text(processor, prompt)
    # Templates may write the first token themselves, which the tokenizer would double.
    first = getattr(processor.tokenizer, "bos_token", None)
    plain = {"add_special_tokens": False} if first and text.startswith(first) else {}
    try:
        inputs = processor(images=[picture], text=[text], return_tensors="pt", **plain)
    except (ValueError, TypeError, IndexError) as error:
        raise problem(
            "bad_input",
            "The model cannot read this picture with this prompt. Choose another picture, or leave"
            " out special tokens in the prompt.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    moved = inputs.to(loaded.model.device)
    for name, value in moved.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            moved[name] = value.to(loaded.dtype)
    return moved


def _prompt_text(processor: Any, prompt: str) -> str:
    template = default_template(processor.chat_template)
    if template is None:
        template = default_template(getattr(processor.tokenizer, "chat_template", None))
    picture = str(getattr(processor, "image_token", "") or "")
    if template is None:
        return f"{picture}\n{prompt}" if picture else prompt
    special = {
        name: str(value)
        for name in ("bos_token", "eos_token")
        if (value := getattr(processor.tokenizer, name, None)) is not None
    }
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    try:
        return render_turns(template, special, [{"role": "user", "content": content}], len(prompt))
    except TemplateRefusedError as error:
        raise template_broken(str(error)) from error


class TransformersReading:
    """The inputs of a picture and a prompt. See `llama_writing.LlamaReading`.

    Raises `ProblemError` (`bad_input`, `model_broken`).
    """

    def __init__(
        self, loaded: LoadedVision, picture: Image.Image, prompt: str, max_tokens: int, job: Job
    ) -> None:
        self._loaded = loaded
        self._job = job
        self._inputs = model_inputs(loaded, picture, prompt)
        self.tokens = int(self._inputs["input_ids"].shape[-1])
        text = loaded.model.config.get_text_config()
        limit = getattr(text, "max_position_embeddings", None) or self.tokens + max_tokens
        if self.tokens >= limit:
            raise picture_too_long(self.tokens, limit)
        self._room = min(max_tokens, limit - self.tokens)

    def close(self) -> None:
        """Release the inputs."""
        self._inputs = None

    def write(
        self, seed: int, temperature: float | None, on_text: Callable[[str, int], None]
    ) -> tuple[TextStream, bool]:
        """Return the text of one row, and whether it was cut off. See `write_text`."""
        return write_text(
            self._loaded, self._inputs, seed, self._room, temperature, self._job, on_text
        )


def write_text(
    loaded: LoadedVision,
    inputs: Any,
    seed: int,
    max_tokens: int,
    temperature: float | None,
    job: Job,
    on_text: Callable[[str, int], None],
) -> tuple[TextStream, bool]:
    """Return the text of one row, and whether it was cut off at the limit.

    Rows have a call each, with random numbers of their own: they are the same alone and beside
    others. `on_text` is given new text and the number of tokens.

    Raises `JobCancelledError` between two layers.
    """
    stream = TextStream(_decoder(loaded.tokenizer))
    streamer = _Streamer(stream, job, on_text)
    choice: dict[str, Any] = {}
    if temperature is not None:
        choice = {"do_sample": temperature > 0}
        if temperature > 0:
            choice["temperature"] = temperature
    on_gpu = [loaded.model.device] if loaded.model.device.type == "cuda" else []
    with (
        interruptible(job),
        torch.random.fork_rng(devices=on_gpu),
        torch.inference_mode(),
    ):
        torch.manual_seed(seed)
        loaded.model.generate(
            **inputs, max_new_tokens=max_tokens, streamer=streamer, use_cache=True, **choice
        )
    on_text(stream.finish(), stream.tokens)
    ends = loaded.model.generation_config.eos_token_id
    last = streamer.last
    is_end = last in ends if isinstance(ends, list) else last == ends
    return stream, stream.tokens >= max_tokens and not is_end


class _Streamer:
    """What `generate` calls with the prompt first, and then with each token."""

    def __init__(self, stream: TextStream, job: Job, on_text: Callable[[str, int], None]) -> None:
        self._stream = stream
        self._job = job
        self._on_text = on_text
        self._is_prompt = True
        self.last = -1

    def put(self, value: torch.Tensor) -> None:
        """Take tokens. Raises `JobCancelledError`."""
        self._job.check()
        if self._is_prompt:
            self._is_prompt = False
            return
        for token in value.reshape(-1).tolist():
            self.last = int(token)
            self._on_text(self._stream.push(self.last), self._stream.tokens)

    def end(self) -> None:
        """Do nothing: the text is finished where its length is known."""


def _decoder(tokenizer: Any) -> Callable[[Any], str]:
    return lambda ids: str(
        tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )
