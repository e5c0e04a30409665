"""Tokens are counted in a separate process, exactly as in the engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TextIO

import psutil
import pytest
from tokenizers import Tokenizer, models

from studio.formats.weights.gguf_cache import converted_folder
from studio.models.token_count_messages import Conversation
from studio.models.token_counter import TokenCounter
from studio.protocol import Message, ModelRef
from studio.settings import RESOURCES
from tests.unit.model_files import write_llama

_STARTER = RESOURCES / "models" / "smollm2-135m-instruct"
_FILE = next(_STARTER.glob("*.gguf"), None)
SMOL = ModelRef(
    id="smollm2-135m-instruct",
    name="SmolLM2",
    task="text",
    format="transformers" if _FILE is None else "gguf",
    path=str(_FILE or _STARTER),
)

APP = """
import sys, threading
from studio.models.token_counter import TokenCounter
from studio.models.token_count_messages import Conversation
from studio.protocol import ModelRef

if __name__ == "__main__":
    model = ModelRef(id="x", name="X", task="text", format="transformers", path=sys.argv[1])
    counter = TokenCounter()
    asked = threading.Thread(target=counter.count, args=(model, Conversation("Hello"), 512))
    asked.start()
    while counter.pid is None and asked.is_alive():
        pass
    print(counter.pid, flush=True)
    asked.join()
"""


def write_counted(folder: Path) -> None:
    """Write a model folder whose tokenizer knows single words."""
    write_llama(folder)
    words = models.WordLevel({"[UNK]": 0, "Hello": 1}, unk_token="[UNK]")
    Tokenizer(words).save(str(folder / "tokenizer.json"))


@pytest.fixture
def counter() -> Iterator[TokenCounter]:
    made = TokenCounter()
    yield made
    made.stop()


def test_a_prompt_counts_with_its_template(counter: TokenCounter) -> None:
    short = counter.count(SMOL, Conversation("Hello"), 512)
    longer = counter.count(SMOL, Conversation("Hello", system_prompt="Be very brief."), 512)
    assert short is not None and longer is not None
    assert short.context == 8192
    assert short.tokens > 5
    assert short.left_out == longer.left_out == 0


def test_dropped_turns_are_counted_before_sending(counter: TokenCounter) -> None:
    turns = tuple(Message("user" if n % 2 == 0 else "assistant", "word " * 700) for n in range(20))
    use = counter.count(SMOL, Conversation("and now?", messages=turns), 512)
    assert use is not None
    assert 0 < use.left_out < 20
    assert use.tokens <= 8192 - 512
    assert use.fits


def test_a_prompt_longer_than_the_context_does_not_fit(counter: TokenCounter) -> None:
    use = counter.count(SMOL, Conversation("word " * 20_000), 512)
    assert use is not None and not use.fits


def test_a_killed_counter_is_started_again(counter: TokenCounter) -> None:
    assert counter.count(SMOL, Conversation("Hello"), 512) is not None
    assert counter.pid is not None
    os.kill(counter.pid, signal.SIGKILL)
    assert counter.count(SMOL, Conversation("Hello"), 512) is not None


def test_a_folder_without_a_tokenizer_is_unknown(counter: TokenCounter, tmp_path: Path) -> None:
    model = ModelRef(id="x", name="X", task="text", format="transformers", path=str(tmp_path))
    assert counter.count(model, Conversation("Hello"), 512) is None
    (tmp_path / "tokenizer.json").write_text("no tokenizer")
    assert counter.count(model, Conversation("Hello"), 512) is None
    assert counter.count(SMOL, Conversation("Hello"), 512) is not None


def test_tokens_of_a_gguf_model_are_counted_once_it_is_converted(tmp_path: Path) -> None:
    source = tmp_path / "model.gguf"
    source.write_bytes(b"GGUF")
    model = ModelRef(id="x", name="X", task="text", format="gguf", path=str(source))
    counter = TokenCounter(tmp_path / "cache")
    try:
        assert counter.count(model, Conversation("Hello"), 512) is None
        target = converted_folder(tmp_path / "cache", source)
        write_counted(target)
        use = counter.count(model, Conversation("Hello"), 512)
        assert use is not None and use.tokens > 0
    finally:
        counter.stop()


def test_no_process_is_left_after_stopping(counter: TokenCounter) -> None:
    counter.count(SMOL, Conversation("Hello"), 512)
    pid = counter.pid
    counter.stop()
    assert pid is not None and counter.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert counter.count(SMOL, Conversation("Hello"), 512) is None


def test_stopping_while_the_counter_starts_leaves_no_process(
    counter: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = SpawnProcess.start
    started: list[SpawnProcess] = []
    stopping = threading.Thread(target=counter.stop)

    def window_closes(process: SpawnProcess) -> None:
        started.append(process)
        stopping.start()
        begin(process)

    monkeypatch.setattr(SpawnProcess, "start", window_closes)
    assert counter.count(SMOL, Conversation("Hello"), 512) is None
    stopping.join()
    assert counter.pid is None
    assert [process.is_alive() for process in started] == [False]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_busy_counter_exits_when_the_app_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    script, folder = tmp_path / "app.py", tmp_path / "model"
    script.write_text(APP, "utf-8")
    write_counted(folder)
    # A template that never ends: the counter is busy from the moment that it opens this.
    os.mkfifo(folder / "chat_template.jinja")
    template: list[TextIO] = []
    opener = threading.Thread(
        target=lambda: template.append((folder / "chat_template.jinja").open("w")), daemon=True
    )
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True
    ) as app:
        assert app.stdout is not None
        process = psutil.Process(int(app.stdout.readline()))
        opener.start()
        opener.join(60)
        assert len(template) == 1
        app.kill()
    _, alive = psutil.wait_procs([process], timeout=20)
    template[0].close()
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
