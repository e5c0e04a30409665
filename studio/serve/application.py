"""What the server answers to which address."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from studio.models.registry import Registry
from studio.protocol import ProblemError, sentence, unexpected
from studio.serve.access import Guard
from studio.serve.bodies import MAX_FORM_BYTES, read_body, read_json
from studio.serve.chat import Answers, ChatBody, chat_kind, read_chat, whole_completion
from studio.serve.chat_events import chat_events, first_pieces
from studio.serve.embeddings import EmbeddingsBody, check_embeddings, embeddings_answer
from studio.serve.errors import ApiError, api_error
from studio.serve.forms import read_form
from studio.serve.job_board import JobBoard
from studio.serve.job_feed import JobFeed
from studio.serve.models import (
    describe_model,
    find_embedder,
    find_model,
    require_model,
    served_embedders,
    served_models,
)
from studio.serve.pictures import (
    finished_pictures,
    picture_body,
    picture_kind,
    read_pictures,
)

T = TypeVar("T")

_CLIENT_GONE = 499


def application(board: JobBoard, registry: Registry, token: str) -> Guard:
    """Return the ASGI application."""
    return Guard(_starlette(Endpoints(board, registry)), token)


class Endpoints:
    """The answers to requests that are allowed."""

    def __init__(self, board: JobBoard, registry: Registry) -> None:
        self._board = board
        self._registry = registry

    async def models(self, _request: Request) -> Response:
        """List the models."""
        models = await asyncio.to_thread(served_models, self._registry)
        models += await asyncio.to_thread(served_embedders, self._registry)
        return JSONResponse({"object": "list", "data": [describe_model(each) for each in models]})

    async def model(self, request: Request) -> Response:
        """Describe one model."""
        name = request.path_params["model"]
        return JSONResponse(
            describe_model(await asyncio.to_thread(require_model, self._registry, name))
        )

    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        body = await read_json(request, ChatBody)
        model = await asyncio.to_thread(find_model, self._registry, chat_kind(), body.model)
        chat = read_chat(body, model)
        async with AsyncExitStack() as stack:
            feed = await stack.enter_async_context(JobFeed(self._board, chat.request))
            answers = Answers(chat, feed)
            if not chat.streams:
                whole = whole_completion(chat, answers, feed.job_id)
                return JSONResponse(await _while_connected(request, whole))
            pieces, first = await _while_connected(request, first_pieces(answers))
            # From here on the response ends the job.
            events = chat_events(chat, answers, feed.job_id, pieces, first)
            return _EventResponse(events, stack.pop_all())

    async def pictures(self, request: Request) -> Response:
        """Draw pictures."""
        fields = await read_json(request, dict[str, Any])
        name = picture_body(fields).model
        model = await asyncio.to_thread(find_model, self._registry, picture_kind(), name)
        wanted = read_pictures(fields, model, {})
        async with JobFeed(self._board, wanted) as feed:
            made = finished_pictures(feed, wanted.count)
            return JSONResponse(await _while_connected(request, made))

    async def edits(self, request: Request) -> Response:
        """Draw pictures from a start picture, with or without a mask."""
        content_type = request.headers.get("content-type", "")
        body = await read_body(request, MAX_FORM_BYTES)
        form = await asyncio.to_thread(read_form, content_type, body)
        kind = picture_kind()
        start = kind.inputs[0]
        if start not in form.files:
            raise ApiError(400, sentence("{name} is missing: a file.", name=start), param=start)
        name = picture_body(form.values).model
        model = await asyncio.to_thread(find_model, self._registry, kind, name)
        given = {name: data for name, data in form.files.items() if name in kind.inputs}
        with ExitStack() as stack:
            files = await asyncio.to_thread(stack.enter_context, self._board.uploaded(given))
            wanted = read_pictures(form.values, model, files)
            async with JobFeed(self._board, wanted) as feed:
                made = finished_pictures(feed, wanted.count)
                return JSONResponse(await _while_connected(request, made))

    async def embeddings(self, request: Request) -> Response:
        """Turn texts into vectors."""
        body = await read_json(request, EmbeddingsBody)
        check_embeddings(body)
        model = await asyncio.to_thread(find_embedder, self._registry, body.model)
        stopped = threading.Event()
        work = asyncio.to_thread(
            self._board.embed, model, body.texts, body.input_type == "query", stopped
        )
        try:
            vectors, tokens = await _while_connected(request, work)
        finally:
            stopped.set()
        answer = await asyncio.to_thread(embeddings_answer, body, model, vectors, tokens)
        return JSONResponse(answer)


def _starlette(endpoints: Endpoints) -> Starlette:
    return Starlette(
        routes=[
            Route("/v1/models", endpoints.models, methods=["GET"]),
            Route("/v1/models/{model:path}", endpoints.model, methods=["GET"]),
            Route("/v1/chat/completions", endpoints.chat, methods=["POST"]),
            Route("/v1/images/generations", endpoints.pictures, methods=["POST"]),
            Route("/v1/images/edits", endpoints.edits, methods=["POST"]),
            Route("/v1/embeddings", endpoints.embeddings, methods=["POST"]),
        ],
        exception_handlers={
            ApiError: _on_api_error,
            ProblemError: _on_problem,
            HTTPException: _on_http_error,
            Exception: _on_bug,
        },
    )


class _EventResponse(StreamingResponse):
    """Server-sent events. Closes a stack at the end, also if not one event could be sent."""

    def __init__(self, events: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        headers = {"cache-control": "no-cache"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return the result of `work`, which is cancelled when the client closes the connection."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(_CLIENT_GONE)
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# ---- errors


def _on_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return api_error(error.problem).response()


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = sentence(
            "{path} does not answer to {method}.", path=request.url.path, method=request.method
        )
    else:
        message = sentence(
            "There is nothing at {path}. The addresses are /v1/models, /v1/chat/completions, "
            "/v1/images/generations, /v1/images/edits and /v1/embeddings.",
            path=request.url.path[:200],
        )
    return ApiError(error.status_code, message, code="unknown_url").response()


def _on_bug(_request: Request, error: Exception) -> Response:
    return api_error(unexpected(error)).response()
