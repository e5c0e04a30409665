"""The hub's client, with the real huggingface_hub, against a hub on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import keyring
import msgspec
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import PasswordDeleteError

from studio.jobs.get_model import HubDownload, hub_client, plan_download, token_source
from studio.models.hub.client import HubClient
from studio.models.hub.endpoint import OFFICIAL, hub_endpoint
from studio.models.hub.tokens import clear_token, save_token, token_for, token_place
from studio.protocol import ProblemError
from studio.settings import Settings
from tests.hub.server import Fault, HubServer

SECRET = "hf_abcdefghij"


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets. Its priority keeps it from being found by itself."""

    priority = -1
    kept: dict[tuple[str, str], str]

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def memory_keyring(hub: HubServer) -> Iterator[MemoryKeyring]:
    assert hub.asked == []
    kept = MemoryKeyring()  # type: ignore[no-untyped-call]  # of the library
    kept.kept = {}
    keyring.set_keyring(kept)
    yield kept
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]


def message(error: pytest.ExceptionInfo[ProblemError]) -> str:
    return str(error.value.problem.message)


def test_a_model_is_described(hub: HubServer) -> None:
    repository = hub.add(
        "tiny/chat",
        {"config.json": b"{}", "model.safetensors": b"x" * 100, "old.bin": b""},
        pipeline_tag="text-generation",
        library_name="transformers",
        tags=["license:apache-2.0", "transformers"],
        cardData={"license": "other", "license_name": "tiny-1", "language": ["en", "zh"],
                  "base_model": "tiny/base"},
        gated="manual",
        securityRepoStatus={"filesWithIssues": [{"path": "old.bin", "level": "unsafe"}]},
    )  # fmt: skip
    found = HubClient(hub.endpoint).model_info("tiny/chat")
    assert found.revision == repository.commit
    assert {file.name: file.size for file in found.files} == {
        "config.json": 2,
        "model.safetensors": 100,
        "old.bin": 0,
    }
    assert found.files[1].sha256 == repository.sha256("model.safetensors")
    assert (found.licence, found.is_gated, found.languages) == ("tiny-1", True, ("en", "zh"))
    assert (found.pipeline_tag, found.library) == ("text-generation", "transformers")
    assert (found.base_models, found.unsafe) == (("tiny/base",), ("old.bin",))
    assert found.url_of("a b.txt") == f"{hub.endpoint}/tiny/chat/resolve/{found.revision}/a%20b.txt"


def test_a_search_filters_and_sorts(hub: HubServer) -> None:
    hub.add("tiny/chat", {}, pipeline_tag="text-generation", downloads=1)
    hub.add("tiny/chat-large", {}, pipeline_tag="text-generation", downloads=9)
    hub.add("tiny/chat-picture", {}, pipeline_tag="text-to-image")
    hub.add("other/thing", {})
    found = HubClient(hub.endpoint).search("chat", tags=("text-generation",))
    assert [model.repository for model in found] == ["tiny/chat-large", "tiny/chat"]
    assert len(HubClient(hub.endpoint).search("chat")) == 3


@pytest.mark.parametrize(
    ("fault", "token", "words"),
    [
        (Fault("/api/", status=429), "", "too many requests"),
        (Fault("/api/", status=503), "", "has a problem at the moment (503)"),
        (
            Fault("/api/", status=401, headers={
                "X-Error-Message": "Invalid credentials in Authorization header"}),
            SECRET,
            "does not accept the access token",
        ),
        (Fault("/api/", status=403, headers={"X-Error-Code": "GatedRepo"}), "", "accept its terms"),
        (Fault("/api/", status=200, body=b"<html>"), "", "not that of a model hub"),
        (Fault("/api/", status=200, body=b"[1]"), "", "not that of a model hub"),
        (Fault("/api/", status=200, body=b"[" * 100_000), "", "not that of a model hub"),
        (
            Fault("/api/", status=200, body=b'{"id": "a/b", "evalResults": [[]]}'),
            "",
            "not that of a model hub",
        ),
        (Fault("/api/", status=200, body=b'{"likes": "x"}'), "", "not that of a model hub"),
    ],
)  # fmt: skip
def test_errors_of_the_hub_are_sentences_without_the_token(
    hub: HubServer, fault: Fault, token: str, words: str
) -> None:
    hub.add("tiny/chat", {})
    hub.faults = [fault]
    with pytest.raises(ProblemError) as error:
        HubClient(hub.endpoint, token).model_info("tiny/chat")
    assert words in message(error)
    assert SECRET not in message(error) + error.value.problem.detail


def test_odd_values_in_a_description_are_left_out(hub: HubServer) -> None:
    files = b'{"rfilename": "\\ud800", "size": -1}, {"rfilename": 3, "size": [1]}'
    body = b'{"id": "a/b", "tags": 5, "cardData": {"language": 7}, "siblings": [%s]}' % files
    hub.faults = [Fault("/api/", status=200, body=body)]
    model = HubClient(hub.endpoint).model_info("a/b")
    assert [(file.name, file.size) for file in model.files] == [("?", None), ("3", None)]
    assert msgspec.json.encode(model)


@pytest.mark.parametrize("name", ["no/such", "a/b/c", "..", "a" * 200])
def test_a_repository_that_does_not_exist_is_a_sentence(hub: HubServer, name: str) -> None:
    with pytest.raises(ProblemError) as error:
        HubClient(hub.endpoint).model_info(name)
    assert "There is no model" in message(error)


def test_a_revision_that_does_not_exist_is_a_sentence(hub: HubServer) -> None:
    hub.add("tiny/chat", {})
    with pytest.raises(ProblemError) as error:
        HubClient(hub.endpoint).model_info("tiny/chat", "v9")
    assert "has no revision" in message(error)


def test_without_network_one_request_fails_at_once(hub: HubServer) -> None:
    hub.close()
    for ask in (
        lambda: HubClient(hub.endpoint).model_info("a/b"),
        lambda: HubClient(hub.endpoint).search("a"),
    ):
        with pytest.raises(ProblemError) as error:
            ask()
        assert "127.0.0.1 cannot be reached" in message(error)


def test_where_the_official_hub_is_blocked_a_mirror_is_suggested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ProblemError) as error:
        HubClient(OFFICIAL).search("a")
    assert "use a mirror such as https://hf-mirror.com" in message(error)


def test_the_token_is_not_sent_to_where_the_hub_redirects(
    hub: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    repository = hub.add("tiny/chat", {"config.json": b"{}"})
    model = HubClient(hub.endpoint, SECRET).model_info("tiny/chat")
    hub.loose["/moved"] = b'{"moved": 1}'
    hub.faults = [Fault("resolve", redirect=f"{hub.storage}/moved")]
    assert HubClient(hub.endpoint, SECRET).read_small(model, "config.json") == b'{"moved": 1}'
    assert [(asked.host, asked.token) for asked in hub.asked] == [
        ("hub", SECRET),
        ("hub", SECRET),
        ("storage", ""),
    ]
    assert repository.commit in hub.asked[1].path
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("memory_keyring")
def test_a_token_is_kept_for_its_host_only(hub: HubServer) -> None:
    endpoint = hub_endpoint(Settings())
    save_token(endpoint, f"  {SECRET}\n")
    assert token_place(endpoint, endpoint) == "keyring"
    token_of = token_source(Settings())
    assert token_of(f"{hub.endpoint}/a/b/resolve/main/c") == SECRET
    assert token_of(f"{hub.storage}/a") == ""
    assert hub_client(Settings(), "https://hf-mirror.com")._token == ""
    assert clear_token(endpoint) and not clear_token(endpoint)
    assert token_place(endpoint, endpoint) == "none"


@pytest.mark.parametrize("text", ["", "short", "two words in it", "x" * 500, "hf_ключ-от-дома"])
def test_what_is_no_token_is_not_saved(memory_keyring: MemoryKeyring, text: str) -> None:
    with pytest.raises(ProblemError) as error:
        save_token("https://huggingface.co", text)
    assert "not an access token" in message(error)
    assert memory_keyring.kept == {}


def test_without_a_keyring_the_environment_or_the_file_has_the_token(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoint = hub.endpoint
    with pytest.raises(ProblemError) as error:
        save_token(endpoint, SECRET)
    assert "HF_TOKEN" in message(error)
    (tmp_path / "hf-home").mkdir()
    (tmp_path / "hf-home" / "token").write_text(f"{SECRET}-file\n")
    assert token_for(endpoint, endpoint) == f"{SECRET}-file"
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert token_for(endpoint, endpoint) == SECRET
    assert token_for("https://elsewhere.example", endpoint) == ""


@pytest.mark.parametrize("text", ["huggingface.co", "http://hub.example", "ftp://x", "https://"])
def test_a_wrong_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as error:
        hub_endpoint(Settings(hub_endpoint=text))
    assert "not the address of a model hub" in message(error)


def test_a_gated_model_is_explained_before_its_download(hub: HubServer) -> None:
    hub.add("tiny/gated", {"model.gguf": b"GGUF"}, gated="auto")
    plan = plan_download("tiny/gated", Settings())
    assert isinstance(plan, HubDownload)
    assert "must be accepted first" in str(plan.notes[0])


def test_a_direct_address_is_asked_for_name_and_size(hub: HubServer) -> None:
    hub.loose["/api/download/34"] = b"x" * 1234
    hub.faults = [
        Fault("/api/download", headers={
            "Content-Disposition": 'attachment; filename="../../4x modèl.pth"'}),
    ]  # fmt: skip
    plan = plan_download(f"{hub.storage}/api/download/34?token=secret", Settings())
    assert isinstance(plan, HubDownload)
    assert (plan.item.files[0].name, plan.item.size) == ("4x modèl.pth", 1234)
    assert plan.needs_consent
    assert plan.item.source.place == f"{hub.storage}/api/download/34"
    hub.loose["/page.safetensors"] = b"<html>"
    hub.faults = [Fault("/page", headers={"Content-Type": "text/html"})]
    with pytest.raises(ProblemError) as error:
        plan_download(f"{hub.storage}/page.safetensors", Settings())
    assert "web page" in message(error)
    hub.loose["/a.zip"] = b"PK"
    with pytest.raises(ProblemError) as error:
        plan_download(f"{hub.storage}/a.zip", Settings())
    assert "not a model file" in message(error)
