"""`results.csv`: its columns, and resuming an existing file."""

from __future__ import annotations

import csv
from pathlib import Path

from studio.jobs.results import RESULTS, Results
from studio.jobs.runner import AssetSaved
from studio.kinds.image import ImageRequest
from studio.kinds.text import TextRequest
from studio.library.records import Job
from studio.library.store import Library
from studio.protocol import Request, RowFailed, problem
from tests.unit.conftest import record

OLD = ["line", "task", "row", "path", "seed", "seconds", "error"]
ANSWER = 'One fox said "hello,\nhen".\n\nThe end 狐狸'


def batch(library: Library, *rows: tuple[Request, dict[str, str]]) -> list[Job]:
    labels = [{**row[1], "line": str(line)} for line, row in enumerate(rows, 2)]
    return library.queue.enqueue([row[0] for row in rows], labels=labels, claim=True)


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / RESULTS).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def header(folder: Path) -> list[str]:
    return (folder / RESULTS).read_text("utf-8-sig").splitlines()[0].split(",")


def test_a_line_holds_the_prompt_the_labels_and_the_answer(
    library: Library, tmp_path: Path
) -> None:
    text, image, failing = batch(
        library,
        (TextRequest(prompt="tell, me", seed=3), {"product": "自行车"}),
        (ImageRequest(prompt="draw", seed=4), {"who": "anna", "text": "mine"}),
        (TextRequest(prompt="fail", seed=5), {"product": "tea"}),
    )
    results = Results(tmp_path, [text, image, failing])
    results.on_event(AssetSaved(record(library, text, content=ANSWER.encode())))
    results.on_event(AssetSaved(record(library, image)))
    results.on_event(RowFailed(failing.id, 0, problem("bug", "Broken.").problem))
    assert header(tmp_path) == [*OLD, "prompt", "product", "who", "label:text", "text"]
    first, second, third = read(tmp_path)
    assert (first["prompt"], first["product"], first["text"]) == ("tell, me", "自行车", ANSWER)
    assert (second["who"], second["label:text"], second["text"]) == ("anna", "mine", "")
    assert (third["prompt"], third["product"], third["error"]) == ("fail", "tea", "Broken.")


def test_a_file_of_another_table_gets_the_columns_it_lacks(
    library: Library, tmp_path: Path
) -> None:
    old = ["7", "text", "0", "/gone.md", "1", "0.5", ""]
    (tmp_path / RESULTS).write_text("\r\n".join([",".join(OLD), ",".join(old)]), "utf-8-sig")
    for label in ("one", "two"):
        (job,) = batch(library, (TextRequest(prompt="x", seed=3), {label: "yes"}))
        asset = record(library, job, content=ANSWER.encode())
        for _ in range(2):
            results = Results(tmp_path, [job])
            results.on_event(AssetSaved(asset))
    assert header(tmp_path) == [*OLD, "prompt", "one", "text", "two"]
    lines = read(tmp_path)
    assert [lines[0][column] for column in OLD] == old
    assert [(line["one"], line["two"], line["text"]) for line in lines] == [
        ("", "", ""),
        ("yes", "", ANSWER),
        ("", "yes", ANSWER),
    ]


def test_a_truncated_line_is_written_again_and_does_not_absorb_the_next(
    library: Library, tmp_path: Path
) -> None:
    jobs = batch(library, *[(TextRequest(prompt="x", seed=seed), {}) for seed in range(3)])
    assets = [record(library, job, content=ANSWER.encode()) for job in jobs]
    results = Results(tmp_path, jobs)
    for asset in assets[:2]:
        results.on_event(AssetSaved(asset))
    whole = (tmp_path / RESULTS).read_bytes()
    for end in (b"said ", b'said "', b"hello,", b"hello,\n", b"The end"):
        cut = whole.rindex(end) + len(end)
        (tmp_path / RESULTS).write_bytes(whole[:cut])
        Results(tmp_path, jobs).catch_up(library)
        lines = read(tmp_path)
        made = {line["path"]: line["text"] for line in lines}
        assert [made[str(asset.path)] for asset in assets] == [ANSWER] * 3, end
        assert len(lines) == 3


def test_an_unclosed_quote_in_an_earlier_line_loses_no_line(
    library: Library, tmp_path: Path
) -> None:
    (job,) = batch(library, (TextRequest(prompt="x", seed=3), {}))
    columns = [*OLD, "prompt", "text"]
    held = f'{",".join(columns)}\r\n2,text,0,"/cut\r\n3,text,0,/b.md,1,0.5,,x,y\r\n'
    (tmp_path / RESULTS).write_bytes(held.encode())
    Results(tmp_path, [job]).on_event(AssetSaved(record(library, job)))
    assert (tmp_path / RESULTS).read_bytes().startswith(held.encode())
    assert read(tmp_path)[-1]["text"] == "An answer."
