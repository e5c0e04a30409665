"""The half of the text encoder that is learned: which thing, which style a prompt names.

One attention layer. A `[THING]` token and the `[STYLE]` token look at the words; what
they gathered is compared with one learned key for each thing and each style. A name is
*on* where its pre-activation is positive, and training pushes the right one above
`MARGIN` and all others below `-MARGIN`, so that in `encoder` each key can be a
feed-forward unit that recalls the thing's vector exactly. No picture is needed for this.

The layer works in coordinates (see `layout`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .icons import STYLES
from .layout import NORM
from .lookup import THING_DIM
from .tokens import MAX_TOKENS, PREFIX

# Coordinates of the states between the layers. The first ones belong to the words; in
# layer 2 they hold a thing's vector, a style and what fills up the norm.
STYLE = slice(THING_DIM, THING_DIM + len(STYLES))
FILL = STYLE.stop
WORD_DIM = FILL + 1
TEXT_TOKENS = MAX_TOKENS - PREFIX
HEADS = 6
HEAD_DIM = 64
KEY_DIM = HEAD_DIM - 1  # one dimension of each head is kept for `encoder`'s guard
MARGIN = 4.0
WORD_MARK = 6.0  # "I am a word", in a coordinate of its own
TOKEN_MARK = 5.0  # squared norm 50: "I am the thing token of that region"
PLACE_WEIGHT = 0.1


def on_sphere(states: Tensor) -> Tensor:
    """Scale the last axis to the norm √384: the layer normalisation in coordinates."""
    scaled: Tensor = states * (NORM / states.norm(dim=-1, keepdim=True).clamp_min(1e-6))
    return scaled


class Reader(nn.Module):
    """Token ids (B, L), mask (B, L) → pre-activations of things (B, T) and styles (B, 5)."""

    def __init__(self, vocabulary: int, things: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.words = nn.Parameter(torch.randn(vocabulary, WORD_DIM))
        self.places = nn.Parameter(PLACE_WEIGHT * torch.randn(TEXT_TOKENS, WORD_DIM))
        self.asking = nn.Parameter(torch.randn(2, WORD_DIM))  # [THING], [STYLE]
        self.query = nn.Linear(WORD_DIM, HEADS * KEY_DIM, bias=False)
        self.key = nn.Linear(WORD_DIM, HEADS * KEY_DIM, bias=False)
        self.value = nn.Linear(WORD_DIM, inner, bias=False)
        self.out = nn.Linear(inner, WORD_DIM, bias=False)
        self.thing = nn.Linear(WORD_DIM, things)
        self.style = nn.Linear(WORD_DIM, len(STYLES))
        with torch.no_grad():
            self.query.weight.normal_(std=0.5 * WORD_DIM**-0.5)
            self.key.weight.normal_(std=0.5 * WORD_DIM**-0.5)
            self.value.weight.normal_(std=WORD_DIM**-0.5)
            self.out.weight.normal_(std=2 * inner**-0.5)
            for names in (self.thing, self.style):
                names.weight.normal_(std=0.5 * WORD_DIM**-0.5)
                names.bias.zero_()

    def start(self) -> Tensor:
        """The states (2, WORD_DIM + 1) of the asking tokens; the last number is their mark."""
        mark = torch.full((2, 1), 2**0.5 * TOKEN_MARK, device=self.asking.device)
        return on_sphere(torch.cat([self.asking, mark], dim=-1))

    def text(self, ids: Tensor) -> Tensor:
        """Token ids (B, L) → the states (B, L, WORD_DIM + 1) of the words."""
        inner = nn.functional.embedding(ids, self.words) + self.places[: ids.shape[1]]
        mark = torch.full((*ids.shape, 1), WORD_MARK, device=ids.device)
        return on_sphere(torch.cat([inner, mark], dim=-1))

    def gather(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What [THING] and [STYLE] hold after the attention: (B, 2, WORD_DIM + 1)."""
        start = self.start()
        states = self.text(ids)[..., :WORD_DIM]
        query = self.query(start[:, :WORD_DIM]).unflatten(-1, (HEADS, KEY_DIM)).transpose(0, 1)
        key = self.key(states).unflatten(-1, (HEADS, KEY_DIM)).transpose(1, 2)
        value = self.value(states).unflatten(-1, (HEADS, HEAD_DIM)).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(
            query.expand(len(ids), -1, -1, -1),
            key,
            value,
            attn_mask=mask.bool()[:, None, None, :],
            scale=HEAD_DIM**-0.5,
        )
        attended = self.out(mixed.transpose(1, 2).flatten(2))
        return on_sphere(start + nn.functional.pad(attended, (0, 1)))

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        held = self.gather(ids, mask)[..., :WORD_DIM]
        return self.thing(held[:, 0]), self.style(held[:, 1])


def naming_loss(logits: Tensor, wanted: Tensor, margin: float) -> Tensor:
    """Cross entropy, and a soft margin: right ones over MARGIN, the others under -MARGIN.

    `margin` is the weight of the second part. From the start it would only teach that
    nearly every name is off, so the training brings it in once the names are told apart.
    """
    choice = nn.functional.cross_entropy(logits, wanted)
    right = logits.gather(1, wanted[:, None])[:, 0]
    above = nn.functional.softplus(MARGIN - right)
    others = nn.functional.softplus(MARGIN + logits).sum(1) - nn.functional.softplus(MARGIN + right)
    return choice + margin * (above + others).mean()
