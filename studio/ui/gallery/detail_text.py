"""The recipe of a result as text for the details panel."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import msgspec

from studio.kinds.fields import Field
from studio.kinds.registry import AnyKind, kind_if_known
from studio.kinds.requests import unsupported_reason
from studio.library.records import Asset
from studio.protocol import Recipe, UnknownRequest, readable_size
from studio.ui.gallery.review_states import state_title
from studio.ui.shell.kind_labels import task_title
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.times import duration_text

_MAX_VALUE = 300
"""Maximum characters of a value; a prompt may have twice as many."""

_MAX_ROWS = 100
"""A row of a table may have any number of labels."""

_Row = tuple[str, str]


def detail_text(asset: Asset) -> str:
    """Return the recipe of an asset as HTML."""
    return "<br>".join(
        f"<b>{escape(name)}</b> {escape(value)}" for name, value in detail_rows(asset)
    )


def detail_rows(asset: Asset) -> list[tuple[str, str]]:
    """Return the recipe of an asset as names and values, none of them empty or very long."""
    recipe = asset.recipe
    kind = kind_if_known(recipe.request)
    rows: list[_Row] = []
    rows.append((tr("Review"), _review_text(asset)))
    if kind is None or kind.has_prompt:
        rows.append((tr("Prompt"), asset.prompt[: 2 * _MAX_VALUE]))
    rows.append((tr("Tags"), ", ".join(asset.tags)))
    rows.append((tr("Collections"), ", ".join(asset.collections)))
    rows.extend((tr("Label"), f"{name}: {value}") for name, value in recipe.labels.items() if value)
    rows.append((tr("Model"), recipe.model_name))
    rows.extend(_unknown_kind_rows(recipe) if kind is None else _kind_rows(kind, recipe))
    if asset.width and asset.height:
        sides = tr("{size} px").format(size=f"{asset.width} × {asset.height}")
        rows.append((tr("Size"), f"{sides}, {readable_size(asset.size)}"))
    if asset.seconds:
        rows.append((tr("Time"), duration_text(asset.seconds)))
    rows.extend((tr("Changed"), change) for change in recipe.adjustments)
    rows.append((tr("File"), str(asset.path)))
    return [
        (name[:_MAX_VALUE], value[: 2 * _MAX_VALUE]) for name, value in rows[:_MAX_ROWS] if value
    ]


def _review_text(asset: Asset) -> str:
    """Return the state of the review, and who decided it when, with the remark."""
    if not asset.review_state:
        return ""
    decided = asset.review
    parts = (decided.reviewer, decided.date[:10], decided.remark) if decided is not None else ()
    return ", ".join(part for part in (state_title(asset.review_state), *parts) if part)


def _kind_rows(kind: AnyKind, recipe: Recipe) -> Iterator[_Row]:
    for name in kind.details:
        field = kind.fields[name]
        if field.requires and getattr(recipe.request, field.requires) is None:
            continue
        if field.type == "boolean" and getattr(recipe.request, name) == field.default:
            continue
        value = recipe.seed if name == "seed" else getattr(recipe.request, name)
        yield tr(field.label), _value_text(field, value)[:_MAX_VALUE]


def _value_text(field: Field, value: Any) -> str:
    """Return a value in the language of the window: its unit, and choices that have a name."""
    text = field.format_value(value)
    if field.unit and text.endswith(field.unit):
        return text.removesuffix(field.unit) + tr(field.unit)
    if isinstance(value, str) and value in field.choices:
        name = value.capitalize()
        return text if tr(name) == name else tr(name)
    return text


def _unknown_kind_rows(recipe: Recipe) -> Iterator[_Row]:
    """Yield the readable fields of a request that this build does not know."""
    request = recipe.request
    yield tr("Kind"), task_title(request.task)
    yield tr("Seed"), str(recipe.seed)
    if isinstance(request, UnknownRequest):
        for name, value in request.fields.items():
            if name not in ("task", "prompt", "model", "seed") and value is not None:
                plain = isinstance(value, str | int | float)
                text = str(value) if plain else msgspec.json.encode(value).decode()
                yield name, text[:_MAX_VALUE]
    why = unsupported_reason(request)
    yield tr("Note"), "" if why is None else translated(why)
