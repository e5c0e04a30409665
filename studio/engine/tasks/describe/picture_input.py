"""What both engines of vision models have in common: the size of pictures, what is refused."""

from __future__ import annotations

from PIL import Image

from studio.protocol import problem

MOST_SIDE = 2048
"""Pixels. Models divide larger pictures into more parts than they were trained with."""


def small_enough(picture: Image.Image) -> Image.Image:
    """Return a picture with sides of at most `MOST_SIDE`."""
    picture = picture.copy()
    picture.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    return picture


def template_broken(detail: str) -> Exception:
    """Return the problem of a chat template that cannot take a picture."""
    return problem(
        "model_broken",
        "The chat template of the model does not work with a picture. Download the model again,"
        " or choose another one.",
        detail=detail,
    )


def picture_too_long(tokens: int, limit: int) -> Exception:
    """Return the problem of a picture and a prompt that leave no room for an answer."""
    return problem(
        "bad_input",
        "The picture and the prompt take {tokens} tokens, and the context of the model has"
        " {limit}. Choose a model with a longer context, or a smaller picture.",
        tokens=tokens,
        limit=limit,
    )
