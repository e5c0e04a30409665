"""The engine's process and its client: a real child process behind the real pipe."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
from PIL import Image

from studio.engine.local.client import EngineClient
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.protocol import (
    Accepted,
    AlternativesListed,
    AssetReady,
    CancelJob,
    Cancelled,
    ConvertModel,
    Described,
    DescribeModel,
    Done,
    EmbedTexts,
    Event,
    Failed,
    ListAlternatives,
    Loading,
    ModelRef,
    Progress,
    Ready,
    RowFailed,
    RunJob,
    TextsEmbedded,
)
from tests.engine.event_recorder import MODEL, Recorder

MakeJob = Callable[..., RunJob]
MakeClient = Callable[..., EngineClient]


def run(client: EngineClient, command: RunJob) -> Event:
    return client.run(command, lambda _: None)


# ---- success


def test_a_job_is_accepted_first_and_ends_with_one_final_event(
    client: EngineClient, text_job: MakeJob, tmp_path: Path
) -> None:
    recorder = Recorder()
    final = client.run(text_job(rows=3), recorder)
    assert isinstance(final, Done)
    assert isinstance(recorder.events[0], Accepted)
    assert recorder.events[-1] is final
    assert sum(isinstance(e, Done | Failed | Cancelled) for e in recorder.events) == 1
    assets = [e for e in recorder.events if isinstance(e, AssetReady)]
    assert [(e.row, e.recipe.seed) for e in assets] == [(0, 5), (1, 6), (2, 7)]
    for asset in assets:
        streamed = "".join(
            e.text
            for e in recorder.events
            if getattr(e, "row", None) == asset.row and hasattr(e, "text")
        )
        assert (tmp_path / "work" / asset.file.name).read_text("utf-8") == streamed


def test_pictures_are_files_on_disk_and_only_their_paths_are_sent(
    client: EngineClient, tmp_path: Path
) -> None:
    recorder = Recorder()
    request = ImageRequest(prompt="a fox", seed=3, count=2, width=96, height=64)
    job = RunJob(job="1", request=request, rows=(1,), model=MODEL, work_dir=str(tmp_path / "狐 w"))
    assert isinstance(client.run(job, recorder), Done)
    (asset,) = [e for e in recorder.events if isinstance(e, AssetReady)]
    assert (asset.row, asset.recipe.seed) == (1, 4)
    with Image.open(client.path_of(asset.file, Path(job.work_dir))) as picture:
        assert picture.size == (96, 64)


def test_one_process_serves_many_commands(client: EngineClient, text_job: MakeJob) -> None:
    run(client, text_job())
    pid = client.pid
    for number in range(100):
        model = ModelRef(id="m", name="M", task="image", format="diffusers", path="/m")
        final = client.run(DescribeModel(job=str(number), model=model), lambda _: None)
        assert isinstance(final, Done)
        assert final.job == str(number)
        assert final.stats == pytest.approx({"seconds": 0}, abs=100)
    assert client.pid == pid


def test_commands_of_several_threads_run_one_at_a_time(
    client: EngineClient, text_job: MakeJob
) -> None:
    finals: list[Event] = []
    threads = [
        threading.Thread(target=lambda n=n: finals.append(run(client, text_job(job=str(n)))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.job for e in finals if isinstance(e, Done)) == list("01234567")


def test_models_are_described_and_converted_through_the_same_pipe(
    client: EngineClient, tmp_path: Path
) -> None:
    recorder = Recorder()
    drawing = msgspec.structs.replace(MODEL, task="image")
    assert isinstance(client.run(DescribeModel(job="1", model=drawing), recorder), Done)
    (described,) = [e for e in recorder.events if isinstance(e, Described)]
    assert "steps" in described.capabilities.controls
    request = TextRequest(prompt="x", answer_start="It is ")
    listing = ListAlternatives(job="a", request=request, model=MODEL)
    assert isinstance(client.run(listing, recorder), Done)
    (listed,) = [e for e in recorder.events if isinstance(e, AlternativesListed)]
    assert (listed.job, listed.start, listed.alternatives[2].ends) == ("a", "It is", True)
    embedding = EmbedTexts(job="e", model=MODEL, texts=("a fox", "the fox", "rain"))
    assert isinstance(client.run(embedding, recorder), Done)
    (embedded,) = [e for e in recorder.events if isinstance(e, TextsEmbedded)]
    assert (embedded.job, {len(vector) for vector in embedded.vectors}) == ("e", {256})
    source, target = tmp_path / "m.gguf", tmp_path / "m"

    def convert(job: str) -> Event:
        command = ConvertModel(job=job, task="text", source=str(source), target=str(target))
        return client.run(command, recorder)

    missing = convert("2")
    assert isinstance(missing, Failed)
    assert missing.problem.kind == "model_missing"
    source.touch()
    convert("3")
    assert (target / "config.json").is_file()


# ---- cancelling


@pytest.mark.parametrize(
    ("word", "at", "polite"),
    [
        ("[slow]", Accepted, True),
        ("[slowload]", Loading, True),
        ("[slow]", Progress, True),
        ("[hang]", Progress, False),
        ("[native]", Progress, False),
    ],
)
def test_a_job_is_cancelled_in_any_state_and_the_next_one_runs(
    request: pytest.FixtureRequest,
    client: EngineClient,
    text_job: MakeJob,
    word: str,
    at: type[Event],
    polite: bool,
) -> None:
    if polite:
        request.getfixturevalue("patient")
    run(client, text_job(job="warm"))
    pid = client.pid
    recorder = Recorder(at, lambda: client.cancel("1"))
    assert client.run(text_job(word), recorder) == Cancelled("1")
    assert recorder.events[-1] == Cancelled("1")
    assert isinstance(run(client, text_job(job="2")), Done)
    assert (client.pid == pid) is polite


def test_a_job_is_cancelled_while_the_engine_starts(
    client: EngineClient, text_job: MakeJob
) -> None:
    over = threading.Event()

    def insist() -> None:
        # The first call that finds the job comes before any event of the process.
        while not over.is_set():
            client.cancel("1")

    thread = threading.Thread(target=insist)
    thread.start()
    try:
        assert run(client, text_job("[slow]")) == Cancelled("1")
    finally:
        over.set()
        thread.join()
    assert isinstance(run(client, text_job(job="2")), Done)


def test_a_waiting_job_is_cancelled_at_once(client: EngineClient, text_job: MakeJob) -> None:
    finals: list[Event] = []
    waiting = threading.Thread(target=lambda: finals.append(run(client, text_job(job="2"))))

    def cancel_the_second_then_the_first() -> None:
        waiting.start()
        while waiting.is_alive():
            client.cancel("2")
        client.cancel("1")

    first = client.run(text_job("[slow]"), Recorder(Progress, cancel_the_second_then_the_first))
    assert (first, finals) == (Cancelled("1"), [Cancelled("2")])


def test_a_late_cancel_does_not_reach_the_same_job_when_it_is_resumed(
    client: EngineClient, text_job: MakeJob
) -> None:
    assert isinstance(run(client, text_job()), Done)
    client.cancel("1")
    client.cancel("unknown")
    assert isinstance(run(client, text_job()), Done)


def test_a_cancel_for_a_dead_engine_does_not_hang(client: EngineClient, text_job: MakeJob) -> None:
    def kill_and_cancel() -> None:
        os.kill(client.pid or 0, signal.SIGKILL)
        client.cancel("1")

    assert client.run(text_job("[slow]"), Recorder(Progress, kill_and_cancel)) == Cancelled("1")
    assert isinstance(run(client, text_job(job="2")), Done)


def test_helper_processes_of_a_job_end_with_the_engine(
    client: EngineClient, text_job: MakeJob
) -> None:
    helpers: list[psutil.Process] = []

    def kill() -> None:
        engine = psutil.Process(client.pid)
        helpers.extend(engine.children())
        engine.kill()

    final = client.run(text_job("[helper] [slow]"), Recorder(Progress, kill))
    assert isinstance(final, Failed)
    assert len(helpers) == 1
    psutil.wait_procs(helpers, timeout=60)
    assert not helpers[0].is_running()


# ---- failing


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [
        ("[fail]", "model_broken", "is broken"),
        ("[bug]", "bug", "report it"),
        ("[oom]", "out_of_memory", "smaller"),
        ("[diskfull]", "disk_full", "Free some space"),
        ("[crash]", "engine_crashed", "probably because it ran out of memory"),
        ("[exit]", "engine_crashed", "restarts"),
        ("[garbage]", "bug", "report this"),
    ],
)
def test_a_failure_affects_one_job_and_says_what_to_do(
    client: EngineClient, text_job: MakeJob, word: str, kind: str, says: str
) -> None:
    recorder = Recorder()
    final = client.run(text_job(word), recorder)
    assert isinstance(final, Failed)
    assert final.problem.kind == kind
    assert says in str(final.problem.message)
    assert recorder.events[-1] is final
    assert isinstance(run(client, text_job(job="2")), Done)


def test_an_unexpected_error_is_reported_with_its_traceback(
    client: EngineClient, text_job: MakeJob
) -> None:
    final = run(client, text_job("[bug]"))
    assert isinstance(final, Failed)
    assert 'raise RuntimeError("scripted")' in final.problem.detail
    assert "RuntimeError: scripted" in client.log_file.read_text("utf-8")


def test_a_row_that_fails_leaves_the_others(client: EngineClient, text_job: MakeJob) -> None:
    recorder = Recorder()
    assert isinstance(client.run(text_job("[rowfail]", rows=3), recorder), Done)
    assert [e.row for e in recorder.events if isinstance(e, AssetReady)] == [0, 2]
    assert [e.row for e in recorder.events if isinstance(e, RowFailed)] == [1]


def test_results_finished_before_a_crash_are_delivered(
    client: EngineClient, text_job: MakeJob
) -> None:
    recorder = Recorder()
    client.run(text_job("[crash]", rows=3), recorder)
    assert [e.row for e in recorder.events if isinstance(e, AssetReady)] == [0]


def test_an_engine_that_died_while_idle_is_restarted(
    client: EngineClient, text_job: MakeJob
) -> None:
    run(client, text_job())
    psutil.Process(client.pid).kill()
    assert isinstance(run(client, text_job(job="2")), Done)


def test_an_engine_killed_during_a_job_fails_only_that_job(
    client: EngineClient, text_job: MakeJob
) -> None:
    recorder = Recorder(Progress, lambda: os.kill(client.pid or 0, signal.SIGKILL))
    final = client.run(text_job("[slow]"), recorder)
    assert isinstance(final, Failed)
    assert final.problem.kind == "engine_crashed"
    assert isinstance(run(client, text_job(job="2")), Done)


@pytest.mark.usefixtures("patient")
def test_an_error_in_the_callback_cancels_the_job_and_leaves_the_engine_usable(
    client: EngineClient, text_job: MakeJob
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.run(text_job("[slow]"), Recorder(Progress, fail))
    pid = client.pid
    assert isinstance(run(client, text_job(job="2")), Done)
    assert client.pid == pid


# ---- stopping


def test_stopping_cancels_a_running_job_and_leaves_no_process(
    client: EngineClient, text_job: MakeJob
) -> None:
    pids: list[int | None] = []
    stopping = threading.Thread(target=client.stop)

    def stop() -> None:
        pids.append(client.pid)
        stopping.start()

    assert client.run(text_job("[slow]"), Recorder(Progress, stop)) == Cancelled("1")
    stopping.join()
    assert pids[0] is not None
    assert not psutil.pid_exists(pids[0])
    assert client.pid is None


def test_a_stopped_client_runs_nothing_until_it_is_started_again(
    client: EngineClient, text_job: MakeJob
) -> None:
    client.stop()
    assert run(client, text_job()) == Cancelled("1")
    assert client.pid is None
    client.start()
    assert isinstance(run(client, text_job()), Done)


def test_cancel_and_shutdown_cannot_be_run_as_commands(client: EngineClient) -> None:
    with pytest.raises(ValueError, match="cancel"):
        client.run(CancelJob("1"), lambda _: None)  # type: ignore[arg-type]  # that is the test


# ---- environment


def test_the_engine_gets_its_environment_and_that_of_the_app_is_unchanged(
    make_client: MakeClient, text_job: MakeJob
) -> None:
    before = dict(os.environ)
    client = make_client("plain", threads=3, extra_environment={"STUDIO_TRIAL": "yes"})
    run(client, text_job())
    variables = psutil.Process(client.pid).environ()
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["HF_HUB_OFFLINE"] == "1"
    assert variables["STUDIO_TRIAL"] == "yes"
    assert dict(os.environ) == before


@pytest.fixture
def image_job(tmp_path: Path) -> RunJob:
    """An image job with a model that does not exist."""
    model = msgspec.structs.replace(
        MODEL, task="image", format="diffusers", path=str(tmp_path / "gone")
    )
    request = ImageRequest(prompt="a fox", seed=1)
    return RunJob(job="1", request=request, rows=(0,), model=model, work_dir=str(tmp_path))


@pytest.mark.usefixtures("patient")
def test_the_real_engine_is_cancelled_while_it_imports_its_libraries(
    make_client: MakeClient, image_job: RunJob
) -> None:
    client = make_client()
    recorder = Recorder(Loading, lambda: client.cancel("1"))
    assert client.run(image_job, recorder) == Cancelled("1")
    pid = client.pid
    missing = ModelRef(id="m", name="M", task="image", format="diffusers", path="/m")
    assert isinstance(client.run(DescribeModel(job="2", model=missing), lambda _: None), Failed)
    assert client.pid == pid


def test_the_real_engine_reports_its_device_and_libraries(
    make_client: MakeClient, image_job: RunJob
) -> None:
    client = make_client(device="cpu")
    recorder = Recorder()
    final = client.run(image_job, recorder)
    assert isinstance(final, Failed)
    assert final.problem.kind in ("model_missing", "model_broken")
    (ready,) = [e for e in recorder.events if isinstance(e, Ready)]
    assert ready.device == "cpu"
    assert "torch" in ready.libraries
