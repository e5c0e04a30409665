"""A language model in memory, whatever the format of its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.engine.tasks.text.decode.grammar import Grammars
from studio.engine.tasks.text.decode.text_decoder import TextDecoder

END_OF_TURN_TOKENS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|eot|>",
    "<end_of_turn>",
    "<turn|>",
    "<|return|>",
    "<|end_of_role|>",
    "<|user|>",
    "<｜end▁of▁sentence｜>",
)
"""Tokens that end a turn in the chat templates of common model families. Many files, especially
converted ones, declare only one of the tokens that their model uses."""


@dataclass
class LoadedText:
    """A language model in memory, with everything needed to run it.

    Attributes:
        decoder: runs the model.
        encode: `encode(text, special=True)` returns token ids; `special` adds the tokenizer's
            special tokens.
        decode: token ids to text, without special tokens.
        template: the chat template, None for a model that only continues text.
        special: names and texts of special tokens, for the template.
        context: length of the context in tokens; None for no limit.
        stop_tokens: tokens that end an answer.
        grammars: compiles the forms that answers may have.
        device: torch's name of the device.
        dtype: the precision of the weights, as torch or llama.cpp names it.
        libraries: name → version of what computes with it.
        nbytes: approximate size of the weights in bytes.
        key: the model's key in the memory arbiter.
        is_narrowed: whether the precision is less than this device could compute with.
    """

    decoder: TextDecoder
    encode: Callable[..., list[int]]
    decode: Callable[[Sequence[int]], str]
    template: str | None
    special: dict[str, str]
    context: int | None
    stop_tokens: frozenset[int]
    grammars: Grammars
    device: str
    dtype: str
    libraries: dict[str, str]
    nbytes: int
    key: str
    is_narrowed: bool = False

    def unload(self) -> None:
        """Release the weights."""
        self.decoder.close()
