"""Writes texts about a picture with a vision model of llama.cpp, token by token."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.engine.local.job import Job
from studio.engine.tasks.describe.llama_model import LlamaVision
from studio.engine.tasks.describe.picture_input import (
    picture_too_long,
    small_enough,
    template_broken,
)
from studio.engine.tasks.text.decode.sampling import Sampling, pick
from studio.engine.tasks.text.decode.stream import TextStream
from studio.engine.tasks.text.llama.context import CHUNK, LlamaContext
from studio.formats.chat.chat_template import TemplateRefusedError, render_turns
from studio.formats.llama.pictures import InputPart
from studio.protocol import problem

_MOST_CELLS = 16_384
"""Tokens of a picture, its prompt and the answer, if the model says no limit."""

_TOP_P, _TOP_K = 0.95, 40
"""What llama.cpp itself takes where tokens are drawn."""


class LlamaReading:
    """A picture and a prompt that were read, to be continued by each row.

    Rows are written one after another from the same state, so that a row is the same alone and
    beside others.

    Raises:
        ProblemError: `bad_input` or `model_broken`.
        JobCancelledError: while the picture is read.
        MemoryError: there is not enough memory.
    """

    def __init__(
        self, loaded: LlamaVision, picture: Image.Image, prompt: str, max_tokens: int, job: Job
    ) -> None:
        self._loaded = loaded
        self._job = job
        self._chunks = _chunks(loaded, picture, prompt)
        self._context: LlamaContext | None = None
        try:
            self.tokens = int(loaded.pictures.helper_get_n_tokens(self._chunks))
            limit = loaded.context or _MOST_CELLS
            if self.tokens >= limit:
                raise picture_too_long(self.tokens, limit)
            self._room = min(max_tokens, limit - self.tokens)
            self._chunk = _largest_call(loaded, self._chunks)
            self._context = LlamaContext(
                loaded.library,
                loaded.model,
                self.tokens + self._room,
                1,
                is_plain=True,
                threads=loaded.threads,
                chunk=self._chunk,
            )
            self._end, self._logits = self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the memory."""
        if self._context is not None:
            self._context.close()
        if self._chunks is not None:
            self._loaded.pictures.input_chunks_free(self._chunks)
        self._context = self._chunks = None

    def _read(self) -> tuple[int, NDArray[np.float32]]:
        """Read all into the empty sequence. Returns the next place, and the logits (1, words)."""
        context = self._context
        assert context is not None
        loaded, end = self._loaded, ctypes.c_int32()
        loaded.library.forget_messages()
        loaded.cancel.job = self._job
        try:
            with context.stopped_by(self._job.check):
                result = loaded.pictures.helper_eval_chunks(
                    loaded.projector,
                    context.handle,
                    self._chunks,
                    0,
                    0,
                    self._chunk,
                    True,
                    ctypes.byref(end),
                )
        finally:
            loaded.cancel.job = None
        self._job.check()
        if result:
            raise problem(
                "model_broken",
                "The model cannot read this picture. Download the model and its mmproj file again,"
                " or choose another one.",
                detail=f"{result}: {loaded.library.messages()}",
            )
        return end.value, context.logits(1).copy()

    def _begin_again(self) -> None:
        """Have the sequence end after the prompt, where a row may have continued it."""
        context = self._context
        assert context is not None
        if not context.truncate(0, self._end):
            context.clear(0)
            self._end, self._logits = self._read()

    def write(
        self,
        seed: int,
        temperature: float | None,
        on_text: Callable[[str, int], None],
    ) -> tuple[TextStream, bool]:
        """Return the text of one row, and whether it was cut off at the limit.

        Raises `JobCancelledError`.
        """
        self._begin_again()
        context, loaded = self._context, self._loaded
        assert context is not None
        heat = temperature or 0.0
        sampling = Sampling(heat, _TOP_P if heat else 1.0, _TOP_K if heat else 0, 1.0)
        seeds = np.array([seed], np.int64)
        stream = TextStream(loaded.vocabulary.decode)
        scores = self._logits.copy()
        with context.stopped_by(self._job.check):
            for step in range(self._room):
                self._job.check()
                token = int(pick(scores, seeds, step, sampling)[0])
                if token in loaded.stop_tokens:
                    on_text(stream.finish(), stream.tokens)
                    return stream, False
                on_text(stream.push(token), stream.tokens)
                if step + 1 < self._room:
                    context.decode([token], [self._end + step], [0], [True])
                    scores = context.logits(1).copy()
        on_text(stream.finish(), stream.tokens)
        return stream, True


def _largest_call(loaded: LlamaVision, chunks: object) -> int:
    """Return how many tokens a call must be able to have: some models see a picture at once."""
    library = loaded.pictures
    largest = CHUNK
    for place in range(library.input_chunks_size(chunks)):
        chunk = library.input_chunks_get(chunks, place)
        if library.decode_use_non_causal(loaded.projector, chunk):
            largest = max(largest, int(library.input_chunk_get_n_tokens(chunk)))
    return largest


def _chunks(loaded: LlamaVision, picture: Image.Image, prompt: str) -> object:
    before, after, adds_first = _texts(loaded, prompt)
    picture = small_enough(picture).convert("RGB")
    library = loaded.pictures
    bitmap = library.bitmap_init(picture.width, picture.height, picture.tobytes())
    try:
        parts = [library.text_part(before)] if before else []
        parts += [InputPart(None, bitmap), library.text_part(after)]
        chunks = library.chunks_of(loaded.projector, parts, adds_first=adds_first)
    finally:
        library.bitmap_free(bitmap)
    if chunks is None:
        raise problem(
            "bad_input",
            "The model cannot read this picture with this prompt. Choose another picture, or leave"
            " out special tokens in the prompt.",
            detail=loaded.library.messages(),
        )
    return chunks


def _texts(loaded: LlamaVision, prompt: str) -> tuple[str, str, bool]:
    """Return the texts before and after the picture, and whether the first token is added."""
    marker = next(
        name for at in range(len(prompt) + 1) if (name := f"<picture-{at}>") not in prompt
    )
    if loaded.template is None:
        return "", prompt, True
    text = f"{marker}{prompt}"
    # Most templates take a text; some only a list of parts.
    for content in (text, [{"type": "text", "text": text}]):
        turns = [{"role": "user", "content": content}]
        try:
            written = render_turns(loaded.template, loaded.special, turns, len(prompt))
        except TemplateRefusedError as error:
            refused = str(error)
            continue
        if written.count(marker) == 1:
            before, _, after = written.partition(marker)
            first = loaded.special.get("bos_token")
            return before, after, not (first and written.startswith(first))
        refused = "the template leaves out the prompt"
    raise template_broken(refused)
