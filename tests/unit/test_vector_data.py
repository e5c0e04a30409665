"""Which icons the vector recipe trains on, what they are called, and what is held out."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from studio.formats.icons import chinese, names
from vector_recipe import dataset, sources, split

STROKE = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-width="2"'


def test_only_permissive_licences_and_no_logos_flags_or_coloured_sets_are_used() -> None:
    def entry(licence: str, **more: object) -> dict[str, object]:
        return {"license": {"spdx": licence}, "palette": False, **more}

    assert sources.is_used("lucide", entry("ISC", category="UI 24px"))
    assert sources.is_used("feather", entry("MIT"))
    for licence in ("CC-BY-4.0", "CC-BY-SA-4.0", "GPL-3.0", "OFL-1.1", "MPL-2.0", ""):
        assert not sources.is_used("some", entry(licence))
    assert not sources.is_used("some", {"palette": False})
    for category in ("Logos", "Flags / Maps", "Emoji"):
        assert not sources.is_used("some", entry("MIT", category=category))
    assert not sources.is_used("some", entry("MIT", palette=True))


def test_an_archive_with_other_content_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archives" / f"json-{sources.VERSION}.tgz"
    archive.parent.mkdir()
    archive.write_bytes(b"something else")
    with pytest.raises(sources.IntegrityError):
        sources.fetch(tmp_path)


def test_sets_are_read_from_the_archive_without_unpacking_it(tmp_path: Path) -> None:
    archive = tmp_path / "sets.tgz"
    files = {
        "collections.json": {
            "good": {"name": "Good", "license": {"spdx": "MIT"}},
            "other": {"name": "Other", "license": {"spdx": "GPL-3.0"}},
        },
        "json/good.json": {"icons": {"cat": {"body": ""}}},
        "json/other.json": {"icons": {}},
    }
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found = list(sources.used_sets(archive))
    assert [(one.prefix, one.licence) for one in found] == [("good", "MIT")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("calendar-heart", ("calendar", "heart")),
        ("syringe-outline-regular", ("syringe",)),
        ("arrow-left-02", ("arrow", "left")),
        ("layers2", ("layers",)),
        ("laptop-one", ("laptop",)),
        ("shield-two-tone", ("shield",)),
        ("add-circle", ("plus", "circle")),
        ("clock-hour-9", ("clock", "hour")),
        ("3d-cube", ("3", "d", "cube")),
    ],
)
def test_names_become_words(name: str, words: tuple[str, ...]) -> None:
    assert names.words_of(name) == words


def test_brands_are_left_out_and_fruit_is_not() -> None:
    assert names.is_brand(names.words_of("brand-github-filled"))
    assert names.is_brand(names.words_of("logo-figma"))
    assert not names.is_brand(names.words_of("apple"))


def test_what_has_a_side_is_not_mirrored() -> None:
    assert names.may_mirror(("house",))
    for words in (("arrow", "left"), ("question",), ("clock", "9"), ("letter", "b")):
        assert not names.may_mirror(words)


def test_plurals_find_their_singular_and_the_other_way_round() -> None:
    known = frozenset({"battery", "box", "users", "star"})
    assert names.similar("batteries", known) == "battery"
    assert names.similar("boxes", known) == "box"
    assert names.similar("user", known) == "users"
    assert names.similar("unicorn", known) is None


def test_a_held_out_combination_is_held_out_in_every_order_and_set() -> None:
    words = [f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    pairs = [(a, b) for a in words for b in words if a < b]
    held = [pair for pair in pairs if split.is_held_out_combination(pair)]
    assert 0 < len(held) < len(pairs) / 10
    for a, b in held:
        assert split.is_held_out_combination((b, a))
        assert not split.is_held_out_combination((a,))


def entry_of(prefix: str, name: str, d: str) -> dataset.Entry:
    source = sources.IconSet(
        prefix,
        prefix,
        "MIT",
        {"icons": {name: {"body": f'<path {STROKE} d="{d}"/>'}}, "width": 24} | {"height": 24},
    )
    entries, refused, covered = dataset.read_set(source)
    assert not refused
    assert covered[0] > 0.9
    return entries[0]


def test_aliases_are_other_names_but_turned_ones_are_not() -> None:
    data = {
        "icons": {"tall": {"body": f'<path {STROKE} d="M4 4v16"/>'}},
        "aliases": {"high": {"parent": "tall"}, "wide": {"parent": "tall", "rotate": 1}},
        "width": 24,
        "height": 24,
    }
    entries, *_ = dataset.read_set(sources.IconSet("some", "Some", "MIT", data))
    assert entries[0].captions == [("tall",), ("high",)]


def test_equal_drawings_are_one_entry_with_all_names() -> None:
    first, second = (entry_of(s, n, "M4 4h16v16H4z") for s, n in (("a", "square"), ("b", "box")))
    [one] = dataset.without_exact([first, second])
    assert one.captions == [("square",), ("box",)]
    assert one.sets == ["a", "b"]


def held_out_name() -> str:
    """A name whose combination is held out."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names_of = (f"{a}{b}{b} {b}{a}{a}" for a in letters for b in letters if a != b)
    return next(
        name.replace(" ", "-")
        for name in names_of
        if split.part_of("a", name.replace(" ", "-"), [tuple(name.split())]) == split.COMBINATION
    )


def test_a_training_icon_that_looks_like_a_held_out_one_is_left_out() -> None:
    wave, corner = "M4 4c8 0 0 16 16 16", "M4 4h16v16"
    entries = [
        entry_of("a", held_out_name(), wave),
        entry_of("b", "wave", wave + "M12 4h.01"),
        entry_of("c", "corner", corner),
    ]
    entries[1].drawing = entries[0].drawing
    kept, _, leaking = dataset.without_near(entries)
    assert leaking == 1
    assert [entry.part for entry in kept] == [split.COMBINATION, split.TRAIN]
    assert kept[1].name == "corner"


def test_what_only_looks_alike_is_another_drawing() -> None:
    box = "M4 6h16v14H4z"
    entries = [
        entry_of("a", "box-up", box + "M11 14l1-1l1 1"),
        entry_of("b", "box-down", box + "M11 13l1 1l1-1"),
        entry_of("c", "box-up", box + "M11 14l1-1.25l1 1.25"),
    ]
    kept, merged, _ = dataset.without_near(entries)
    assert [entry.name for entry in kept] == ["box-up", "box-down"]
    assert merged == 1
    assert kept[0].sets == ["a", "c"]


def test_no_word_of_a_held_out_concept_or_combination_is_trained_on() -> None:
    names_of = [f"{a}{b}-{b}{a}" for a in "abcdefgh" for b in "ijklmnop"]
    names_of += ["tornado", "cloud-tornado", "ambulances"]
    parts = {name: split.part_of("a", name, [names.words_of(name)]) for name in names_of}
    for name, part in parts.items():
        words = names.words_of(name)
        if part == split.TRAIN:
            assert not any(map(split.is_held_out_word, words))
            assert not split.is_held_out_combination(words)
    assert {parts[name] for name in names_of[-3:]} == {split.CONCEPT}
    assert all(split.part_of(prefix, "x", [("x",)]) == split.SET for prefix in split.JUDGE_SETS)


def test_chinese_prompts_become_words_and_what_is_not_known_is_told() -> None:
    table = chinese.load()
    assert chinese.words_of("带爱心的房子", table) == (["heart", "house"], "")
    assert chinese.words_of("自行车和汽车", table) == (["bike", "car"], "")
    assert chinese.words_of("一只猫", table) == (["cat"], "")
    assert chinese.words_of("上", table) == (["up"], "")
    assert chinese.words_of("量子房子", table) == (["house"], "量子")
