"""Fields, with their labels and ranges, are read from the request type."""

from __future__ import annotations

from studio.kinds.image import KIND as IMAGE
from studio.kinds.image import ImageRequest
from studio.kinds.registry import kinds
from studio.kinds.text import KIND as TEXT
from studio.kinds.upscale import KIND as UPSCALE
from studio.protocol import Adapter, InputFile


def test_a_value_is_formatted_for_reading() -> None:
    fields = IMAGE.fields
    assert UPSCALE.fields["scale"].format_value(2) == "2×"
    assert fields["guidance_scale"].format_value(7.5) == "7.5"
    assert fields["width"].format_value(512) == "512 px"
    assert fields["image"].format_value(InputFile("/a/fox.png", "0" * 64)) == "/a/fox.png"
    assert fields["steps"].format_value(None) == ""
    adapters = (Adapter("ink", 0.8), Adapter("dusk"))
    assert fields["adapters"].format_value(adapters) == "ink (0.8), dusk (1)"
    assert fields["adapters"].format_value(()) == ""
    assert TEXT.fields["stop"].format_value(("\n", "end")) == r"'\n', 'end'"


def test_a_field_names_the_field_that_it_depends_on() -> None:
    alone = {name: field.requires for name, field in IMAGE.fields.items() if field.requires}
    assert alone == {"strength": "image", "mask": "image"}
    for kind in kinds().values():
        assert {field.requires for field in kind.fields.values()} - {""} <= set(kind.fields)


def test_fields_shown_and_compared_are_fields_of_the_kind() -> None:
    for kind in kinds().values():
        assert {*kind.details, *kind.compared, *kind.axes} - {"size"} <= set(kind.fields)
        assert all(kind.fields[name].label for name in (*kind.details, *kind.compared))
    assert ImageRequest.__struct_config__.tag == IMAGE.task
