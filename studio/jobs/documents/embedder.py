"""Vectors of passages and questions, made by a model on an engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from os import urandom
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from studio.engine.api import Engine
from studio.formats.weights.sentence_embedder import read_sentence_embedder
from studio.formats.weights.weights_fingerprint import weight_hash
from studio.library.documents.passage_index import PassageIndex
from studio.protocol import (
    EmbedTexts,
    Event,
    Failed,
    ModelRef,
    Problem,
    ProblemError,
    TextsEmbedded,
    problem,
)

STEP = 32
"""Texts of one command. A job waits for no more than these."""

NONE = "none"
"""The name of no embedder: documents are searched by words only."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CJK_LANGUAGES = frozenset({"zh", "ja", "ko"})
_CJK_SHARE = 0.2
_SAMPLE = 1_000

Embed: TypeAlias = Callable[[Sequence[str], bool], Sequence[bytes]]
"""Returns a vector for each text; the flag says whether they are questions."""


class Embedder(Struct, frozen=True):
    """How texts become vectors: with a model, whose id and files `key` names.

    Attributes:
        languages: codes of what the model knows, empty if that is not known.
        fills: whether passages without a vector get one before they are searched. Otherwise those
            are found that have one.
        report: gets how many passages have got a vector, of how many.
        failed: gets what was wrong where the search has to do without.
    """

    key: str
    embed: Embed
    languages: tuple[str, ...] = ()
    fills: bool = True
    report: Callable[[int, int], object] = lambda _done, _of: None
    failed: Callable[[Problem], object] = lambda _: None

    def suits(self, text: str) -> bool:
        """Whether the model may know the language of a text.

        The vectors of a text that it cannot read would only be in the way.
        """
        if not self.languages or _CJK_LANGUAGES & set(self.languages):
            return True
        sample = text[:_SAMPLE]
        return len(_CJK.findall(sample)) < _CJK_SHARE * len(sample)


def choose_embedder(models: Iterable[ModelRef], name: str = "") -> ModelRef | None:
    """Return the embedder with an id, or by default one that was added before that of the starter.

    None if there is none, or `name` is `NONE`. Raises `ProblemError` (model_missing) if there is no
    such model.
    """
    if name == NONE:
        return None
    known = [model for model in models if model.role == "embedder"]
    if not name:
        return min(known, key=lambda model: model.is_starter, default=None)
    for model in known:
        if name in (model.id, model.name):
            return model
    raise problem(
        "model_missing",
        "There is no model {model} that searches by meaning. There are: {names}.",
        model=name[:100],
        names=", ".join(model.id for model in known) or "–",
    )


def key_of(model: ModelRef, check: Callable[[], None] | None = None) -> str:
    """Return what names an embedder and the content of its files. Reads its weights once.

    Raises `ProblemError`.
    """
    layout = read_sentence_embedder(Path(model.path))
    files = f"{weight_hash(model, check)} {layout}"
    return f"{model.id} {hashlib.sha256(files.encode()).hexdigest()}"


def embedder_on(
    engine: Engine,
    model: ModelRef,
    *,
    report: Callable[[int, int], object] = lambda _done, _of: None,
    failed: Callable[[Problem], object] = lambda _: None,
) -> Embedder:
    """Return an embedder that computes on an engine. It raises `ProblemError`, as this does."""

    def embed(texts: Sequence[str], are_questions: bool) -> list[bytes]:
        vectors: list[bytes] = []
        for at in range(0, len(texts), STEP):
            vectors += embed_on(engine, model, tuple(texts[at : at + STEP]), are_questions).vectors
        return vectors

    return Embedder(key_of(model), embed, model.languages, report=report, failed=failed)


def embed_on(
    engine: Engine,
    model: ModelRef,
    texts: tuple[str, ...],
    are_questions: bool,
    on_event: Callable[[Event], object] = lambda _: None,
    job: str = "",
) -> TextsEmbedded:
    """Have an engine embed texts, in one command. Blocks. Raises `ProblemError`."""
    found: list[TextsEmbedded] = []

    def note(event: Event) -> None:
        if isinstance(event, TextsEmbedded):
            found.append(event)
        on_event(event)

    command = EmbedTexts(
        job=job or urandom(16).hex(), model=model, texts=texts, are_questions=are_questions
    )
    final = engine.run(command, note)
    if isinstance(final, Failed):
        raise ProblemError(final.problem)
    if not found or len(found[0].vectors) != len(texts):
        raise _cancelled()
    return found[0]


def question_vector(
    question: str, hashes: Sequence[str], index: PassageIndex, embedder: Embedder | None
) -> tuple[str, bytes]:
    """Return the key of an embedder and its vector of a question, for `PassageIndex.search`.

    Both are empty where words have to do: without an embedder, if it does not know the language, or
    if it fails, which it is told. Raises `ProblemError` only if it is cancelled.
    """
    if embedder is None or not embedder.suits(question):
        return "", b""
    try:
        if embedder.fills:
            add_vectors(hashes, index, embedder)
        (vector,) = embedder.embed([question], True)
    except ProblemError as error:
        if error.problem.kind == "cancelled":
            raise
        embedder.failed(error.problem)
        return "", b""
    return embedder.key, vector


def add_vectors(
    hashes: Sequence[str], index: PassageIndex, embedder: Embedder, step: int = STEP
) -> None:
    """Give every passage of some documents a vector, a stretch of them at a time.

    What is done stays if the embedder raises.
    """
    waiting = passages_without(hashes, index, embedder)
    for at in range(0, len(waiting), step):
        some = waiting[at : at + step]
        vectors = embedder.embed([text for _, text in some], False)
        pairs = zip((id for id, _ in some), vectors, strict=True)
        index.add_vectors(embedder.key, dict(pairs))
        embedder.report(min(at + step, len(waiting)), len(waiting))


def passages_without(
    hashes: Sequence[str], index: PassageIndex, embedder: Embedder
) -> list[tuple[int, str]]:
    """Return ids and texts of the passages that lack a vector and could have one."""
    waiting = index.without_vectors(hashes, embedder.key)
    return [(id, text) for id, text in waiting if embedder.suits(text)]


def _cancelled() -> ProblemError:
    return problem("cancelled", "The search by meaning was cancelled.")
