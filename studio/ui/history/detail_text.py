"""How a result was made, in a few lines."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QCoreApplication

from studio.library.records import Asset
from studio.protocol import ImageRequest, TextRequest, UpscaleRequest
from studio.ui.widgets.times import bytes_text, seconds_text


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def detail_text(asset: Asset) -> str:
    """Return an asset's recipe as HTML."""
    recipe = asset.recipe
    rows: list[tuple[str, str]] = []
    if asset.task != "upscale":
        rows.append((_tr("Prompt"), asset.prompt[:600]))
    rows.append((_tr("Tags"), ", ".join(asset.tags)))
    rows.append((_tr("Collections"), ", ".join(asset.collections)))
    rows.extend(
        (_tr("Label"), f"{name}: {value}") for name, value in recipe.labels.items() if value
    )
    rows.append((_tr("Model"), recipe.model_name))
    request = recipe.request
    match request:
        case TextRequest():
            rows.append((_tr("Seed"), str(recipe.seed)))
            rows.append((_tr("Temperature"), f"{request.temperature:g}"))
        case ImageRequest():
            rows.append((_tr("Seed"), str(recipe.seed)))
            rows.append((_tr("Negative prompt"), request.negative_prompt[:300]))
            rows.append((_tr("Steps"), "" if request.steps is None else str(request.steps)))
            rows.append(
                (
                    _tr("Guidance"),
                    "" if request.guidance_scale is None else f"{request.guidance_scale:g}",
                )
            )
        case UpscaleRequest():
            rows.append((_tr("From"), request.input.path))
            rows.append((_tr("Scale"), f"{request.scale}×"))
    if asset.width and asset.height:
        rows.append((_tr("Size"), f"{asset.width} × {asset.height} px, {bytes_text(asset.size)}"))
    seconds = sum(recipe.timings.values())
    if seconds:
        rows.append((_tr("Time"), seconds_text(seconds)))
    rows.extend((_tr("Changed"), change) for change in recipe.adjustments)
    rows.append((_tr("File"), str(asset.path)))
    return "<br>".join(f"<b>{escape(name)}</b> {escape(value)}" for name, value in rows if value)
