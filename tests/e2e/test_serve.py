"""The server for other programs, used by OpenAI's own client. With the fake engine."""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam
from PIL import Image

from studio.kinds.image import ImageRequest
from studio.library.recipes.metadata import read_recipe
from studio.library.store import Library
from studio.models.starter_pack import EXTRAS
from studio.protocol import JobStatus
from tests.e2e.served import PICTURE_MODEL, TEXT_MODEL, Served, eventually, served
from tests.unit.model_files import write_embedder

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), fake="plain") as running:
        yield running


def said(text: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": text}]


def body(**changes: object) -> bytes:
    return json.dumps({"messages": said("hi")} | changes).encode()


def jobs(home: Path) -> list[tuple[str, JobStatus]]:
    """Return prompt and status of all jobs in the library, oldest first."""
    library = Library.open(home / "library", run_queue=False)
    found = [(getattr(job.request, "prompt", ""), job.status) for job in library.queue.list()]
    library.close()
    return found[::-1]


# ---- who may use it


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"origin": "vscode-webview://1x"}, 200),
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer ünknown"}, 401),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:80"}, 403),
        ({"host": ""}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_only_programs_of_this_machine_with_the_token_are_answered(
    server: Served, headers: dict[str, str], status: int
) -> None:
    answered, content = server.send("/v1/models", None, **headers)
    assert answered == status
    assert status == 200 or content["error"]["message"].endswith(".")


def test_no_page_is_allowed_to_send_requests(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
            b"Access-Control-Request-Method: GET\r\nConnection: close\r\n\r\n"
        )
        answer = connection.makefile("rb").read().lower()
    assert answer.startswith(b"http/1.1 403")
    assert b"access-control" not in answer


# ---- bodies


@pytest.mark.parametrize(
    ("content", "said_of_it"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "must be a JSON object"),
        (b'{"tools": ' + b"[" * 100_000, "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "must be a JSON object"),
        (body(messages="hi"), "messages must be a list"),
        (body(messages=[]), "last message must be the user's"),
        (body(messages=[{"role": "system", "content": "x"}]), "last message must be"),
        (body(messages=said("")), "prompt is empty"),
        (body(messages=[{"role": "tool", "content": "x"}]), "role 'tool'"),
        (body(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), "only text"),
        (body(temperature="hot"), "temperature"),
        (body(temperature=9), "temperature must be a number of at most 5"),
        (body(n=0), "n must be a whole number of at least 1"),
        (body(n=1_000_000), "n must be a whole number of at most 128"),
        (body(seed=-1), "seed must be"),
        (body(max_completion_tokens=0), "max_completion_tokens must be"),
        (body(tools=[{"type": "function"}]), "tools is not supported"),
        (body(response_format={"type": "xml"}), "response_format must be of the type text"),
        (body(response_format={"type": "json_schema"}), "response_format must be of the type text"),
        (
            body(response_format={"type": "json_schema", "json_schema": {"schema": {"$ref": "a"}}}),
            "The schema refers to a, which is not part of it",
        ),
        (body(stop=["x"] * 17), "stop may have at most 16 entries"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    server: Served, content: bytes, said_of_it: str
) -> None:
    status, answer = server.send(CHAT, content)
    assert status == 400
    assert said_of_it in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_body_is_refused_before_it_has_come(server: Served, declared: bool) -> None:
    length = b"Content-Length: 104857600" if declared else b"Transfer-Encoding: chunked"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n"
            % (CHAT.encode(), server.token.encode(), length)
        )
        if not declared:
            part = b"%x\r\n" % 2**20 + b" " * 2**20 + b"\r\n"
            for _ in range(5):
                connection.sendall(part)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", ["/v1/unknown", "/", "/v1/completions", CHAT])
def test_an_unknown_address_is_said(server: Served, path: str) -> None:
    status, answer = server.send(path)
    assert status in (404, 405)
    assert path in answer["error"]["message"]


# ---- answers


def test_models_are_listed_and_described(server: Served) -> None:
    listed = {model.id for model in server.client.models.list()}
    # Those that are installed only by name may be there or not.
    assert listed - {extra.model.id for extra in EXTRAS} == {TEXT_MODEL, PICTURE_MODEL}
    assert server.client.models.retrieve(TEXT_MODEL).id == TEXT_MODEL
    with pytest.raises(openai.NotFoundError):
        server.client.models.retrieve("dat-light-x2")


def test_an_unknown_model_is_answered_with_the_nearest_names(server: Served) -> None:
    for name in ("smollm", "/etc/passwd", "../../x"):
        with pytest.raises(openai.NotFoundError, match=TEXT_MODEL) as error:
            server.client.chat.completions.create(model=name, messages=said("hi"))
        assert error.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="not a text model"):
        server.client.chat.completions.create(model=PICTURE_MODEL, messages=said("hi"))


def test_variations_are_one_job_with_the_seeds_of_its_rows(server: Served) -> None:
    made = server.client.chat.completions.create(
        model=TEXT_MODEL,
        messages=said("hi"),
        n=3,
        seed=7,
    )
    answers = [choice.message.content or "" for choice in made.choices]
    assert [answer[:8] for answer in answers] == ["Answer 7", "Answer 8", "Answer 9"]
    assert [choice.finish_reason for choice in made.choices] == ["stop"] * 3
    assert made.usage is not None and made.usage.completion_tokens == 36


def test_an_answer_of_a_given_form_is_asked_for_as_elsewhere(server: Served) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "town": {}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    status, made = server.send(CHAT, body(messages=said("hi"), seed=7, response_format=form))
    assert status == 200
    answer = json.loads(made["choices"][0]["message"]["content"])
    assert answer == {"name": "name 7", "town": "town 7"}
    form = {"type": "json_object"}
    status, made = server.send(CHAT, body(messages=said("hi"), response_format=form))
    assert status == 200 and made["choices"][0]["finish_reason"] == "stop"


def test_the_pieces_of_a_stream_are_the_whole_answer(server: Served) -> None:
    create = server.client.chat.completions.create
    whole = create(model=TEXT_MODEL, messages=said("hi"), n=2, seed=7)
    stream = create(
        model=TEXT_MODEL,
        messages=said("hi"),
        n=2,
        seed=7,
        stream=True,
        stream_options={"include_usage": True},
    )
    answers, reasons, usage = ["", ""], ["", ""], None
    for event in stream:
        usage = event.usage or usage
        for choice in event.choices:
            answers[choice.index] += choice.delta.content or ""
            reasons[choice.index] = choice.finish_reason or ""
    assert answers == [choice.message.content for choice in whole.choices]
    assert reasons == ["stop", "stop"]
    assert usage == whole.usage


def test_an_answer_ends_before_a_stop_sequence(server: Served) -> None:
    made = server.client.chat.completions.create(
        model=TEXT_MODEL,
        messages=said("hi"),
        seed=7,
        stop=["three", "zebra"],
    )
    assert made.choices[0].message.content == "Answer 7 to **hi**: one two "
    assert made.choices[0].finish_reason == "stop"


def test_a_conversation_goes_on_from_the_start_of_an_answer(server: Served) -> None:
    status, made = server.send(
        CHAT,
        body(
            messages=[
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                *said("hi"),
                {"role": "assistant", "content": "It is"},
            ],
            seed=7,
            max_tokens=128_000,
            frequency_penalty=0.5,
            user="someone",
        ),
    )
    assert status == 200
    assert made["choices"][0]["message"]["content"] == " and so on to 7."
    assert len(made["warnings"]) == 2


def test_a_picture_contains_its_recipe(server: Served, tmp_path: Path) -> None:
    made = server.client.images.generate(
        model=PICTURE_MODEL, prompt="a cat", n=2, size="128x64", extra_body={"seed": 5, "steps": 3}
    )
    assert made.data is not None and len(made.data) == 2
    file = tmp_path / "second.png"
    file.write_bytes(base64.b64decode(made.data[1].b64_json or ""))
    recipe = read_recipe(file)
    assert recipe is not None
    assert (recipe.seed, recipe.request.prompt, recipe.request.width) == (6, "a cat", 128)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "wide"},
        {"size": "9x9"},
        {"response_format": "url"},
        {"output_format": "tiff"},
        {"stream": True},
        {"n": 65},
        {"n": "many"},
        {"steps": "many"},
        {"prompt": 3},
    ],
)
def test_a_picture_that_cannot_be_made_is_said(server: Served, changes: dict[str, object]) -> None:
    content = json.dumps({"prompt": "a cat", "model": PICTURE_MODEL} | changes).encode()
    status, answer = server.send("/v1/images/generations", content)
    assert status == 400
    assert answer["error"]["param"] == next(iter(changes))


def png(colour: str | tuple[int, ...], mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, (64, 64), colour).save(made, "PNG")
    return made.getvalue()


def test_a_picture_is_edited_where_the_mask_is_transparent(tmp_path: Path) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
    file = io.BytesIO()
    mask.save(file, "PNG")
    with served(tmp_path, "--keep", fake="plain") as server:
        made = server.client.images.edit(
            model=PICTURE_MODEL,
            image=("start.png", png("red")),
            mask=("mask.png", file.getvalue()),
            prompt="a cat",
            extra_body={"strength": 0.5, "seed": 3},
        )
        assert made.data is not None and len(made.data) == 1
        server.stop()
    library = Library.open(tmp_path / "library", run_queue=False)
    request = library.assets.recent()[0].recipe.request
    assert isinstance(request, ImageRequest)
    assert (request.prompt, request.strength, request.seed) == ("a cat", 0.5, 3)
    assert request.image is not None and Path(request.image.path).read_bytes() == png("red")
    assert request.mask is not None
    with Image.open(request.mask.path) as grey:
        assert (grey.mode, grey.getpixel((5, 5)), grey.getpixel((60, 5))) == ("L", 255, 0)
    assert not library.check()
    assert library.rebuild() == 1
    library.close()


def test_pictures_that_came_with_a_request_are_not_kept(server: Served) -> None:
    made = server.client.images.edit(model=PICTURE_MODEL, image=png("blue"), prompt="a cat")
    assert made.data
    assert eventually(lambda: not list(server.home.rglob("*.png")))


@pytest.mark.parametrize(
    ("files", "values", "said_of_it"),
    [
        ({}, {"prompt": "x"}, "image is missing"),
        ({"image": b"no picture"}, {}, "image is not a picture"),
        ({"image": png("red")[:60]}, {}, "image is not a picture"),
        ({"image": png("red"), "mask": b"no picture"}, {}, "mask is not a picture"),
        ({"image": png("red")}, {"n": "0"}, "n must be"),
        ({"image": png("red")}, {"strength": "much"}, "strength must be"),
        ({"image": png("red"), "image[]": png("red")}, {}, "image may be given only once"),
    ],
)
def test_an_edit_that_cannot_be_made_is_said(
    server: Served, files: dict[str, bytes], values: dict[str, str], said_of_it: str
) -> None:
    parts = [
        b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="f"' if name in files else b"", data)
        for name, data in (files | {key: text.encode() for key, text in values.items()}).items()
    ]
    form = {"content-type": "multipart/form-data; boundary=B"}
    status, answer = server.send("/v1/images/edits", b"".join(parts) + b"--B--\r\n", **form)
    assert (status, said_of_it in answer["error"]["message"]) == (400, True), answer


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/mixed"])
def test_an_edit_without_a_form_is_said(server: Served, kind: str) -> None:
    for content in (b"", b"{}", b"--B\r\n" * 200):
        status, answer = server.send("/v1/images/edits", content, **{"content-type": kind})
        assert status == 400 and answer["error"]["message"]


def test_texts_become_vectors_as_numbers_or_bytes(server: Served) -> None:
    folder = write_embedder(server.home / "models" / "meaning")
    create = server.client.embeddings.create
    texts = ["a red fox", "the red fox", *["rain"] * 70]
    made = create(model="meaning", input=texts)
    assert [each.index for each in made.data] == list(range(len(texts)))
    plain = create(model="meaning", input=texts[0], encoding_format="float")
    assert (plain.model, len(plain.data)) == ("meaning", 1)
    assert plain.data[0].embedding == pytest.approx(made.data[0].embedding)
    assert sum(number**2 for number in plain.data[0].embedding) == pytest.approx(1, abs=1e-4)
    assert "meaning" in [each.id for each in server.client.models.list().data]
    assert server.client.models.retrieve("meaning").id == "meaning"
    for wrong, said_of_it in (
        ({"input": []}, "1 to"),
        ({"input": ["a", " "]}, "not blank"),
        ({"input": "a", "dimensions": 3}, "length"),
    ):
        with pytest.raises(openai.BadRequestError, match=said_of_it):
            create(model="meaning", **wrong)
    with pytest.raises(openai.NotFoundError, match="Similar ones"):
        create(model="meanings", input="hi")
    # One that writes is no model for it, and the other way round.
    with pytest.raises(openai.NotFoundError):
        create(model=TEXT_MODEL, input="hi")
    with pytest.raises(openai.NotFoundError):
        server.client.chat.completions.create(model="meaning", messages=said("hi"))
    shutil.rmtree(folder)


def test_many_requests_at_once_are_all_answered(server: Served) -> None:
    def ask(seed: int) -> str:
        made = server.client.chat.completions.create(
            model=TEXT_MODEL,
            messages=said("hi"),
            seed=seed,
        )
        return (made.choices[0].message.content or "").split(" to ")[0]

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(24)))
    assert answers == [f"Answer {seed}" for seed in range(24)]


# ---- failures


@pytest.mark.parametrize(
    ("word", "status", "said_of_it"),
    [("[fail]", 400, "is broken"), ("[oom]", 507, "Memory ran out"), ("[bug]", 500, "went wrong")],
)
def test_a_failed_job_is_an_error_with_its_sentence(
    server: Served, word: str, status: int, said_of_it: str
) -> None:
    for streams in (False, True):
        answered, content = server.send(CHAT, body(messages=said(word), stream=streams))
        assert answered == status
        assert said_of_it in content["error"]["message"]


def test_a_crash_in_the_middle_of_a_stream_is_its_last_event(server: Served) -> None:
    stream = server.client.chat.completions.create(
        model=TEXT_MODEL,
        messages=said("[crash]"),
        n=2,
        stream=True,
    )
    with pytest.raises(openai.APIError, match=r"engine|memory"):
        list(stream)
    assert server.send(CHAT, body())[0] == 200


# ---- the library, and the end


def test_nothing_is_kept_without_the_option(tmp_path: Path) -> None:
    with served(tmp_path, fake="plain") as server:
        assert server.send(CHAT, body())[0] == 200
        assert eventually(lambda: not list(tmp_path.rglob("*.md")))
        status, complaint = server.stop()
    assert (status, complaint) == (130, "Stopping …\n")
    assert not (tmp_path / "library").exists()
    assert not list((tmp_path / "cache").glob("served-*"))


def test_a_client_that_leaves_cancels_its_job_and_ctrl_c_the_others(tmp_path: Path) -> None:
    with served(tmp_path, "--keep", fake="plain") as server:
        assert server.send(CHAT, body(messages=said("first")))[0] == 200

        def leave(prompt: str, **changes: object) -> None:
            content = body(messages=said(f"[slow] {prompt}"), **changes)
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(
                    b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                    b"Content-Length: %d\r\n\r\n"
                    % (CHAT.encode(), server.token.encode(), len(content))
                    + content
                )
                assert eventually(lambda: any(prompt in known for known, _ in jobs(tmp_path)))

        leave("whole")
        leave("stream", stream=True, temperature=0)
        states = dict(jobs(tmp_path))
        assert eventually(lambda: "running" not in dict(jobs(tmp_path)).values())
        states = dict(jobs(tmp_path))
        assert states == {
            "first": "done",
            "[slow] whole": "cancelled",
            "[slow] stream": "cancelled",
        }
        with ThreadPoolExecutor(2) as pool:
            open_one = pool.submit(server.send, CHAT, body(messages=said("[slow] last")))
            waiting = pool.submit(
                server.send, CHAT, body(messages=said("[slow] waits"), temperature=0)
            )
            assert eventually(lambda: len(jobs(tmp_path)) == 5)
            status, _ = server.stop()
            assert [open_one.result()[0], waiting.result()[0]] == [503, 503]
    assert status == 130
    states = dict(jobs(tmp_path))
    assert (states["[slow] last"], states["[slow] waits"]) == ("cancelled", "cancelled")
    library = Library.open(tmp_path / "library", run_queue=False)
    assert [asset.prompt for asset in library.assets.recent()] == ["first"]
    assert not library.check()
    library.close()


def test_the_token_stays_the_same_until_a_new_one_is_wanted(tmp_path: Path) -> None:
    tokens = []
    for arguments in ((), (), ("--new-token",), ("--token", "0123456789abcdef")):
        with served(tmp_path, *arguments, fake="plain") as server:
            tokens.append(server.token)
            assert server.send("/v1/models")[0] == 200
    assert tokens[0] == tokens[1] != tokens[2]
    assert tokens[3] == "0123456789abcdef"


def test_a_port_in_use_is_said(server: Served, tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="Choose another with --port"),
        served(tmp_path, "--port", str(server.port), fake="plain"),
    ):
        pass
