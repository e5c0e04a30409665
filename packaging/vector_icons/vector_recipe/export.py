"""The trained model as a transformers folder, with a tokenizer of whole words."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from studio.formats.icons.tokens import CONTEXT, DRAWING, END, PAD, START, Vocabulary
from vector_recipe.model import new_model


def load(weights: Path, vocabulary: Vocabulary) -> LlamaForCausalLM:
    """The model with the weights of a training, in float32."""
    model = new_model(vocabulary).eval()
    state = {name: value.float() for name, value in load_file(weights).items()}
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    return model


def new_tokenizer(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Tokens are what stands between spaces; words that are not known become padding."""
    made = Tokenizer(WordLevel(vocabulary.ids(), unk_token=PAD))
    made.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token=PAD,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def save(model: LlamaForCausalLM, vocabulary: Vocabulary, folder: Path) -> None:
    """Weights in fp16, settings, tokenizer. Without a grammar too, no word gets into a drawing."""
    ids = vocabulary.ids()
    model = model.to(torch.float16)
    model.config.use_cache = True
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.8,
        top_p=0.95,
        top_k=0,
        max_length=CONTEXT,
        bos_token_id=ids[START],
        eos_token_id=ids[END],
        pad_token_id=ids[PAD],
        suppress_tokens=[ids[PAD], *range(len(DRAWING), len(ids))],
    )
    model.save_pretrained(folder)
    new_tokenizer(vocabulary).save_pretrained(folder)
