"""What the model is trained on: prompts with drawings, in batches of about the same length."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from studio.formats.icons import geometry, names, tokens, words
from vector_recipe import split
from vector_recipe.dataset import Entry, look_of
from vector_recipe.model import PAD_ID

# Shares of prompts: without anything, and of the rest without a set, corners, weight; with words
# left out or in another order. What is left out is what guidance and short prompts need.
NOTHING = 0.1
WITHOUT_SET = 0.5
WITHOUT_LOOK = 0.3
WITHOUT_A_WORD = 0.1
OTHER_ORDER = 0.2
MIRRORED = 0.5
SHIFTED = 0.25
# Variation costs likeness to the sets, so most drawings keep their size.
SCALED = 0.3
SCALES = (0.8, 1.1)
POOL = 2048
# Drawings of words that few icons have, and long ones, cost more than they teach a small model:
# this share of them is seen in each epoch.
USUAL_WORD = 10
USUAL_LENGTH = 128
UNUSUAL = 0.25
# Rows are padded to a multiple of so many tokens, and one that is fed to the model less its last.
LENGTHS = 8

Batch = tuple[Tensor, Tensor]


class Prompts:
    """Makes prompts and drawings of entries, by a vocabulary."""

    def __init__(self, vocabulary: tokens.Vocabulary) -> None:
        self.ids = vocabulary.ids()
        self.words = frozenset(vocabulary.words)

    def read(self, text: str) -> words.Reading:
        """The words of a prompt that a person wrote."""
        return words.read_prompt(text, self.words)

    def known(self, given: tuple[str, ...]) -> list[str]:
        """The words of a name that the model knows, as they are, or their plural or singular."""
        found = (word if word in self.words else names.similar(word, self.words) for word in given)
        return list(dict.fromkeys(word for word in found if word is not None))

    def prompt(self, known: Sequence[str], style: Sequence[str]) -> list[int]:
        return tokens.prompt_ids(self.ids, known, style)

    def plain(self, entry: Entry) -> tuple[list[int], list[int]]:
        """An entry as it is, with its first name and look."""
        corners, weight = look_of(*entry.looks[0])
        prompt = self.prompt(self.known(entry.words), [corners, weight])
        return prompt, [tokens.DRAWING_ID[token] for token in entry.drawing.split()]

    def varied(self, entry: Entry, draw: random.Random) -> tuple[list[int], list[int]]:
        """An entry with one of its names and looks, parts of which are left out at random."""
        caption = draw.choice(entry.captions)
        icon = entry.icon
        if draw.random() < MIRRORED and all(map(names.may_mirror, entry.captions)):
            icon = geometry.mirrored(icon)
        if draw.random() < SCALED:
            other = geometry.scaled(icon, draw.uniform(*SCALES))
            icon = other if geometry.on_grid(other) else icon
        if draw.random() < SHIFTED:
            dx, dy = draw.choice((-2, 0, 2)), draw.choice((-2, 0, 2))
            moved = geometry.shifted(icon, dx, dy)
            icon = moved if geometry.on_grid(moved) else icon
        drawing = [tokens.DRAWING_ID[token] for token in tokens.encode(icon)]
        if draw.random() < NOTHING:
            return self.prompt([], []), drawing
        known = self.known(caption)
        if len(known) > 2 and draw.random() < WITHOUT_A_WORD:
            known.remove(draw.choice(known))
        if draw.random() < OTHER_ORDER:
            draw.shuffle(known)
        style = [
            token for token in look_of(*draw.choice(entry.looks)) if draw.random() >= WITHOUT_LOOK
        ]
        sets = [f"<set:{name}>" for name in entry.sets if f"<set:{name}>" in self.ids]
        if sets and draw.random() >= WITHOUT_SET:
            style.insert(0, draw.choice(sets))
        return self.prompt(known, style), drawing


def _rounded(length: int) -> int:
    """The next of a few lengths: see `model.token_losses`."""
    return -(-length // LENGTHS) * LENGTHS


def batch_of(rows: list[tuple[list[int], list[int]]]) -> Batch:
    """Ids (B, L), and where they are part of a drawing."""
    longest = _rounded(max(len(prompt) + len(drawing) for prompt, drawing in rows))
    ids = torch.full((len(rows), longest), PAD_ID)
    drawn = torch.zeros((len(rows), longest), dtype=torch.bool)
    for number, (prompt, drawing) in enumerate(rows):
        whole = prompt + drawing
        ids[number, : len(whole)] = torch.tensor(whole)
        drawn[number, len(prompt) : len(whole)] = True
    return ids, drawn


def in_batches(rows: list[tuple[list[int], list[int]]], size: int) -> list[Batch]:
    """Rows of about the same length together, each batch with at most `size` tokens."""
    ordered = sorted(rows, key=lambda row: len(row[0]) + len(row[1]))
    batches: list[Batch] = []
    group: list[tuple[list[int], list[int]]] = []
    for row in ordered:
        length = _rounded(len(row[0]) + len(row[1]))
        if group and length * (len(group) + 1) > size:
            batches.append(batch_of(group))
            group = []
        group.append(row)
    if group:
        batches.append(batch_of(group))
    return batches


def endless(
    entries: list[Entry], prompts: Prompts, size: int, seed: int, skip: int = 0
) -> Iterator[Batch]:
    """Batches for ever: each epoch in a new order, which depends on the seed alone.

    `skip` entries were seen before: whole pools of them are passed over.
    """
    train = [entry for entry in entries if entry.part == split.TRAIN]
    usual = are_usual(train)
    epoch, begin = 0, skip
    while begin >= len(order := order_of(usual, seed, epoch)):
        epoch, begin = epoch + 1, begin - len(order)
    begin -= begin % POOL
    while True:
        order = order_of(usual, seed, epoch)
        for start in range(begin, len(order), POOL):
            draw = random.Random(f"{seed}:{epoch}:{start}")
            pool = [prompts.varied(train[i], draw) for i in order[start : start + POOL]]
            batches = in_batches(pool, size)
            draw.shuffle(batches)
            yield from batches
        epoch, begin = epoch + 1, 0


def are_usual(entries: Sequence[Entry]) -> list[bool]:
    """Whether each drawing is short and all words of one of its names are common."""
    counts = Counter(word for e in entries for word in {w for words in e.captions for w in words})
    return [
        entry.drawing.count(" ") < USUAL_LENGTH
        and max(min(counts[word] for word in words) for words in entry.captions) >= USUAL_WORD
        for entry in entries
    ]


def order_of(usual: Sequence[bool], seed: int, epoch: int) -> list[int]:
    """The places of the drawings of an epoch, at least one of them."""
    draw = random.Random(f"{seed}:{epoch}")
    order = list(range(len(usual)))
    draw.shuffle(order)
    return [i for i in order if usual[i] or draw.random() < UNUSUAL] or order
