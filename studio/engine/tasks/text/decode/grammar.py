"""Answers of a given form: which tokens may come next, by a JSON schema or regular expression.

llguidance keeps the state of a parser for each row and names the tokens that it allows; all
others are taken out before a token is picked. A row's tokens depend on nothing but its own text,
so that its result stays the same in any batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from studio.formats.chat.thoughts import split_thoughts
from studio.kinds.text import TextRequest
from studio.protocol import Problem, ProblemError, problem, sentence

_SECONDS = 20.0
"""Longest time for compiling a grammar, which for most takes a few milliseconds."""

_MAX_SYMBOLS = 200_000
_MAX_REASON = 300
_JSON = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": False,
    "coerce_one_of": False,
}
"""One way to write JSON: small models would go on with spaces for ever. What a schema itself says
of these (`x-guidance`) has no effect: an answer would not be sure to follow it."""


class Grammars:
    """Compiles the forms of answers for one model.

    Args:
        make_vocabulary: returns the `LLTokenizer` of the model; called once, when first needed.
    """

    def __init__(self, make_vocabulary: Callable[[], Any]) -> None:
        self._make_vocabulary = make_vocabulary
        self._vocabulary: Any = None
        self._last: tuple[str, Any] | None = None

    def compile(self, request: TextRequest, check: Callable[[], None]) -> Grammar | None:
        """Return the form that a request gives its answers, None if it gives none.

        Raises:
            ProblemError: `bad_input`, if nothing can satisfy it, if it is too complex, or if it
                uses what is not supported.
        """
        text = grammar_text(request)
        if text is None:
            return None
        if self._last is None or self._last[0] != text:
            self._last = text, _within_time(lambda: self._matcher(text), check)
        return Grammar(self._vocabulary, self._last[1], request.answer_start)

    def _matcher(self, text: str) -> Any:
        from llguidance import LLMatcher

        if self._vocabulary is None:
            try:
                self._vocabulary = self._make_vocabulary()
            except (ValueError, RuntimeError, TypeError) as error:
                raise problem(
                    "bad_input",
                    "The tokenizer of this model cannot be used for answers of a given form. Choose"
                    " another model, or leave out the schema.",
                    detail=f"{type(error).__name__}: {error}",
                ) from error
        matcher = LLMatcher(self._vocabulary, text, log_level=0, limits=_limits())
        if not matcher.is_error():
            is_empty = not any(matcher.compute_bitmask())
            if is_empty or (matcher.is_error() and "NoExtension" in matcher.get_error()):
                raise problem(
                    "bad_input",
                    "No answer can follow this schema or expression. Change it.",
                    detail=matcher.get_error(),
                )
        if matcher.is_error():
            raise _refused(matcher.get_error())
        return matcher


class Grammar:
    """The form of the answers of one job."""

    def __init__(self, vocabulary: Any, matcher: Any, start: str) -> None:
        self._vocabulary = vocabulary
        self._matcher = matcher
        self._start = start

    def row(self, opening: str) -> RowGrammar:
        """Return the form of a new row.

        `opening` is the mark with which the prompt opens the model's thoughts, or "".

        Raises:
            ProblemError: `bad_input`, if the start of the answer does not follow it.
        """
        row = RowGrammar(self._vocabulary, self._matcher.deep_copy(), opening or self._start)
        if row.problem is not None:
            raise problem(
                "bad_input",
                "The start of the answer does not follow the schema or expression. Change one of"
                " them.",
                detail=row.problem.detail,
            )
        return row


class RowGrammar:
    """The state of one row.

    Thoughts of the model are free. While they last, the answer cannot end.
    """

    def __init__(self, vocabulary: Any, matcher: Any, begun: str) -> None:
        self._vocabulary = vocabulary
        self._matcher = matcher
        self._text = begun
        self._allowed: np.ndarray[Any, Any] | None = None
        self._is_thinking = False
        self.problem: Problem | None = None
        """What went wrong; the row is then of no use."""
        self._look_at_start()

    @property
    def is_complete(self) -> bool:
        """Whether nothing can follow."""
        return not self._is_thinking and bool(self._matcher.is_stopped())

    def push(self, token: int, text: str) -> None:
        """Add a token, and the text that it completes."""
        self._allowed = None
        if self._is_thinking:
            self._text += text
            self._look_at_start()
        elif not self._matcher.consume_token(token):
            self._fail()

    def forbidden(self, size: int) -> np.ndarray[Any, Any] | None:
        """Return for each token whether it cannot come next; None if any may, or none does."""
        if self.problem is not None or self.is_complete:
            return None
        if self._allowed is None:
            self._allowed = self._next_tokens(size)
        return ~self._allowed

    def restrict(self, scores: np.ndarray[Any, Any]) -> None:
        """Take out the tokens that cannot come next, in place. `scores` are those of one row."""
        forbidden = self.forbidden(len(scores))
        if forbidden is not None:
            scores[forbidden] = -np.inf

    def _next_tokens(self, size: int) -> np.ndarray[Any, Any]:
        allowed = np.ones(size, dtype=bool)
        if self._is_thinking:
            ends = [token for token in self._vocabulary.eos_tokens if token < size]
            allowed[ends] = False
            return allowed
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        found = np.unpackbits(bits, bitorder="little")[:size].astype(bool)
        if self._matcher.is_error() or not found.any():
            self._fail()
            return allowed
        allowed[:] = False
        allowed[: len(found)] = found
        return allowed

    def _look_at_start(self) -> None:
        """Follow the thoughts, and what comes after them."""
        found = split_thoughts(self._text)
        self._is_thinking = found.is_thinking
        if not found.is_thinking and found.answer:
            tokens = self._vocabulary.tokenize_str(found.answer)
            if self._matcher.try_consume_tokens(tokens) < len(tokens):
                self._fail()

    def _fail(self) -> None:
        self.problem = Problem(
            "bad_input",
            sentence(
                "The answer could not be continued: the schema or expression is too complex here."
                " Simplify it."
            ),
            self._matcher.get_error()[:_MAX_REASON],
        )


def grammar_text(request: TextRequest) -> str | None:
    """Return the form of a request in the words of llguidance, None if there is none."""
    if not request.schema and not request.regex:
        return None
    from llguidance import LLMatcher

    if request.regex:
        return str(LLMatcher.grammar_from_regex(request.regex))
    try:
        written: Any = _JSON
        return str(LLMatcher.grammar_from_json_schema(request.schema, overrides=written))
    except ValueError as error:
        raise _refused(str(error)) from error


def check_grammar(request: TextRequest, check: Callable[[], None]) -> None:
    """Check the form of a request before a model is loaded. Raises like `Grammars.compile`."""
    text = grammar_text(request)
    if text is not None:
        _within_time(lambda: _validate(text), check)


def restrict_rows(scores: np.ndarray[Any, Any], grammars: Sequence[RowGrammar | None]) -> None:
    """Take out the tokens that cannot come next in each row of `scores`, in place."""
    for place, grammar in enumerate(grammars):
        if grammar is not None:
            grammar.restrict(scores[place])


def _validate(text: str) -> None:
    from llguidance import LLMatcher

    is_error, messages = LLMatcher.validate_grammar_with_warnings(text, limits=_limits())
    if is_error:
        raise _refused(messages[0] if messages else "")


def _limits() -> Any:
    from llguidance import LLParserLimits

    return LLParserLimits(max_grammar_size=_MAX_SYMBOLS, verbose_errors=False)


def _within_time(work: Callable[[], Any], check: Callable[[], None]) -> Any:
    """Return the result of some work in a thread. The work cannot be stopped, only left behind."""
    done: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # handed over to the caller
            failed.append(error)

    thread = threading.Thread(target=run, name="grammar", daemon=True)
    thread.start()
    waited = 0.0
    while thread.is_alive():
        thread.join(0.05)
        check()
        waited += 0.05
        if waited > _SECONDS and thread.is_alive():
            raise problem(
                "bad_input",
                "The schema or expression is too complex: preparing it takes longer than"
                " {seconds} seconds. Simplify it.",
                seconds=int(_SECONDS),
            )
    if failed:
        raise failed[0]
    return done[0]


def _refused(reason: str) -> ProblemError:
    lines = [line for line in reason.splitlines() if not line.startswith("<")]
    said = next((line for line in lines if line.startswith("error: ")), lines[0] if lines else "?")
    return problem(
        "bad_input",
        "The schema or expression cannot be used: {reason}.",
        detail=reason[:2000],
        reason=said.removeprefix("error: ").rstrip(".")[:_MAX_REASON],
    )
