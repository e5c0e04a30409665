"""The commands of the hub, in this process; tests/e2e/test_models_get.py runs the real ones."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from studio.cli.main import run
from studio.protocol import DeviceMemory
from tests.hub.server import HubServer
from tests.unit.model_files import write_gguf, write_json, write_llama, write_safetensors

Studio: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def studio(
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Studio:
    assert hub.asked == []
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_STARTER", str(tmp_path / "starter"))

    def call(*arguments: str, typed: str | None = None) -> tuple[int, str, str]:
        stdin = io.StringIO(typed or "")
        monkeypatch.setattr(stdin, "isatty", lambda: typed is not None)
        monkeypatch.setattr("sys.stdin", stdin)
        status = run(["models", *arguments], lambda: 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_model_is_found_shown_fetched_and_remembered_with_its_source(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    repository = hub.add(
        "tiny/chat",
        write_llama(tmp_path / "chat"),
        pipeline_tag="text-generation",
        tags=["license:apache-2.0"],
    )
    status, out, _ = studio("search", "chat", "--task", "text")
    assert status == 0 and "tiny/chat" in out and "apache-2.0" in out
    status, out, err = studio("info", "tiny/chat")
    assert status == 0 and "apache-2.0" in out and "3 files" in err
    assert not hub.downloads()
    status, out, _ = studio("get", "tiny/chat", "--json")
    assert status == 0
    assert [event["event"] for event in events(out)] == ["plan", "progress", "model", "done"]
    model = events(out)[2]
    assert model["source"] == {
        "kind": "hub",
        "place": "tiny/chat",
        "revision": repository.commit,
    }
    assert (model["id"], model["licence"]) == ("chat", "apache-2.0")
    status, out, _ = studio("info", "chat")
    assert f"from: tiny/chat at {repository.commit}" in out
    assert studio("verify", "chat")[0] == 0
    weights = Path(model["path"], "model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert studio("verify", "chat")[0] == 1
    _, out, _ = studio("downloads", "list", "--json")
    assert [item["state"] for item in events(out)] == ["done"]


def test_an_entry_of_the_catalogue_is_fetched_by_its_id(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    gguf = write_gguf(tmp_path / "x.gguf")
    repository = hub.add(
        "tiny/gguf", {"t-Q4_K_M.gguf": gguf, "t-Q8_0.gguf": gguf, "old.gguf": gguf}
    )
    hub.loose["/x.gguf"] = gguf.read_bytes()
    sha256 = repository.sha256("old.gguf")
    variants: list[dict[str, Any]] = [
        {"precision": "Q4_K_M", "repository": "tiny/gguf"},
        {"precision": "named", "repository": "tiny/gguf",
         "files": [{"path": "old.gguf", "sha256": sha256}]},
        {"precision": "gone", "repository": "tiny/gguf", "files": [{"path": "no.gguf"}]},
        {"precision": "other", "repository": "tiny/gguf",
         "files": [{"path": "old.gguf", "sha256": "0" * 64}]},
        {"precision": "url", "url": f"{hub.storage}/x.gguf", "sha256": sha256},
        {"precision": "bad", "url": f"{hub.storage}/x.gguf", "sha256": "0" * 64},
    ]  # fmt: skip
    entry = {
        "id": "tiny", "name": "Tiny", "task": "text", "licence": "MIT", "uses": [],
        "purpose": {"en": "Nothing.", "zh": "无。"},
        "conditions": {"en": "Not for ducks.", "zh": "鸭子不可用。"},
        "variants": [v | {"size": 1000, "memory": {"cpu": 0.1}} for v in variants],
    }  # fmt: skip
    (tmp_path / "home").mkdir()
    own = {"schema": 1, "replaces": True, "entries": [entry]}
    (tmp_path / "home" / "catalogue.json").write_text(json.dumps(own))
    status, out, _ = studio("catalogue")
    assert status == 0 and out.startswith("tiny\n    Tiny, bad, 1 kB, MIT\n")
    for precision, name in (("q4_k_m", "t-Q4_K_M"), ("named", "old"), ("url", "x")):
        status, out, err = studio("get", f"tiny:{precision}")
        assert status == 0, err
        assert "Not for ducks." in err and name in out
    assert "no longer has the file no.gguf" in studio("get", "tiny:gone")[2]
    assert "no longer has the file old.gguf" in studio("get", "tiny:other")[2]
    assert "SHA-256" in studio("get", "tiny:bad")[2]
    assert "Choose one of: Q4_K_M, named" in studio("get", "tiny:none")[2]


def test_a_question_is_asked_where_a_person_can_answer(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    hub.add("tiny/gguf", {"tiny-Q4_K_M.gguf": write_gguf(tmp_path / "x.gguf")})
    status, _, err = studio("get", "tiny/gguf", typed="n\n")
    assert status == 2 and "Download it? [Y/n]" in err
    assert not hub.downloads()
    status, out, _ = studio("get", "tiny/gguf", typed="\n")
    assert status == 0 and "tiny" in out


def test_a_pickle_is_not_fetched_silently(studio: Studio, hub: HubServer) -> None:
    hub.add("tiny/x4", {"x4.pth": b"PK"})
    status, _, err = studio("get", "tiny/x4")
    assert status == 2 and "can contain code" in err and "--yes" in err
    status, _, err = studio("get", "tiny/x4", typed="\n")
    assert status == 2 and "[y/N]" in err
    assert not hub.downloads()


def test_what_cannot_be_fetched_is_a_sentence_and_an_event(studio: Studio, hub: HubServer) -> None:
    hub.add("tiny/none", {"README.md": b""})
    status, out, err = studio("get", "tiny/none", "--json")
    assert status == 2 and "no weights" in err
    assert [event["event"] for event in events(out)] == ["failed", "done"]
    hub.close()
    status, _, err = studio("get", "tiny/none")
    assert status == 1 and "cannot be reached" in err


def test_a_file_that_is_no_model_is_kept_and_said(studio: Studio, hub: HubServer) -> None:
    hub.add("tiny/odd", {"odd.safetensors": b"\x10\0\0\0\0\0\0\0{}"})
    status, out, err = studio("get", "tiny/odd")
    assert status == 1
    assert "odd" in out and "odd.safetensors" in err


def test_downloads_are_paused_resumed_and_cancelled(studio: Studio, hub: HubServer) -> None:
    hub.add("tiny/gated", {"a.gguf": b"GGUF"}, gated="auto")
    status, _, err = studio("get", "tiny/gated")
    assert status == 2 and "accept its terms" in err
    _, out, _ = studio("downloads", "list", "--json")
    (item,) = events(out)
    assert item["state"] == "failed"
    assert studio("downloads", "resume", item["id"])[0] == 0
    assert studio("downloads", "pause", item["id"])[0] == 0
    assert "paused" in studio("downloads")[1]
    assert studio("downloads", "cancel", item["id"])[0] == 0
    assert studio("downloads")[1] == ""
    status, _, err = studio("downloads", "pause", "nothing")
    assert status == 2 and "There is no download nothing" in err


def test_downloads_are_ordered(studio: Studio, hub: HubServer) -> None:
    for name in ("one", "two", "three"):
        hub.add(f"tiny/{name}", {"a.gguf": b"GGUF"}, gated="auto")
        studio("get", f"tiny/{name}")

    def ids() -> list[str]:
        return [each["id"] for each in events(studio("downloads", "list", "--json")[1])]

    one, two, three = ids()
    assert studio("downloads", "move", three)[0] == 0
    assert ids() == [three, one, two]
    assert studio("downloads", "move", three, "--last")[0] == 0
    assert ids() == [one, two, three]
    status, out, _ = studio("downloads", "move", three, "--before", two)
    assert status == 0 and [line.split()[0] for line in out.splitlines()[::2]] == ids()
    assert ids() == [one, three, two]
    for wrong in (("nothing",), (one, "--before", "nothing")):
        status, _, err = studio("downloads", "move", *wrong)
        assert status == 2 and "There is no download nothing" in err


def test_a_token_is_set_from_standard_input_and_never_printed(studio: Studio) -> None:
    status, out, err = studio("token", "status")
    assert status == 1 and "no token" in out
    status, out, err = studio("token", "set")
    assert status == 2 and "not an access token" in err


def test_a_pack_is_fetched_by_its_path_and_address(studio: Studio, tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "usb" / "my chat")
    status, out, _ = studio("get", folder.as_uri())
    assert status == 0 and out.startswith("my-chat ")
    status, out, _ = studio("get", str(folder), "--json")
    assert status == 0
    assert [event["event"] for event in events(out)][-2:] == ["model", "done"]


def test_an_entry_of_the_catalogue_is_shown_and_fetched_by_its_id(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    small, large = (write_gguf(tmp_path / f"tiny-{name}.gguf") for name in ("Q4_0", "Q8_0"))
    hub.add("tiny/chat-GGUF", {small.name: small, large.name: large})
    write_json(
        tmp_path / "home" / "catalogue.json",
        {
            "schema": 1,
            "replaces": True,
            "uses": [{"id": "chat", "title": {"en": "Chat", "zh": "聊天"}, "task": "text"}],
            "entries": [
                {
                    "id": "tiny-chat",
                    "name": "Tiny chat",
                    "task": "text",
                    "purpose": {"en": "For tests.", "zh": "测试用。"},
                    "uses": ["chat"],
                    "licence": "MIT",
                    "conditions": {"en": "Be kind.", "zh": "友善。"},
                    "variants": [
                        {
                            "precision": file.stem[-4:],
                            "repository": "tiny/chat-GGUF",
                            "files": [{"path": file.name}],
                            "size": file.stat().st_size,
                            "memory": {"cpu": need},
                        }
                        for file, need in ((small, 0.1), (large, 10_000))
                    ],
                }
            ],
        },
    )
    status, out, _ = studio("catalogue", "--for", "chat")
    assert status == 0 and "tiny-chat" in out and "Q4_0" in out and "installed" not in out
    assert studio("catalogue", "--for", "nothing")[0] == 2
    status, out, _ = studio("info", "tiny-chat")
    assert "Be kind." in out and "Q8_0" in out and not hub.asked
    status, out, err = studio("get", "tiny-chat", "--json")
    assert status == 0 and "Be kind." in err
    assert events(out)[0]["files"] == ["tiny-Q4_0.gguf"]
    assert studio("get", "tiny-chat", "--variant", "q8_0")[0] == 0
    assert studio("get", "tiny-chat", "--variant", "Q5")[0] == 2
    _, out, _ = studio("catalogue", "--json")
    assert set(events(out)[0]["installed"]) == {"Q4_0", "Q8_0"}


def test_a_folder_with_several_models_is_added_with_a_count_by_role(
    studio: Studio, tmp_path: Path
) -> None:
    folder = tmp_path / "other program"
    write_llama(folder / "LLM" / "chat")
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    write_safetensors(folder / "loras" / "ink.safetensors", {name: (4, 768)})
    (folder / "loras" / "old.ckpt").write_bytes(b"pickle")
    status, out, err = studio("add", str(folder))
    assert status == 0 and "ink" in out
    assert "1 base" in err and "1 lora" in err and "1 other" in err
    _, out, _ = studio("list")
    assert "(lora Stable Diffusion 1.5)" in out


def test_of_a_model_that_does_not_fit_a_smaller_version_is_fetched_in_one_step(
    studio: Studio, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = write_gguf(tmp_path / "small.gguf")
    large = write_gguf(tmp_path / "large.gguf", note="x" * 3000)
    hub.add("tiny/gguf", {"t-Q4_K_M.gguf": small, "t-Q8_0.gguf": large})
    monkeypatch.setattr(
        "studio.jobs.get_model.main_memory", lambda: DeviceMemory("cpu", "main", 3000, 3000)
    )
    status, out, err = studio("get", "tiny/gguf:Q8_0")
    id = out.split()[0]
    assert status == 0 and "tiny/gguf:Q4_K_M" in err and "would fit" in err
    status, out, err = studio("get", id, "--smaller")
    assert status == 0, err
    smaller = out.split()[0]
    assert "t-Q4_K_M.gguf" in out and smaller != id
    status, _, err = studio("get", id, "--smaller")
    assert status == 2 and "is installed already" in err and smaller in err
    status, _, err = studio("get", smaller, "--smaller")
    assert status == 2 and "No smaller version" in err
    assert studio("get", "nobody", "--smaller")[0] == 2


def test_a_repository_of_5000_files_takes_those_it_needs_and_one_of_pickles_none(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    folder = write_llama(tmp_path / "many")
    files: dict[str, Any] = {path.name: path for path in folder.iterdir()}
    hub.add("tiny/many", files | {f"data/{number}.bin": b"x" for number in range(5000)})
    status, _, err = studio("get", "tiny/many")
    assert status == 0, err
    assert "3 files" in err and len(hub.downloads("resolve")) == 3
    hub.add("tiny/pickles", {"config.json": b"{}", "pytorch_model.bin": b"x", "b.pkl": b"x"})
    status, _, err = studio("get", "tiny/pickles")
    assert status == 2 and "only as pickles" in err
    assert not hub.downloads("pickles")


def test_of_a_folder_without_quantisations_that_of_somebody_else_is_fetched_and_named(
    studio: Studio, hub: HubServer, tmp_path: Path
) -> None:
    folder = write_llama(tmp_path / "chat")
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (300, 8)}
    write_safetensors(folder / "model.safetensors", shapes, "BF16")
    hub.add("tiny/chat", folder)
    assert studio("get", "tiny/chat")[0] == 0
    small = write_gguf(tmp_path / "a.gguf")
    hub.add("unrelated/chat-GGUF", {"chat-Q4_K_M.gguf": small}, downloads=99)
    tags = ["base_model:quantized:tiny/chat"]
    hub.add("maker/chat-GGUF", {"chat-Q4_K_M.gguf": small}, downloads=5, tags=tags)
    status, _, err = studio("get", "chat", "--smaller")
    assert status == 0, err
    assert "maker/chat-GGUF is a version of tiny/chat that somebody else made" in err
    assert not hub.downloads("unrelated")
