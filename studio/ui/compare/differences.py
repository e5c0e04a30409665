"""The differences between the recipes of pictures."""

from __future__ import annotations

from collections.abc import Sequence

from studio.kinds.registry import AnyKind, kind_if_known
from studio.library.records import Asset
from studio.protocol import MAX_PROMPT_LENGTH
from studio.ui.style.translations import tr


def _facts(asset: Asset) -> dict[str, str]:
    recipe = asset.recipe
    kind = kind_if_known(recipe.request)
    facts = {tr("Model"): recipe.model_name or recipe.model_id}
    if kind is None or kind.is_seeded:
        facts = {tr("Seed"): str(recipe.seed)} | facts
    own = {} if kind is None else _compared(kind, asset)
    facts |= {name: value for name, value in own.items() if name not in _long_labels(kind)}
    if asset.width and asset.height:
        facts[tr("Size")] = f"{asset.width} × {asset.height}"
    facts[tr("Prompt")] = " ".join(asset.prompt.split())
    return facts | own


def _compared(kind: AnyKind, asset: Asset) -> dict[str, str]:
    """Return the compared fields of a request, without those whose `goes_with` field is unset."""
    request = asset.recipe.request
    fields = [kind.fields[name] for name in kind.compared]
    return {
        tr(field.label): " ".join(field.format_value(getattr(request, field.name)).split())
        for field in fields
        if not field.requires or getattr(request, field.requires) is not None
    }


def _long_labels(kind: AnyKind | None) -> set[str]:
    """Return the labels of fields that can be as long as a prompt: they are listed after it."""
    fields = {} if kind is None else kind.fields
    return {tr(field.label) for field in fields.values() if field.max_length == MAX_PROMPT_LENGTH}


def differences(assets: Sequence[Asset]) -> list[list[tuple[str, str]]]:
    """Return, for each asset, the (label, value) pairs that differ between the assets."""
    facts = [_facts(asset) for asset in assets]
    names = dict.fromkeys(name for one in facts for name in one)
    differing = [name for name in names if len({one.get(name, "") for one in facts}) > 1]
    return [[(name, one.get(name, "") or "–") for name in differing] for one in facts]
