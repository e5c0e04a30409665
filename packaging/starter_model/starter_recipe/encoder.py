"""The text encoder that ships: one plain `BertModel` of two layers.

Layer 1 reads. By attention (trained, see `reader`) the sixteen `[THING]` tokens and the
`[STYLE]` token gather the words; then each feed-forward unit stands for one thing in one
region, or for one style, is on where the reader names it, and writes the vector of that
thing there. The layer norm makes its strength irrelevant.

Layer 2 unfolds. It is the picture table (`lookup`), written down without training: by
attention each `[PATCH]` token copies the vector of its region's `[THING]` and the style;
then the units that its row, its column and the style open turn them into the code of its
patch (`layout.context`). All other tokens end as the null vector.

A gate is part of a unit's bias: with one-hot row, column and style in the state, their sum
exceeds 2.5 only where all three match; an open unit then works in the linear part of
GELU, a closed one in its flat part.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from . import layout
from .icons import STYLES
from .lookup import BANDS, REGIONS, SIDES, THING_DIM, Lookup
from .patches import GRID, PATCHES
from .reader import (
    FILL,
    HEAD_DIM,
    HEADS,
    KEY_DIM,
    STYLE,
    TOKEN_MARK,
    WORD_DIM,
    WORD_MARK,
    Reader,
)
from .tokens import MAX_TOKENS, PREFIX

# Coordinates beyond the words' own: who a token is.
BAND = slice(WORD_DIM, WORD_DIM + BANDS)
SIDE = slice(BAND.stop, BAND.stop + SIDES)
ASKS_STYLE = SIDE.stop
WORD = ASKS_STYLE + 1
ROW = slice(WORD + 1, WORD + 1 + GRID)
COLUMN = slice(ROW.stop, ROW.stop + GRID)
PATCH_FLAG = COLUMN.stop
assert PATCH_FLAG < layout.COORDINATES

_PLACE = 10.0  # amplitude of row and column in a patch token; the flag takes the rest
_FLAG = (layout.NORM**2 - 2 * _PLACE**2) ** 0.5
_GUARD = 120.0  # keeps patch tokens and the others apart in layer 1
_SHUT = 60.0  # pre-activation that closes a unit of layer 1 for tokens it is not for
_MARK = 3.0  # amplitude of band and side marks after layer 1
_STYLE = (layout.NORM**2 - _MARK**2) ** 0.5  # and of the style in [STYLE]
_OPEN = 6.5  # pre-activation of an open unit of layer 2 for a thing vector of zero
_SWING = 3.0  # and how far the thing vector may move it
_LEVEL = 3.0  # what a pair of open units gives, however open they are
_SHARP = 11.0  # how far the right token's attention score is above the others'
_LOUD_NAMES = 6000.0  # factor by which layer 1 outweighs what it overwrites
_LOUD_TABLE = 600.0  # and layer 2
LOWER = 4.0  # a name is taken to be on from this much below zero
_WHISPER = 0.006  # its strength relative to a name


def new_bert(vocabulary: int, units: int) -> BertModel:
    """A `BertModel` of two layers with all weights zero and plain layer norms."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=layout.WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        intermediate_size=units,
        max_position_embeddings=MAX_TOKENS,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )
    model = BertModel(config)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(False)
        parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    return model


def _wide(matrix: Tensor) -> Tensor:
    """Pad the last axis with zeros to all coordinates."""
    return torch.nn.functional.pad(matrix, (0, layout.COORDINATES - matrix.shape[-1]))


def thing_gain(things: Tensor) -> float:
    """The largest scale at which every thing vector (16, T, K) fits beside its marks."""
    room = layout.NORM**2 - 2 * _MARK**2 - 4.0
    return float((room / things.square().sum(-1).max()).sqrt())


def _asking(reader: Reader) -> Tensor:
    """The states (17, COORDINATES) that the [THING] tokens and [STYLE] start with."""
    start = reader.start()
    out = torch.zeros(REGIONS + 1, layout.COORDINATES)
    out[:REGIONS, :WORD_DIM] = start[0, :WORD_DIM]
    out[REGIONS, :WORD_DIM] = start[1, :WORD_DIM]
    for region in range(REGIONS):
        band, side = divmod(region, SIDES)
        # Two marks of equal size have the norm of the reader's single mark.
        out[region, BAND.start + band] = out[region, SIDE.start + side] = (
            start[0, WORD_DIM] / 2**0.5
        )
    out[REGIONS, ASKS_STYLE] = start[1, WORD_DIM]
    return out


def _write_embeddings(bert: BertModel, reader: Reader, prefix: list[int]) -> None:
    """Words, places and the states that the prefix tokens start with."""
    wide = layout.rotation()
    table = _wide(reader.words)
    table[:, WORD] = WORD_MARK
    table[prefix[: REGIONS + 1]] = _asking(reader)
    for patch in range(PATCHES):
        row, column = divmod(patch, GRID)
        state = torch.zeros(layout.COORDINATES)
        state[ROW.start + row] = state[COLUMN.start + column] = _PLACE
        state[PATCH_FLAG] = _FLAG
        table[prefix[REGIONS + 1 + patch]] = state
    bert.embeddings.word_embeddings.weight.copy_(table @ wide.T)
    bert.embeddings.position_embeddings.weight[PREFIX:].copy_(_wide(reader.places) @ wide.T)


def _write_gathering(bert: BertModel, reader: Reader) -> None:
    """Layer 1, attention: the asking tokens look at the words, at nothing else."""
    wide = layout.rotation()
    own = bert.encoder.layer[0].attention.self
    query = torch.zeros(HEADS, HEAD_DIM, layout.COORDINATES)
    key = torch.zeros(HEADS, HEAD_DIM, layout.COORDINATES)
    query[:, :KEY_DIM] = torch.unflatten(_wide(reader.query.weight), 0, (HEADS, KEY_DIM))
    key[:, :KEY_DIM] = torch.unflatten(_wide(reader.key.weight), 0, (HEADS, KEY_DIM))
    # The last dimension of each head: patch tokens seek each other above all, the others
    # avoid patch tokens and asking tokens.
    query[:, KEY_DIM, PATCH_FLAG] = 2 * _GUARD / _FLAG
    key[:, KEY_DIM, PATCH_FLAG] = 4 * _GUARD / _FLAG
    for mark in (*range(BAND.start, BAND.stop), ASKS_STYLE):
        key[:, KEY_DIM, mark] = _GUARD / TOKEN_MARK
    bias = torch.zeros(HEADS, HEAD_DIM)
    bias[:, KEY_DIM] = -_GUARD
    own.query.weight.copy_(query.flatten(0, 1) @ wide.T)
    own.query.bias.copy_(bias.flatten())
    own.key.weight.copy_(key.flatten(0, 1) @ wide.T)
    own.value.weight.copy_(_wide(reader.value.weight) @ wide.T)
    out = bert.encoder.layer[0].attention.output.dense.weight
    out.copy_(wide[:, :WORD_DIM] @ reader.out.weight)


class _Units:
    """Collect feed-forward units: input weights, bias and output weights of each."""

    def __init__(self) -> None:
        self.reads: list[Tensor] = []
        self.biases: list[Tensor] = []
        self.writes: list[Tensor] = []

    def add(self, read: Tensor, bias: Tensor | float, write: Tensor) -> None:
        """`read` (n, COORDINATES), `bias` (n,) or one for all, `write` (n, COORDINATES)."""
        self.reads.append(read)
        self.biases.append(torch.as_tensor(bias).expand(len(read)))
        self.writes.append(write)

    def stack(self) -> tuple[Tensor, Tensor, Tensor]:
        return torch.cat(self.reads), torch.cat(self.biases), torch.cat(self.writes)

    def write_to(self, layer: torch.nn.Module, loud: float) -> None:
        """Store the units in one BERT layer, writing `loud` times louder."""
        wide = layout.rotation()
        reads, biases, writes = self.stack()
        up, down = layer.get_submodule("intermediate.dense"), layer.get_submodule("output.dense")
        assert isinstance(up, torch.nn.Linear) and isinstance(down, torch.nn.Linear)
        up.weight[: len(reads)] = reads @ wide.T
        up.bias[: len(reads)] = biases
        down.weight[:, : len(reads)] = loud * (writes @ wide.T).T


def name_units(reader: Reader, lookup: Lookup, unknown: int) -> _Units:
    """Layer 1: a unit for each thing in each region, and one for each style."""
    units = _Units()
    alpha = thing_gain(lookup.things)
    shut = _SHUT / 2.0  # marks are at least two after the norm
    for region in range(REGIONS):
        band, side = divmod(region, SIDES)
        count = len(reader.thing.weight)
        read = _wide(reader.thing.weight)
        read[:, BAND] = -shut
        read[:, SIDE] = -shut
        read[:, BAND.start + band] = read[:, SIDE.start + side] = 0.0
        read[:, [ASKS_STYLE, WORD, PATCH_FLAG]] = -shut
        write = torch.zeros(count, layout.COORDINATES)
        write[:, :THING_DIM] = alpha * lookup.things[region]
        write[:, BAND.start + band] = write[:, SIDE.start + side] = _MARK
        write[:, FILL] = (layout.NORM**2 - write.square().sum(-1)).sqrt()
        units.add(read, reader.thing.bias + LOWER, write / layout.NORM)
        # Where no name is on, this one is.
        read = torch.zeros(1, layout.COORDINATES)
        read[:, [*range(BAND.start, SIDE.stop), ASKS_STYLE, WORD, PATCH_FLAG]] = -shut
        read[0, BAND.start + band] = read[0, SIDE.start + side] = 1.5
        units.add(read, -_OPEN, _WHISPER * write[unknown : unknown + 1] / layout.NORM)
    read = _wide(reader.style.weight)
    read[:, [*range(BAND.start, SIDE.stop), WORD, PATCH_FLAG]] = -shut
    write = torch.zeros(len(STYLES), layout.COORDINATES)
    write[:, STYLE] = _STYLE * torch.eye(len(STYLES))
    write[:, ASKS_STYLE] = _MARK
    units.add(read, reader.style.bias, write / layout.NORM)
    return units


def names_read(bert: BertModel, ids: Tensor, mask: Tensor, things: int) -> Tensor:
    """Read the pre-activations of `Reader` from the encoder that it was packed into.

    Token ids (B, L) with the prefix, mask (B, L) → pre-activations of things (B, T): those of the
    units of the first region, in its `[THING]` token.
    """
    layer = bert.encoder.layer[0]
    hidden = torch.where(mask.bool(), 0.0, torch.finfo(torch.float32).min)[:, None, None]
    held = layer.attention(bert.embeddings(input_ids=ids), hidden)[0][:, 0]
    read: Tensor = layer.intermediate.dense(held)[:, :things] - LOWER
    return read


def _write_copy(bert: BertModel) -> None:
    """Layer 2, attention: a patch token fetches the thing of its region, and the style.

    All heads attend to the region's [THING]; the last one, which moves few and late
    components, gives half its attention to [STYLE].
    """
    wide = layout.rotation()
    own = bert.encoder.layer[1].attention.self
    sharp = _SHARP * HEAD_DIM**0.5 / (_PLACE * _MARK)
    query = torch.zeros(HEADS, HEAD_DIM, layout.COORDINATES)
    key = torch.zeros(HEADS, HEAD_DIM, layout.COORDINATES)
    for row in range(GRID):
        query[:, row * BANDS // GRID, ROW.start + row] = 1.0
    for column in range(GRID):
        query[:, BANDS + column * SIDES // GRID, COLUMN.start + column] = 1.0
    key[:, :BANDS, BAND] = sharp * torch.eye(BANDS)
    key[:, BANDS : BANDS + SIDES, SIDE] = sharp * torch.eye(SIDES)
    query[-1, -1, PATCH_FLAG] = 2 * _PLACE / _FLAG
    key[-1, -1, ASKS_STYLE] = sharp
    first = (HEADS - 1) * HEAD_DIM
    moved = [*range(first - 1), FILL, *range(first - 1, STYLE.stop)]
    inner = len(moved)
    value = torch.zeros(HEADS * HEAD_DIM, layout.COORDINATES)
    value[torch.arange(inner), moved] = 1.0
    own.query.weight.copy_(query.flatten(0, 1) @ wide.T)
    own.key.weight.copy_(key.flatten(0, 1) @ wide.T)
    own.value.weight.copy_(value @ wide.T)
    gain = torch.ones(HEADS * HEAD_DIM)
    gain[first:] = 2.0
    out = bert.encoder.layer[1].attention.output.dense.weight
    out.copy_(wide @ value.T * gain)


def table_units(lookup: Lookup) -> _Units:
    """Layer 2: the units of the picture table, and those that encode place and style."""
    alpha = thing_gain(lookup.things)
    # After the attention a patch token holds its place and what it copied; then the norm.
    copied = 2 * layout.NORM**2 - 2 * _MARK**2 - _MARK**2
    shrink = layout.NORM / (layout.NORM**2 + copied) ** 0.5
    place, flag, styled = _PLACE * shrink, _FLAG * shrink, _STYLE * shrink
    steep = 2 * _OPEN
    units = _Units()
    for unit in lookup.units:
        row, column = divmod(unit.patch, GRID)
        gate = torch.zeros(layout.COORDINATES)
        gate[ROW.start + row] = gate[COLUMN.start + column] = steep / place
        for style in unit.styles:
            gate[STYLE.start + style] = steep / styled
        # Over all regions: a unit must stay closed for the vector of any other region.
        reach = (lookup.things.flatten(0, 1) @ unit.read.T).abs().amax(0)
        swing = _SWING / reach.clamp_min(1e-6)
        terms = len(unit.read)
        read = gate.repeat(terms + 2, 1)
        read[:terms, :THING_DIM] += swing[:, None] * unit.read / (alpha * shrink)
        write = torch.zeros(terms + 2, layout.COORDINATES)
        write[:terms, layout.CODE] = unit.write / swing[:, None]
        # The last two bring the constant; one of them also takes back the open gates' sum.
        write[-1, layout.CODE] = -unit.constant / _LEVEL
        write[-2, layout.CODE] = unit.constant / _LEVEL - write[:terms, layout.CODE].sum(0)
        bias = torch.full((terms + 2,), -2.5 * steep)
        bias[-1] -= _LEVEL
        units.add(read, bias, write)
    for style in range(len(STYLES)):
        for patch in range(PATCHES):
            row, column = divmod(patch, GRID)
            read = torch.zeros(1, layout.COORDINATES)
            read[0, ROW.start + row] = read[0, COLUMN.start + column] = steep / place
            read[0, STYLE.start + style] = steep / styled
            units.add(read, -2.5 * steep, torch.zeros(1, layout.COORDINATES))
    for source, target in ((ROW, layout.ROW), (COLUMN, layout.COLUMN)):
        read = torch.zeros(GRID, layout.COORDINATES)
        write = torch.zeros(GRID, layout.COORDINATES)
        read[:, source] = steep / place * torch.eye(GRID)
        write[:, target] = layout.PLACE_AMPLITUDE / _OPEN * torch.eye(GRID)
        units.add(read, -0.5 * steep, write)
    read = torch.zeros(len(STYLES), layout.COORDINATES)
    write = torch.zeros(len(STYLES), layout.COORDINATES)
    read[:, STYLE] = steep / styled * torch.eye(len(STYLES))
    read[:, PATCH_FLAG] = steep / flag
    write[:, layout.STYLE] = layout.STYLE_AMPLITUDE / _OPEN * torch.eye(len(STYLES))
    units.add(read, -1.5 * steep, write)
    return units


def _compensate(bert: BertModel, lookup: Lookup, prefix: list[int]) -> None:
    """Take back what rounding to half precision adds at each patch in each style.

    The open gates of a patch add up to far more than its code, and cancel; rounded, they
    cancel no more. The rest is the same for all things, so it is measured with the thing
    vector zero and handed to the last units of the table, which have no other use.
    """
    wide = layout.rotation()
    layer = bert.encoder.layer[1]
    slots = bert.embeddings.word_embeddings.weight[prefix[REGIONS + 1 :]]
    last = sum(len(unit.read) + 2 for unit in lookup.units)
    constants = torch.zeros(len(STYLES), PATCHES, layout.COORDINATES)
    for unit in lookup.units:
        for style in unit.styles:
            constants[style, unit.patch, layout.CODE] += unit.constant
    for style in range(len(STYLES)):
        asked = torch.zeros(REGIONS + 1, layout.COORDINATES)
        for region in range(REGIONS):
            band, side = divmod(region, SIDES)
            asked[region, BAND.start + band] = asked[region, SIDE.start + side] = _MARK
        asked[:REGIONS, FILL] = (layout.NORM**2 - 2 * _MARK**2) ** 0.5
        asked[REGIONS, STYLE.start + style] = _STYLE
        asked[REGIONS, ASKS_STYLE] = _MARK
        state = torch.cat([asked @ wide.T, slots])[None]
        middle = layer.attention(state, None)[0][:, REGIONS + 1 :]
        opened = layer.intermediate(middle)
        found = layer.output.dense(opened)[0] - layer.output.dense.bias
        error = (found @ wide / _LOUD_TABLE)[:, layout.CODE] - constants[style][:, layout.CODE]
        for patch in range(PATCHES):
            index = last + style * PATCHES + patch
            level = float(opened[0, patch, index])
            change = torch.zeros(layout.COORDINATES)
            change[layout.CODE] = -error[patch] / level
            column = layer.output.dense.weight[:, index] + _LOUD_TABLE * wide @ change
            layer.output.dense.weight[:, index] = column.half().float()


@torch.no_grad()
def pack(reader: Reader, lookup: Lookup, prefix: list[int], unknown: int) -> BertModel:
    """Write reader and picture table into one `BertModel`.

    `prefix` holds the token ids of `[THING…]`, `[STYLE]` and `[PATCH…]`, in that order;
    `unknown` is the thing that a prompt without any known name draws.
    """
    names, table = name_units(reader, lookup, unknown), table_units(lookup)
    most = max(len(names.stack()[0]), len(table.stack()[0]))
    bert = new_bert(len(reader.words), -(-most // 64) * 64)
    _write_embeddings(bert, reader, prefix)
    _write_gathering(bert, reader)
    names.write_to(bert.encoder.layer[0], _LOUD_NAMES)
    _write_copy(bert)
    table.write_to(bert.encoder.layer[1], _LOUD_TABLE)
    null = torch.zeros(layout.COORDINATES)
    null[layout.NULL] = layout.NULL_AMPLITUDE
    bert.encoder.layer[1].output.dense.bias.copy_(_LOUD_TABLE * layout.rotation() @ null)
    for parameter in bert.parameters():
        parameter.copy_(parameter.half().float())
    for _ in range(2):
        _compensate(bert, lookup, prefix)
    return bert.eval()
