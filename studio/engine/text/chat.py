"""A conversation as the tokens that the model wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.context import Fitted, fit, prompt_budget
from studio.engine.text.load import LoadedText
from studio.protocol import Message, TextRequest, problem


def prepare(loaded: LoadedText, request: TextRequest) -> tuple[list[int], Fitted]:
    """Return the token ids of a request's prompt, and what was left out to make it fit.

    Raises:
        ProblemError: `bad_input`, where the model's chat template refuses the conversation.
    """

    def ids(messages: Sequence[Message], prompt: str) -> list[int]:
        return _ids(loaded.tokenizer, request.system_prompt, messages, prompt)

    budget = prompt_budget(loaded.context, request.max_tokens)
    fitted = fit(lambda kept, text: len(ids(kept, text)), request.messages, request.prompt, budget)
    tokens = ids(fitted.messages, fitted.prompt)
    if len(tokens) >= loaded.context:
        raise problem(
            "bad_input",
            "The system prompt alone is longer than this model's context of {context} tokens."
            " Shorten it.",
            context=loaded.context,
        )
    return tokens, fitted


def _ids(tokenizer: Any, system: str, messages: Sequence[Message], prompt: str) -> list[int]:
    if not getattr(tokenizer, "chat_template", None):
        turns = [system, *(turn.content for turn in messages), prompt]
        text = "\n\n".join(turn for turn in turns if turn)
        return list(tokenizer(text)["input_ids"])
    turns_as_dicts = [{"role": turn.role, "content": turn.content} for turn in messages]
    turns_as_dicts.append({"role": "user", "content": prompt})
    if system:
        turns_as_dicts.insert(0, {"role": "system", "content": system})
    try:
        text = tokenizer.apply_chat_template(
            turns_as_dicts, add_generation_prompt=True, tokenize=False
        )
    except Exception as error:
        if not system:
            raise problem(
                "bad_input",
                "This model's chat template does not take the conversation: {reason}."
                " Start a new conversation.",
                reason=str(error)[:200],
            ) from error
        # Some templates (Gemma's) know no system turn: it goes before the first user turn.
        turns_as_dicts = turns_as_dicts[1:]
        first = turns_as_dicts[0]
        turns_as_dicts[0] = {**first, "content": f"{system}\n\n{first['content']}"}
        text = tokenizer.apply_chat_template(
            turns_as_dicts, add_generation_prompt=True, tokenize=False
        )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
