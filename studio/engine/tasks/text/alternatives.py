"""What the model could have written at a place of an answer, and how likely it finds that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from studio.engine.local.devices import Device
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter
from studio.engine.tasks.text.model.load import acquire
from studio.engine.tasks.text.model.loaded import LoadedText
from studio.engine.tasks.text.prompt import build_prompt
from studio.kinds.model_defaults import with_model_defaults
from studio.kinds.text import TextRequest
from studio.protocol import Alternative, AlternativesListed, ListAlternatives

MOST = 10
_CANDIDATES = 40
_CONTEXT_TOKENS = 6
_MAX_PARTS = 4
"""Tokens of which a character may consist."""

_REPLACEMENT_CHARACTER = "\ufffd"


def list_alternatives(
    job: Job, command: ListAlternatives, memory: MemoryArbiter, device: Device
) -> AlternativesListed:
    """Return the likeliest tokens after the start of the answer.

    The probabilities are those of the model, without temperature, penalty and the like; tokens
    that do not follow the form of the request are left out.

    Raises:
        ProblemError: as `run.run`.
        JobCancelledError: at any part of the prompt, or stage of loading.
    """
    request = with_model_defaults(command.request, {})
    assert isinstance(request, TextRequest)
    loaded = acquire(job, command.model, memory, device)
    start, blank = _before_blank(request.answer_start)
    found = _listed(job, loaded, request, start, blank)
    if not found and blank:
        # None of them begins with a blank.
        start = request.answer_start
        found = _listed(job, loaded, request, start, "")
    return AlternativesListed(job.id, start, tuple(found))


def _listed(
    job: Job, loaded: LoadedText, request: TextRequest, start: str, blank: str
) -> list[Alternative]:
    request = request.with_values(answer_start=start)
    prompt = build_prompt(request, loaded.encode, loaded.template, loaded.special, loaded.context)
    finder = _Finder(loaded, prompt.ids, has_answer=bool(start), check=job.check)
    scores = finder.scores(())
    grammar = loaded.grammars.compile(request, job.check)
    if grammar is not None:
        grammar.row(prompt.thought).restrict(scores)
    return finder.likeliest(scores, blank)


def _before_blank(start: str) -> tuple[str, str]:
    """Divide a text before the blank at its end: most tokens begin with the blank before a word."""
    if start.endswith(" ") and not start.endswith("  "):
        return start[:-1], " "
    return start, ""


class _Finder:
    """Finds the tokens that may follow a prompt."""

    def __init__(
        self, loaded: LoadedText, ids: Sequence[int], *, has_answer: bool, check: Callable[[], None]
    ) -> None:
        self._loaded = loaded
        self._ids = list(ids)
        self._check = check
        # As in `TextStream`: decoded together with those before, since some tokenizers put a
        # space before a word only there.
        self._before = self._ids[-_CONTEXT_TOKENS:] if has_answer else []
        self._before_text = loaded.decode(self._before) if self._before else ""

    def scores(self, tokens: Sequence[int]) -> np.ndarray[Any, Any]:
        """Return the logits (vocabulary) after the prompt and these tokens."""
        prompt: Any = self._loaded.decoder.prefill([*self._ids, *tokens], self._check, _MAX_PARTS)
        found: np.ndarray[Any, Any] = prompt.scores()
        return found

    def likeliest(self, scores: np.ndarray[Any, Any], blank: str) -> list[Alternative]:
        """Return the likeliest tokens that begin with `blank`, as text. Equal texts are one."""
        probabilities = np.exp(scores.astype(np.float64) - scores.max())
        probabilities /= probabilities.sum()
        likeliest = np.argsort(-probabilities, kind="stable")[:_CANDIDATES]
        found: dict[tuple[str, bool], float] = {}
        chances = probabilities[likeliest].tolist()
        for chance, token in zip(chances, likeliest.tolist(), strict=True):
            ends = token in self._loaded.stop_tokens
            text = "" if ends else self._text(token)
            if chance == 0 or (not ends and (not text or not text.startswith(blank))):
                continue
            if len(found) == MOST and (text, ends) not in found:
                break
            found[text, ends] = found.get((text, ends), 0.0) + chance
        listed = sorted(found.items(), key=lambda item: -item[1])
        return [Alternative(text, min(chance, 1.0), ends) for (text, ends), chance in listed]

    def _text(self, token: int) -> str:
        """Return the text of a token; the likeliest one if it is only a part of a character."""
        tokens = [token]
        text = self._new_text(tokens)
        while text.endswith(_REPLACEMENT_CHARACTER) and len(tokens) < _MAX_PARTS:
            tokens.append(int(self.scores(tokens).argmax()))
            text = self._new_text(tokens)
        return "" if _REPLACEMENT_CHARACTER in text else text

    def _new_text(self, tokens: Sequence[int]) -> str:
        return self._loaded.decode([*self._before, *tokens])[len(self._before_text) :]
