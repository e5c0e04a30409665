"""Builds the prompt tokens of a request, shortened to fit the model's context window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from studio.formats.chat.chat_template import TemplateRefusedError, plain_text, render
from studio.formats.chat.context_window import Cut, cut_turns, prompt_budget
from studio.formats.chat.thoughts import opened_thought
from studio.kinds.sources import with_sources
from studio.kinds.text import TextRequest
from studio.protocol import ProblemError, problem


class Prompt(Struct, frozen=True):
    """The tokenized prompt of a request.

    Attributes:
        ids: token ids.
        max_tokens: longest answer that fits, in tokens.
        left_out: number of the oldest turns that were dropped.
        characters: characters dropped, from those turns and from the start of the prompt.
        continues: whether the answer continues the text of the prompt (no chat template).
        thought: mark with which the chat template opened the model's thoughts, or "".
        answer_start: the start of the answer, with which the prompt ends.
    """

    ids: list[int]
    max_tokens: int
    left_out: int = 0
    characters: int = 0
    continues: bool = False
    thought: str = ""
    answer_start: str = ""


def build_prompt(
    request: TextRequest,
    encode: Callable[..., list[int]],
    template: str | None,
    special: dict[str, str],
    context: int | None,
) -> Prompt:
    """Return the prompt of a request.

    In a chat, the oldest turns are dropped until the rest fits. A prompt that is too long on its
    own is rejected, since an answer to a part of it could be wrong. Without a chat template, the
    end of the text is kept.

    Args:
        request: the conversation and the maximum length of the answer.
        encode: `encode(text, special=True)` returns token ids; `special` adds the tokenizer's
            special tokens.
        template: the model's chat template, None for a model without one.
        special: names and texts of special tokens, for the template.
        context: length of the model's context in tokens; None for no limit.

    Raises:
        ProblemError: `bad_input`, if the prompt is too long or the template rejects the
            conversation.
    """

    thought = ""
    prompt = with_sources(request.prompt, request.sources)

    def ids_from(first: int) -> list[int]:
        nonlocal thought
        kept = request.messages[first:]
        if template is None:
            text = plain_text(request.system_prompt, kept, prompt)
            return encode(text + request.answer_start, special=True)
        text = render(template, special, request.system_prompt, kept, prompt)
        opened = opened_thought(text)
        # The start of an answer has the mark already.
        thought = "" if request.answer_start else opened
        return encode(text + request.answer_start.removeprefix(opened), special=False)

    try:
        roles = [turn.role for turn in request.messages]
        cut = cut_turns(lambda first: len(ids_from(first)), roles, context, request.max_tokens)
        ids = ids_from(cut.first)
    except TemplateRefusedError as error:
        raise problem(
            "bad_input",
            "This model's chat template rejects the conversation: {reason}. Start a new"
            " conversation, or choose another model.",
            reason=str(error)[:200],
        ) from error
    left_out = request.messages[: cut.first]
    characters = sum(len(turn.content) for turn in left_out)
    if cut.fits or context is None:
        return Prompt(
            ids,
            cut.room,
            len(left_out),
            characters,
            template is None,
            thought,
            request.answer_start,
        )
    if template is None:
        return _cut_to_end(ids, encode, request, context, characters)
    raise _too_long(cut, request, context)


def keep_end(
    ids: Sequence[int], opening: Sequence[int], context: int, max_tokens: int
) -> list[int]:
    """Return the last tokens of a text that fit into the context.

    `opening` are the special tokens at the start of every text; they are kept.
    """
    prefix = list(opening) if list(ids[: len(opening)]) == list(opening) else []
    room = max(1, prompt_budget(context, max_tokens) - len(prefix))
    return prefix + list(ids[len(prefix) :])[-room:]


def _cut_to_end(
    ids: list[int],
    encode: Callable[..., list[int]],
    request: TextRequest,
    context: int,
    characters: int,
) -> Prompt:
    kept = keep_end(ids, encode("", special=True), context, request.max_tokens)
    # Estimated from the share of the tokens, which is close enough for a message.
    lost = round(len(request.prompt) * (1 - len(kept) / len(ids)))
    room = min(request.max_tokens, context - len(kept))
    return Prompt(
        kept,
        room,
        len(request.messages),
        characters + lost,
        continues=True,
        answer_start=request.answer_start,
    )


def _too_long(cut: Cut, request: TextRequest, context: int) -> ProblemError:
    if len(request.system_prompt) > len(request.prompt):
        return problem(
            "bad_input",
            "The system prompt is too long: with the prompt it has {tokens} tokens, and this"
            " model reads {context} at most, answer included. Shorten it, or choose a model"
            " with a longer context.",
            tokens=cut.tokens,
            context=context,
        )
    return problem(
        "bad_input",
        "The prompt is too long: it has {tokens} tokens, and this model reads {context} at"
        " most, answer included. Shorten it by about {percent} %, or choose a model with a"
        " longer context.",
        tokens=cut.tokens,
        context=context,
        percent=min(99, 1 + round(100 * (1 - context / max(1, cut.tokens)))),
    )
