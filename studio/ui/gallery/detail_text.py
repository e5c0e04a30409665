"""How a result was made, in a few lines."""

from __future__ import annotations

from html import escape

from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.kinds.upscale import UpscaleRequest
from studio.library.records import Asset
from studio.ui.shell.translations import tr
from studio.ui.widgets.times import bytes_text, seconds_text


def detail_text(asset: Asset) -> str:
    """Return an asset's recipe as HTML."""
    recipe = asset.recipe
    rows: list[tuple[str, str]] = []
    if asset.task != "upscale":
        rows.append((tr("Prompt"), asset.prompt[:600]))
    rows.append((tr("Tags"), ", ".join(asset.tags)))
    rows.append((tr("Collections"), ", ".join(asset.collections)))
    rows.extend((tr("Label"), f"{name}: {value}") for name, value in recipe.labels.items() if value)
    rows.append((tr("Model"), recipe.model_name))
    request = recipe.request
    match request:
        case TextRequest():
            rows.append((tr("Seed"), str(recipe.seed)))
            rows.append((tr("Temperature"), f"{request.temperature:g}"))
        case ImageRequest():
            rows.append((tr("Seed"), str(recipe.seed)))
            rows.append((tr("Negative prompt"), request.negative_prompt[:300]))
            rows.append((tr("Steps"), "" if request.steps is None else str(request.steps)))
            rows.append(
                (
                    tr("Guidance"),
                    "" if request.guidance_scale is None else f"{request.guidance_scale:g}",
                )
            )
        case UpscaleRequest():
            rows.append((tr("From"), request.input.path))
            rows.append((tr("Scale"), f"{request.scale}×"))
    if asset.width and asset.height:
        rows.append((tr("Size"), f"{asset.width} × {asset.height} px, {bytes_text(asset.size)}"))
    seconds = sum(recipe.timings.values())
    if seconds:
        rows.append((tr("Time"), seconds_text(seconds)))
    rows.extend((tr("Changed"), change) for change in recipe.adjustments)
    rows.append((tr("File"), str(asset.path)))
    return "<br>".join(f"<b>{escape(name)}</b> {escape(value)}" for name, value in rows if value)
