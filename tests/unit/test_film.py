"""Films: what is asked for is checked, camera and cuts are exact, recipes are kept in GIF files."""

from __future__ import annotations

import io
import itertools
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from studio.composition.camera import move_over
from studio.composition.timeline import Timeline
from studio.formats.pictures import gif
from studio.formats.pictures.embedded import Embedded
from studio.formats.sounds.spread_words import spread_words
from studio.kinds.film import KIND, FilmRequest, Shot, seconds_of
from studio.kinds.requests import input_files, unsupported_reason, with_inputs
from studio.library.recipes.source_type import COMPOSITE, GENERATED, source_type
from studio.protocol import InputFile

PICTURE = InputFile("/a.png")


def test_every_frame_has_whole_shares_and_the_film_is_as_long_as_its_shots() -> None:
    for fade, loops in itertools.product((0.0, 0.4, 10.0), (False, True)):
        timeline = Timeline([1.0, 0.01, 2.5], Fraction(10), fade, loops=loops)
        assert timeline.frames == 35
        for frame in range(timeline.frames):
            seen = timeline.at(frame)
            assert sum(each.share for each in seen) == pytest.approx(1)
            assert all(0 <= each.time <= 1 for each in seen)


def test_frames_of_many_short_shots_do_not_drift() -> None:
    timeline = Timeline([1 / 3] * 3000, Fraction(30000, 1001), 0.2, loops=False)
    assert timeline.frames == round(1000 * 30000 / 1001)


@pytest.mark.parametrize("motion", ["none", "in", "out", "left", "right", "up", "down"])
@pytest.mark.parametrize("size", [(1, 1), (640, 360), (100, 3000), (9000, 50)])
def test_the_camera_stays_inside_the_picture(motion: str, size: tuple[int, int]) -> None:
    move = move_over(motion, size, (1280, 720), 6.0)  # type: ignore[arg-type]
    for time in (0.0, 0.3, 1.0):
        left, top, right, bottom = move.at(time)
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        assert (right - left) * 720 == pytest.approx((bottom - top) * 1280)


@pytest.mark.parametrize(
    "fields",
    [
        {"shots": (Shot(1),)},
        {"shots": (Shot(0, voice=0),)},
        {"format": "gif", "sound": InputFile("/a.wav")},
        {"format": "gif", "seconds": 3000.0},
        {"width": 641},
        {"shots": tuple(Shot(0, 3600.0) for _ in range(30))},
        {"format": "webm", "encoder": "x264"},
        {"pictures": ()},
    ],
)
def test_what_cannot_be_made_is_said_before(fields: dict[str, object]) -> None:
    request = FilmRequest(**{"pictures": (PICTURE,), **fields})  # type: ignore[arg-type]
    assert unsupported_reason(request) is not None


def test_all_files_of_a_request_are_its_inputs() -> None:
    request = FilmRequest(
        pictures=(PICTURE, InputFile("/b.png")), sound=InputFile("/c.wav"), shots=(Shot(1, 2.0),)
    )
    assert [file.path for file in input_files(request)] == ["/a.png", "/b.png", "/c.wav"]
    hashed = with_inputs(request, lambda file: InputFile(file.path, "0" * 64))
    assert {file.sha256 for file in input_files(hashed)} == {"0" * 64}
    assert hashed.sound is not None
    assert seconds_of(hashed) == 2.0


def test_a_film_of_photographs_is_not_declared_as_generated() -> None:
    request = FilmRequest(pictures=(PICTURE,))
    assert source_type(request, input_is_generated=False) == COMPOSITE
    assert source_type(request, input_is_generated=True) == GENERATED
    assert KIND.models_of(request) == ()


def test_a_recipe_is_kept_in_a_gif_that_still_opens(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    plain = tmp_path / "a.gif"
    frames[0].save(plain, save_all=True, append_images=frames[1:], duration=100, loop=0)
    target = io.BytesIO()
    with plain.open("rb") as source:
        content = gif.write(source, target, Embedded(recipe='{"a": "\u5149"}'))
    assert (content.width, content.height) == (20, 10)
    target.seek(0)
    assert gif.read(target).recipe == '{"a": "\u5149"}'
    target.seek(0)
    with Image.open(target) as image:
        assert getattr(image, "n_frames", 1) == 3
        image.seek(2)
        image.load()


def test_words_of_both_scripts_are_spread_over_a_time() -> None:
    line = spread_words("Hello 你好，world!", 1.0, 3.0)
    assert line is not None
    assert line.text == "Hello 你好，world!"
    assert line.start == 1.0
    assert line.end == pytest.approx(3.0)
    assert spread_words("  \n", 0.0, 1.0) is None
