"""Vectors of texts, as OpenAI's interface asks for them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from studio.protocol import ModelRef, sentence
from studio.serve.errors import ApiError

MAX_INPUTS = 2_048
MAX_CHARACTERS = 100_000
"""Of one text. A model reads the beginning of a longer one anyway."""


class EmbeddingsBody(Struct, frozen=True):
    """What a client sends.

    `input_type` is no field of OpenAI's, but common: with "query" a text is embedded as a question.
    """

    input: str | list[str]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts to embed."""
        return (self.input,) if isinstance(self.input, str) else tuple(self.input)


def check_embeddings(body: EmbeddingsBody) -> None:
    """Raise `ApiError` for what cannot be done."""
    texts = body.texts
    if not 1 <= len(texts) <= MAX_INPUTS:
        raise ApiError(
            400, sentence("Send 1 to {most} texts at once.", most=MAX_INPUTS), param="input"
        )
    if not all(text.strip() and len(text) <= MAX_CHARACTERS for text in texts):
        message = sentence(
            "Each text must have 1 to {most} characters that are not blank.", most=MAX_CHARACTERS
        )
        raise ApiError(400, message, param="input")
    if body.dimensions is not None:
        message = sentence("Vectors have the length that the model gives them.")
        raise ApiError(400, message, param="dimensions", code="not_supported")


def embeddings_answer(
    body: EmbeddingsBody, model: ModelRef, vectors: Sequence[bytes], tokens: int
) -> dict[str, Any]:
    """Return the answer for a client."""
    listed = [
        {"object": "embedding", "index": index, "embedding": _vector(body, vector)}
        for index, vector in enumerate(vectors)
    ]
    return {
        "object": "list",
        "data": listed,
        "model": model.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(body: EmbeddingsBody, vector: bytes) -> str | list[float]:
    if body.encoding_format == "base64":
        return base64.b64encode(vector).decode("ascii")
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
