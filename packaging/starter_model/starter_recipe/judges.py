"""The classifier of things, and the layers that it shares with those of styles.

They know nothing of the model that drew a picture. `ThingJudge` names the thing (one of
T); it is trained on real icons with one style held out, and its score on the real icons of
that style is the yardstick. `styles.StyleJudge` names the style; a fifth of the things is
held out to test it on. There are two of it, see `train_judges.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HELD_OUT = "3d"


def _block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Convolution of stride 2, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ThingJudge(nn.Module):
    """Pictures (B, 3, 128, 128) → logits (B, things); it looks at half the resolution."""

    def __init__(self, things: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _block(3, 24, 5), _block(24, 48), _block(48, 96), _block(96, 192), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(192 * 16, 256), nn.LayerNorm(256))
        self.names = nn.Linear(256, things)

    def forward(self, pictures: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(pictures, 2)
        out: Tensor = self.names(self.head(self.body(small)))
        return out


def jitter(pictures: Tensor, shift: int = 6) -> Tensor:
    """Shift each picture at random on white and change its contrast and noise a little."""
    count, _, height, width = pictures.shape
    padded = nn.functional.pad(pictures, (shift,) * 4, value=1.0)
    across = torch.randint(0, 2 * shift + 1, (count,)).tolist()
    down = torch.randint(0, 2 * shift + 1, (count,)).tolist()
    moved = torch.stack(
        [
            padded[index, :, top : top + height, left : left + width]
            for index, (left, top) in enumerate(zip(across, down, strict=True))
        ]
    )
    gain = 0.9 + 0.2 * torch.rand(count, 3, 1, 1)
    noise = 0.03 * torch.rand(count, 1, 1, 1) * torch.randn_like(moved)
    return (1 - (1 - moved) * gain + noise).clamp(-1, 1)


@torch.no_grad()
def rank(judge: nn.Module, pictures: Tensor, wanted: Tensor) -> Tensor:
    """Return the rank (B,) of the wanted thing in the judge's answer; 0 is first."""
    logits = torch.cat([judge(part) for part in torch.split(pictures, 100)])
    own = logits.gather(1, wanted[:, None])
    return (logits > own).sum(1)
