"""The values of the Describe tab in the settings file."""

from __future__ import annotations

from msgspec import Struct

from studio.kinds.describe import DescribeRequest
from studio.kinds.fields import fields_of

_FIELDS = fields_of(DescribeRequest)


class DescribeValues(Struct):
    """The values of the Describe tab. Pictures are not kept."""

    prompt: str = ""
    model: str = _FIELDS["model"].default
    count: int = 1
    seed: int | None = None
    max_tokens: int = _FIELDS["max_tokens"].default
    temperature: float | None = None
    more_open: bool = False
