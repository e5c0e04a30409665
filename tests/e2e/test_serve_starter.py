"""OpenAI's own client against the server with the real starter models."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from openai.types.chat import ChatCompletionUserMessageParam
from PIL import Image

from tests.e2e.served import PICTURE_MODEL, TEXT_MODEL, served

QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "Name a colour."}


def test_the_starter_models_answer_and_draw(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        create = server.client.chat.completions.create
        whole = create(
            model=TEXT_MODEL, messages=[QUESTION], max_tokens=5, seed=7, n=2, temperature=1.5
        )
        stream = create(
            model=TEXT_MODEL,
            messages=[QUESTION],
            max_tokens=5,
            seed=8,
            temperature=1.5,
            stream=True,
            stream_options={"include_usage": True},
        )
        events = list(stream)
        second = "".join(e.choices[0].delta.content or "" for e in events if e.choices)
        assert second.strip() and second == whole.choices[1].message.content
        assert {choice.finish_reason for choice in whole.choices} == {"length"}
        assert whole.usage is not None and events[-1].usage is not None
        assert whole.usage.completion_tokens == 2 * events[-1].usage.completion_tokens == 10
        assert whole.usage.prompt_tokens == events[-1].usage.prompt_tokens > 5

        made = server.client.images.generate(model=PICTURE_MODEL, prompt="a red apple")
        assert made.data is not None
        with Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json or ""))) as picture:
            assert (picture.format, picture.size) == ("PNG", (128, 128))
        assert server.stop()[0] == 130
