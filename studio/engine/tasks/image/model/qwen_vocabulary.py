"""The tokenizer of Qwen 2 and 3, which text encoders in a single file need but do not contain.

`qwen_merges.txt.gz` has the 151,387 merges that Qwen3 publishes (https://huggingface.co/Qwen,
`merges.txt`, Apache-2.0). The vocabulary is derived from them, as CLIP's is.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from studio.engine.tasks.image.model.clip_vocabulary import byte_letters

_MERGES = Path(__file__).parent.parent / "families" / "qwen_merges.txt.gz"
_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>"),
    *("<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>"),
    *("</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>"),
    "</think>",
)
# The part of Qwen3's own template that a single message of a user goes through.
_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def write_qwen_tokenizer(folder: Path) -> None:
    """Write the tokenizer of Qwen for transformers to `folder`, which is created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = gzip.decompress(_MERGES.read_bytes()).decode("utf-8").splitlines()
    tokens = [*byte_letters(), *("".join(merge.split()) for merge in merges)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", encoding="utf-8")
    added = {
        str(len(tokens) + index): {
            "content": token,
            "special": token.startswith("<|"),
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "single_word": False,
        }
        for index, token in enumerate(_SPECIAL)
    }
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": added,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "bos_token": None,
        "add_prefix_space": False,
        "model_max_length": 131072,
        "chat_template": _TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
