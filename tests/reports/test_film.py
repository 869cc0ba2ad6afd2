"""The film of a page: versions of a clip stacked in one video."""

import io
import shutil

import numpy as np
import pytest

pytest.importorskip("av")

import av

from kukkiri.reports import FilmRecorder
from kukkiri.reports.film_viewer import film_viewer
from kukkiri.reports.page import build_page, write_page


def make_frame(level, *, size=(38, 60), pixel_format="yuv420p"):
    height, width = size
    if pixel_format == "yuv420p":
        levels = np.full((height * 3 // 2, width), 128, np.uint8)
        levels[:height] = level
        return av.VideoFrame.from_ndarray(levels, "yuv420p")
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), level, np.uint8), "rgb24").reformat(format="gbrp")


def decode(film):
    with av.open(io.BytesIO(film.mp4)) as container:
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


def test_versions_lie_below_one_another_and_keep_their_times():
    recorder = FilmRecorder(["HR", "a", "b"], size=(38, 60))
    for number, seconds in enumerate((5.0, 5.04, 5.5)):
        recorder.take(seconds, [make_frame(60 + number), make_frame(120), make_frame(200)])
    film = recorder.finish()
    assert (film.size, film.rows, film.begin, film.part, film.complete) == ((38, 60), 48, 5.0, None, True)
    shown = decode(film)
    assert [time for time, _ in shown] == pytest.approx([0, 0.04, 0.5], abs=1e-4)
    assert film.times == pytest.approx([0, 0.04, 0.5], abs=1e-9)
    stack = shown[1][1]
    assert stack.shape == (3 * 48, 60)
    means = [stack[top : top + 38].mean() for top in (0, 48, 96)]
    assert means == pytest.approx([(level - 16) * 255 / 219 for level in (61, 120, 200)], abs=2)  # to_ndarray stretches


def test_colours_of_rgb_frames_become_bt709():
    recorder = FilmRecorder(["a"], size=(38, 60))
    recorder.take(0.0, [make_frame(255, pixel_format="gbrp")])
    film = recorder.finish()
    with av.open(io.BytesIO(film.mp4)) as container:
        frame = next(container.decode(video=0))
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)[:38, :60]
        assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
    assert luma.mean() == pytest.approx(235, abs=1)


def test_large_frames_are_cut_to_a_part_and_a_long_film_ends():
    recorder = FilmRecorder(["a", "b"], size=(1000, 1600), budget=0)
    recorder.take(0.0, [make_frame(90, size=(1000, 1600))] * 2)
    film = recorder.finish()
    assert film.part == (140, 160, 720, 1280)
    assert film.size == (720, 1280)
    long = FilmRecorder(["a"], size=(38, 60), budget=0)
    for number in range(100):  # the encoder looks ahead
        long.take(number / 24, [make_frame(90)])
    film = long.finish()
    assert not film.complete
    assert len(film.times) == len(decode(film)) < 100


def test_the_markup_names_the_versions_and_escapes_them():
    recorder = FilmRecorder(["HR", '"<b>'], size=(38, 60))
    recorder.take(0.0, [make_frame(90)] * 2)
    html = film_viewer(recorder.finish(), left="HR", right='"<b>')
    assert "<b>" not in html
    assert 'data-times="[0.0]"' in html
    assert "<select" not in html  # two versions need no choice


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the program chromium")
def test_a_browser_shows_both_sides_of_the_same_frame(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    recorder = FilmRecorder(["dark", "light"], size=(38, 60))
    for number in range(4):
        recorder.take(number / 4, [make_frame(40 + 10 * number), make_frame(140 + 10 * number)])
    page_path = tmp_path / "film.html"
    viewer = film_viewer(recorder.finish(), left="dark", right="light")
    write_page(page_path, build_page(title="film", setup="", body=viewer, footer="", film=True))
    levels = """() => [...document.querySelectorAll("canvas")].map(
        (canvas) => canvas.getContext("2d").getImageData(30, 19, 1, 1).data[0])"""
    shown, texts, errors = [], [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(reduced_motion="reduce")  # so that it does not play by itself
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_path.as_uri())
        for _ in range(4):
            place = page.get_by_text(f"{len(shown) + 1} / 4")
            place.wait_for(timeout=20_000)
            page.wait_for_timeout(200)
            shown.append(page.evaluate(levels))
            texts.append(page.inner_text(".transport output"))
            page.keyboard.press(".")
        browser.close()
    assert errors == []
    assert texts[2] == "3 / 4  0.50 s"
    black_to_white = [[(level - 16) * 255 / 219 for level in (40 + 10 * n, 140 + 10 * n)] for n in range(4)]
    assert np.abs(np.array(shown) - np.array(black_to_white)).max() <= 3
