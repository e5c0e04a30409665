"""The tokenizer: English word pieces, single Chinese characters, single emoji.

A standard fast tokenizer. Its template puts the 81 prefix tokens that the encoder writes
into before every prompt: sixteen `[THING…]` (one a region), `[STYLE]` and 64 `[PATCH…]`.
Its normalizer also removes words without meaning for the model (`wording`). The words around a name
are in the vocabulary nevertheless: the shipped reader was trained before it had those rules.
"""

from __future__ import annotations

import string

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from . import wording
from .captions import (
    ADJECTIVES_EN,
    ADJECTIVES_ZH,
    BESIDES_EN,
    BESIDES_ZH,
    COLOURS,
    DETAILS_EN,
    DETAILS_ZH,
    PLAIN_EN,
    PLAIN_ZH,
    PREFACES_EN,
    PREFACES_ZH,
    STYLE_WORDS_EN,
    STYLE_WORDS_ZH,
    WITH_STYLE_EN,
    WITH_STYLE_ZH,
    Phrases,
)
from .lookup import REGIONS
from .patches import PATCHES

PREFIX = REGIONS + 1 + PATCHES
MAX_TOKENS = PREFIX + 28
SPECIAL = ("[PAD]", "[UNK]", "[SEP]")
PREFIX_TOKENS = tuple(
    [f"[THING{i}]" for i in range(REGIONS)] + ["[STYLE]"] + [f"[PATCH{i}]" for i in range(PATCHES)]
)
_ENDINGS = ("s", "es", "ed", "ing", "er", "est", "ly", "y", "ness", "style", "icon")
_SKIN_TONES = "[\U0001f3fb-\U0001f3ff]"
_PICTOGRAPHS = "[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"


def corpus(phrases: Phrases) -> list[str]:
    """Lines with all words a caption can be made of."""
    lines = [*PLAIN_EN, *PLAIN_ZH, *WITH_STYLE_EN, *WITH_STYLE_ZH, *ADJECTIVES_EN, *ADJECTIVES_ZH]
    lines += [word for pair in COLOURS for word in pair]
    for around in (BESIDES_EN, BESIDES_ZH, PREFACES_EN, PREFACES_ZH, DETAILS_EN, DETAILS_ZH):
        lines += around
    for words in (*STYLE_WORDS_EN.values(), *STYLE_WORDS_ZH.values()):
        lines += words
    lines = [line.replace("{s}", " ").replace("{y}", " ") for line in lines]
    for index, thing in enumerate(phrases.things):
        lines += phrases.en[index] + phrases.zh[index] + [thing.emoji]
        lines += thing.tags_en + thing.tags_zh
    return lines


def new_tokenizer(phrases: Phrases) -> PreTrainedTokenizerFast:
    """Make the vocabulary from the captions' words and wrap it for transformers.

    Every word is one token; a word that is not there falls apart into the longest words
    and endings that are, then into letters. Nothing is trained, so the same phrases always
    give the same vocabulary.
    """
    written = [
        normalizers.Replace(Regex(_SKIN_TONES), ""),
        normalizers.Replace(Regex("[‘’]"), "'"),
        normalizers.NFKC(),
    ]
    spaced = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    plain = normalizers.Sequence([*written, spaced])
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PICTOGRAPHS), "isolated"),
            pre_tokenizers.BertPreTokenizer(),
        ]
    )
    words: set[str] = set(string.ascii_lowercase + string.digits)
    for line in corpus(phrases):
        pieces = splitter.pre_tokenize_str(plain.normalize_str(line))
        words.update(piece for piece, _ in pieces)
    letters = {letter for word in words for letter in word}
    endings = {f"##{end}" for end in (*string.ascii_lowercase, *string.digits, *_ENDINGS)}
    entries = [*SPECIAL, *PREFIX_TOKENS, *sorted(words | letters), *sorted(endings)]
    vocabulary = {name: index for index, name in enumerate(entries)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [*written, normalizers.Lowercase(), *wording.rules(phrases), spaced]
    )
    tokenizer.pre_tokenizer = splitter
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join([*PREFIX_TOKENS, "$A", "[SEP]"]),
        special_tokens=[(name, vocabulary[name]) for name in [*PREFIX_TOKENS, "[SEP]"]],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        sep_token="[SEP]",
        model_max_length=MAX_TOKENS,
    )
