"""What the window and the token count process send each other.

Importing it must stay quick: the window does so on its own thread.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from studio.protocol import Message


class Conversation(Struct, frozen=True):
    """System prompt, earlier turns (`messages`), and the user's last turn (`prompt`)."""

    prompt: str
    system_prompt: str = ""
    messages: tuple[Message, ...] = ()


class CountRequest(Struct, frozen=True):
    """A conversation for the model in `folder`, with the maximum length of the answer.

    `folder` may also be a GGUF file.
    """

    folder: str
    conversation: Conversation
    max_tokens: int


class ContextUse(Struct, frozen=True):
    """How much of a model's context a conversation would use.

    Attributes:
        tokens: tokens that would be sent.
        context: the context length in tokens, None for no limit.
        room: tokens available for the answer.
        left_out: number of oldest turns that would be dropped.
        fits: False if even the prompt alone leaves no room for an answer.
    """

    tokens: int
    context: int | None
    room: int
    left_out: int = 0
    fits: bool = True


class CountFailed(Struct, frozen=True):
    """Why the tokens could not be counted."""

    reason: str


class Reply(Struct, frozen=True):
    """One of the two."""

    use: ContextUse | None = None
    failed: CountFailed | None = None


_requests = msgspec.msgpack.Decoder(CountRequest)
_replies = msgspec.msgpack.Decoder(Reply)
_encoder = msgspec.msgpack.Encoder()


def encode_request(request: CountRequest) -> bytes:
    """Encode a request for the pipe."""
    return _encoder.encode(request)


def decode_request(data: bytes) -> CountRequest:
    """Decode a request. Raises `msgspec.DecodeError`."""
    return _requests.decode(data)


def encode_reply(reply: Reply) -> bytes:
    """Encode a reply for the pipe."""
    return _encoder.encode(reply)


def decode_reply(data: bytes) -> ContextUse | CountFailed:
    """Decode a reply. Raises `msgspec.DecodeError`."""
    reply = _replies.decode(data)
    return reply.use or reply.failed or CountFailed("empty reply")
