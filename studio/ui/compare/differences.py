"""In what the recipes of pictures differ."""

from __future__ import annotations

from collections.abc import Sequence

from studio.kinds.image import ImageRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.records import Asset
from studio.ui.shell.translations import tr


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _facts(asset: Asset) -> dict[str, str]:
    request = asset.recipe.request
    facts = {
        tr("Seed"): str(asset.recipe.seed),
        tr("Model"): asset.recipe.model_name or asset.recipe.model_id,
    }
    match request:
        case ImageRequest():
            facts |= {
                tr("Steps"): _number(request.steps),
                tr("Guidance"): _number(request.guidance_scale),
                tr("Scheduler"): request.scheduler,
            }
            if request.image is not None:
                facts |= {
                    tr("Start picture"): request.image.path,
                    tr("Strength"): _number(request.strength),
                }
            if request.image is not None and request.mask is not None:
                facts[tr("Mask")] = request.mask.path
        case UpscaleRequest():
            del facts[tr("Seed")]
            facts[tr("Scale")] = f"{request.scale}×"
    if asset.width and asset.height:
        facts[tr("Size")] = f"{asset.width} × {asset.height}"
    facts[tr("Prompt")] = " ".join(asset.prompt.split())
    if isinstance(request, ImageRequest):
        facts[tr("Negative prompt")] = " ".join(request.negative_prompt.split())
    return facts


def differences(assets: Sequence[Asset]) -> list[list[tuple[str, str]]]:
    """Return, for each asset, the (name, value) pairs that not all of them have alike."""
    facts = [_facts(asset) for asset in assets]
    names = dict.fromkeys(name for one in facts for name in one)
    telling = [name for name in names if len({one.get(name, "") for one in facts}) > 1]
    return [[(name, one.get(name, "") or "–") for name in telling] for one in facts]
