"""From a request to the tokens that the model is given, cut to fit its context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from studio.formats.chat_template import TemplateRefusedError, plain_text, render
from studio.formats.context_window import Cut, cut_turns, prompt_budget
from studio.kinds.text import TextRequest
from studio.protocol import ProblemError, problem


class Prompt(Struct, frozen=True):
    """What the model is given.

    Attributes:
        ids: token ids.
        room: tokens that the answer may have.
        left_out: the oldest turns, which did not fit.
        characters: characters left out, of those turns and of the prompt's beginning.
        continues: whether the answer goes on with the prompt's text, as without a template.
    """

    ids: list[int]
    room: int
    left_out: int = 0
    characters: int = 0
    continues: bool = False


def prepare(
    request: TextRequest,
    encode: Callable[..., list[int]],
    template: str | None,
    special: dict[str, str],
    context: int | None,
) -> Prompt:
    """Return the prompt of a request.

    In a chat, the oldest turns are left out until the rest fits; a last prompt that alone is
    too long is refused, since a model that read only a part of it would answer something else
    than was asked. A text to be continued keeps its end.

    Args:
        request: the conversation and how long the answer may be.
        encode: `encode(text, special=True)` gives token ids, with the tokens that the
            tokenizer puts around a text of its own accord if `special`.
        template: the model's chat template, None for a model without.
        special: names and texts of special tokens, for the template.
        context: tokens of the model's context; None for no limit.

    Raises:
        ProblemError: `bad_input`, where the prompt is too long, or where the template does not
            take the conversation.
    """

    def ids_from(first: int) -> list[int]:
        kept = request.messages[first:]
        if template is None:
            return encode(plain_text(request.system_prompt, kept, request.prompt), special=True)
        text = render(template, special, request.system_prompt, kept, request.prompt)
        return encode(text, special=False)

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
        return Prompt(ids, cut.room, len(left_out), characters, template is None)
    if template is None:
        return _end_of(ids, encode, request, context, characters)
    raise _too_long(cut, request, context)


def without_beginning(
    ids: Sequence[int], opening: Sequence[int], context: int, max_tokens: int
) -> list[int]:
    """Return the end of a text that is to be continued, as long as the context has room for.

    `opening` are the tokens that the tokenizer puts before every text; they stay.
    """
    held = list(opening) if list(ids[: len(opening)]) == list(opening) else []
    room = max(1, prompt_budget(context, max_tokens) - len(held))
    return held + list(ids[len(held) :])[-room:]


def _end_of(
    ids: list[int],
    encode: Callable[..., list[int]],
    request: TextRequest,
    context: int,
    characters: int,
) -> Prompt:
    kept = without_beginning(ids, encode("", special=True), context, request.max_tokens)
    # What a token stands for differs; the share of the tokens is near enough for a message.
    lost = round(len(request.prompt) * (1 - len(kept) / len(ids)))
    room = min(request.max_tokens, context - len(kept))
    return Prompt(kept, room, len(request.messages), characters + lost, continues=True)


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
