"""LoRAs written as text in tables and options become adapters of a request."""

from __future__ import annotations

import msgspec
import pytest

from studio.kinds.coding import request_from_fields
from studio.kinds.image import ImageRequest
from studio.protocol import Adapter


@pytest.mark.parametrize(
    ("text", "adapters"),
    [
        ("ink:0.5; dusk", (Adapter("ink", 0.5), Adapter("dusk", 1.0))),
        ("ink:-0.5", (Adapter("ink", -0.5),)),
        (
            ["ink:0.5", "C:\\models\\dusk.safetensors"],
            (Adapter("ink", 0.5), Adapter("C:\\models\\dusk.safetensors")),
        ),
        (" ; ", ()),
        ([{"model": "ink", "weight": 0.25}], (Adapter("ink", 0.25),)),
    ],
)
def test_names_and_weights_are_read(text: object, adapters: tuple[Adapter, ...]) -> None:
    request = request_from_fields({"task": "image", "prompt": "a fox", "adapters": text})
    assert isinstance(request, ImageRequest)
    assert request.adapters == adapters


@pytest.mark.parametrize("text", ["ink:11", "ink:nan", "ink:-inf"])
def test_a_weight_out_of_range_is_an_error_of_the_field(text: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="adapters"):
        request_from_fields({"task": "image", "prompt": "a fox", "adapters": text})
