"""`results.csv`: its columns, and resuming an existing file."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest

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


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def header(folder: Path) -> list[str]:
    return (folder / RESULTS).read_text("utf-8-sig").splitlines()[0].split(",")


def test_an_answer_is_divided_into_columns_by_its_schema(library: Library, tmp_path: Path) -> None:
    schema = '{"properties": {"name": {}, "seed": {}, "who": {}}}'
    first, second = batch(
        library,
        (TextRequest(prompt="a", seed=3, schema=schema), {"who": "anna"}),
        (TextRequest(prompt="b", seed=4), {}),
    )
    results = Results(tmp_path, [first, second])
    answer = b'{"name": "=1+1", "seed": 12, "who": "me"}'
    results.on_event(AssetSaved(record(library, first, content=answer)))
    results.on_event(AssetSaved(record(library, second)))
    columns = ["prompt", "who", "name", "answer:seed", "answer:who", "text"]
    assert header(tmp_path) == [*OLD, *columns]
    one, two = read(tmp_path)
    assert (one["seed"], one["who"], one["name"]) == ("3", "anna", "'=1+1")
    assert (one["answer:seed"], one["answer:who"], one["text"]) == ("12", "me", answer.decode())
    assert two["name"] == ""


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
        kept = tmp_path / "results.csv.cut-off"
        start = whole.index(b"\r\n3,") + 2
        assert kept.read_bytes() == whole[start:cut] + b"\r\n"
        kept.unlink()


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


@pytest.mark.parametrize(
    "foreign",
    [
        b'part,n\r\n5" pipe,3\r\nelbow,4\r\n',
        b'person,answer\r\n"Ann","42"\r\n"Bob","last line"',
        f"{','.join(OLD)},who\r\n2,text,0,/狐狸.md,1,0.5,,我\r\n".encode("gbk"),
        b"\xff\xfe\x00",
    ],
    ids=["inch mark", "quoted", "GBK", "binary"],
)
def test_a_file_that_is_not_ours_is_left_alone_and_the_results_are_listed_beside_it(
    library: Library, tmp_path: Path, foreign: bytes
) -> None:
    jobs = batch(library, *[(TextRequest(prompt="x", seed=seed), {}) for seed in range(2)])
    (tmp_path / RESULTS).write_bytes(foreign)
    results = Results(tmp_path, jobs)
    results.on_event(AssetSaved(record(library, jobs[0])))
    assert "results 2.csv" in str(results.notes()[0])
    record(library, jobs[1])
    for _ in range(2):
        Results(tmp_path, jobs).catch_up(library)
    assert (tmp_path / RESULTS).read_bytes() == foreign
    assert [row[0] for row in _rows(tmp_path / "results 2.csv")] == ["line", "2", "3"]


def test_a_link_out_of_the_folder_is_not_followed(library: Library, tmp_path: Path) -> None:
    (job,) = batch(library, (TextRequest(prompt="x", seed=3), {}))
    (tmp_path / "mine").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RESULTS).symlink_to(tmp_path / "mine")
    Results(tmp_path / "out", [job]).on_event(AssetSaved(record(library, job)))
    assert (tmp_path / "mine").read_bytes() == b""
    assert len(_rows(tmp_path / "out" / "results 2.csv")) == 2


@pytest.mark.parametrize(
    ("separator", "quoting", "end", "encoding", "has_last_end"),
    list(
        itertools.product(
            ",;\t",
            [csv.QUOTE_MINIMAL, csv.QUOTE_ALL],
            ["\r\n", "\n", "\r"],
            ["utf-8", "utf-8-sig"],
            [True, False],
        )
    ),
)
def test_a_file_saved_again_by_a_spreadsheet_program_goes_on_in_its_own_way(
    library: Library,
    tmp_path: Path,
    separator: str,
    quoting: int,
    end: str,
    encoding: str,
    has_last_end: bool,
) -> None:
    jobs = batch(library, *[(TextRequest(prompt="x", seed=seed), {}) for seed in range(2)])
    (other,) = batch(library, (TextRequest(prompt="a;b,c", seed=3), {"who": "anna"}))
    assets = [record(library, job, content=ANSWER.encode()) for job in (*jobs, other)]
    before = Results(tmp_path, jobs)
    for asset in assets[:2]:
        before.on_event(AssetSaved(asset))
    rows = _rows(tmp_path / RESULTS)
    with (tmp_path / RESULTS).open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
        writer.writerows(rows)
        if not has_last_end:
            file.truncate(file.tell() - len(end))
    Results(tmp_path, jobs).catch_up(library)
    results = Results(tmp_path, [other])
    results.catch_up(library)
    results.catch_up(library)
    with (tmp_path / RESULTS).open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=separator))
    assert [line["path"] for line in lines] == [str(asset.path) for asset in assets]
    assert [line["text"] for line in lines] == [ANSWER] * 3
    assert [line["who"] for line in lines] == ["", "", "anna"]
    assert [path.name for path in tmp_path.glob("results*")] == [RESULTS]


def test_a_line_cut_off_anywhere_is_whole_afterwards_and_lines_of_another_table_stay(
    library: Library, tmp_path: Path
) -> None:
    (other, *jobs) = batch(
        library, *[(TextRequest(prompt="x", seed=seed), {"who": "我"}) for seed in range(3)]
    )
    assets = [record(library, job, content="plain 狐狸".encode()) for job in (other, *jobs)]
    results = Results(tmp_path, [other, *jobs])
    for asset in assets[:2]:
        results.on_event(AssetSaved(asset))
    whole = (tmp_path / RESULTS).read_bytes()
    start = whole.index(b"\r\n3,") + 2
    in_header = range(3, whole.index(b"\r\n") + 2, 7)
    in_last = range(start, len(whole))
    for cut, zeros in [
        *((n, b"\0" * (n % 3)) for n in in_last),
        *((n, b"") for n in in_header),
    ]:
        (tmp_path / RESULTS).write_bytes(whole[:cut] + zeros)
        Results(tmp_path, jobs).catch_up(library)
        lines = read(tmp_path)
        expected = assets if cut >= start else assets[1:]
        assert [line["path"] for line in lines] == [str(asset.path) for asset in expected], cut
        assert [line["text"] for line in lines] == ["plain 狐狸"] * len(expected), (cut, zeros)
