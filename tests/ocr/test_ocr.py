"""Text images, their error rates, and the reader; tests that need Tesseract or a font are skipped without it."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.cli.evaluate_text import evaluate_text
from kukkiri.errors import BackendError, ConfigError, ModelError
from kukkiri.inference.engine import Footprint
from kukkiri.info import ModelInfo
from kukkiri.ocr import (
    SCRIPTS,
    Font,
    Reading,
    TextImage,
    TextScore,
    character_error_rate,
    edit_distance,
    find_font,
    normalize_text,
    read_text,
    render_images,
    render_text,
    score_text,
    upscale_text,
)
from tests.tolerances import FLOAT64_MATHS

DEJAVU = SCRIPTS["latin"].fonts[0]


def has_font(font: Font) -> bool:
    try:
        return find_font(font).is_file()
    except BackendError:
        return False


def languages() -> set[str]:
    if shutil.which("tesseract") is None:
        return set()
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False)
    return set(listed.stdout.split())


needs_font = pytest.mark.skipif(not has_font(DEJAVU), reason="fonts-dejavu is not installed")
needs_reader = pytest.mark.skipif("eng" not in languages() or not has_font(DEJAVU), reason="no tesseract")
words = st.text(alphabet="abß가", max_size=6)


def blank(name="latin-00", script="latin", *, side=24):
    return TextImage(name, script, "line", 24, "word", np.full((side, side, 3), 255, dtype=np.uint8))


def score(model, rates):
    return TextScore(
        model, 2, "bicubic", {f"{s}-{i}": Reading(s, "line", 24, "x", "y", r) for i, (s, r) in enumerate(rates)}
    )


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),  # k-s, e-i, and a g
        ("flaw", "lawn", 2),  # f away, n added
        ("sunday", "saturday", 3),
        ("abc", "cab", 2),  # no credit for a transposition over two places
        ("東京都", "束京都", 1),
    ],
)
def test_edit_distance_of_textbook_pairs(a, b, edits):
    assert edit_distance(a, b) == edits


@given(words, words, words)
@settings(max_examples=60, deadline=None)
def test_edit_distance_is_a_metric(a, b, c):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def test_compatible_forms_and_blanks_are_no_errors():
    assert normalize_text("ＡＢ １２\n株 式 会 社\tﬁ") == "AB12株式会社fi"
    assert normalize_text("é") == "é"  # e and a combining accent become one code point


def test_rate_is_edits_over_the_characters_of_the_truth():
    assert character_error_rate("ab cd", "abcd") == 0
    assert character_error_rate("abcd", "abxd") == 0.25
    assert character_error_rate("abcd", "") == 1
    assert character_error_rate("ab", "abcdef") == 2  # more characters than the truth has


def test_a_rate_without_truth_is_refused():
    with pytest.raises(ValueError, match="no characters"):
        character_error_rate(" \n", "a")


def test_means_and_differences_are_those_of_the_images():
    bicubic = score("bicubic", [("latin", 0.5), ("latin", 0.1), ("greek", 0.9)])
    network = score("network", [("latin", 0.3), ("latin", 0.1), ("greek", 0.5)])
    assert bicubic.rate() == pytest.approx(0.5, abs=FLOAT64_MATHS)
    assert bicubic.rate("latin") == pytest.approx(0.3, abs=FLOAT64_MATHS)
    assert bicubic.scripts == ["latin", "greek"]
    mean, low, high = network.difference(bicubic)
    assert mean == pytest.approx(-0.2, abs=FLOAT64_MATHS)
    assert low <= mean <= high


def test_json_of_a_score_has_no_nan():
    value = score("bicubic", [("latin", 0.5)]).to_json()
    assert value["interval"] == [None, None]
    assert value["scripts"] == {"latin": 0.5}
    json.dumps(value, allow_nan=False)


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="seed must not be negative, got -1"):
        render_images(scripts=["latin"], count=1, seed=-1)


@needs_font
def test_the_same_seed_renders_the_same_images_whatever_else_is_rendered():
    few = render_images(scripts=["greek"], count=3, seed=5)
    many = {image.name: image for image in render_images(scripts=["latin", "greek"], count=4, seed=5)}
    for image in few:
        assert image.truth == many[image.name].truth
        assert np.array_equal(image.hr, many[image.name].hr)
    other = render_images(scripts=["greek"], count=3, seed=6)
    assert [image.truth for image in other] != [image.truth for image in few]


@needs_font
def test_every_third_image_is_a_card_and_sides_divide_by_twelve():
    images = render_images(scripts=["latin", "cyrillic"], count=6)
    assert [image.kind for image in images[:6]] == ["line", "line", "card"] * 2
    assert all(image.hr.shape[0] % 12 == image.hr.shape[1] % 12 == 0 for image in images)
    assert {len(image.truth.splitlines()) for image in images if image.kind == "line"} == {1}
    assert {len(image.truth.splitlines()) for image in images if image.kind == "card"} == {6}
    assert not any("#" in image.truth for image in images)


@needs_font
def test_ink_is_darker_than_paper_and_lies_inside_the_margin():
    for image in render_images(scripts=["latin"], count=3):
        paper = image.hr[0, 0].astype(int)
        different = (np.abs(image.hr.astype(int) - paper) > 8).any(axis=-1)
        rows, columns = np.nonzero(different)
        assert rows.min() >= 24
        assert columns.min() >= 24
        assert image.hr[different].mean() < paper.mean() - 60


@needs_font
def test_a_line_as_high_as_its_size_says():
    # DejaVu Sans: a capital I is 1493 of 2048 units high and 201 wide; the edges may touch one more pixel each
    coverage = render_text("I", font=find_font(DEJAVU), family=DEJAVU.family, size=200)
    assert coverage.shape[0] == pytest.approx(200 * 1493 / 2048, abs=2)
    assert coverage.shape[1] == pytest.approx(200 * 201 / 2048, abs=2)


@needs_font
def test_markup_is_rendered_as_text():
    font = find_font(DEJAVU)
    plain = render_text("b", font=font, family=DEJAVU.family, size=40)
    tagged = render_text("<b>b</b> & co", font=font, family=DEJAVU.family, size=40)
    assert tagged.shape[1] > 5 * plain.shape[1]


def test_a_missing_font_names_its_package():
    with pytest.raises(BackendError, match="apt-get install fonts-nowhere"):
        find_font(Font("Nowhere.ttf", "Nowhere", "fonts-nowhere"))


def test_an_unknown_script_and_an_empty_set_are_refused():
    with pytest.raises(ConfigError, match=r"unknown script 'runic'.*latin"):
        render_images(scripts=["runic"])
    with pytest.raises(ConfigError, match="no script"):
        render_images(scripts=[])
    with pytest.raises(ConfigError, match="at least 1"):
        render_images(count=0)


def test_missing_tesseract_is_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BackendError, match=r"tesseract is not installed.*apt-get install tesseract-ocr"):
        score_text(["bicubic"], [blank()], scale=2)


def stand_in(folder: Path, script: str) -> None:
    """A program called tesseract."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_missing_language_is_an_error_before_any_work(monkeypatch, tmp_path):
    stand_in(tmp_path, "printf 'List of available languages (1):\\neng\\n'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendError, match=r"cannot read kor \(korean\).*tesseract-ocr-kor"):
        score_text(["no-such-model"], [blank(), blank("korean-00", "korean")], scale=2)


@pytest.mark.parametrize("output", ["one\\n\\f\\f", "one\\n\\f"])  # as versions 4 and 5 print it
def test_an_image_without_text_at_the_end_is_counted(monkeypatch, tmp_path, output):
    stand_in(tmp_path, f"printf '{output}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_text([blank().hr, blank().hr], language="eng", kind="line") == ["one\n", ""]


@pytest.mark.parametrize("output", ["one\\n\\ftwo\\n\\f", "one\\n\\ftwo\\n"])
def test_texts_of_several_images_are_separated(monkeypatch, tmp_path, output):
    stand_in(tmp_path, f"printf '{output}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_text([blank().hr, blank().hr], language="eng", kind="line") == ["one\n", "two\n"]


def test_a_reader_that_fails_or_miscounts_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    stand_in(tmp_path, "echo 'it broke' >&2; exit 1")
    with pytest.raises(BackendError, match="tesseract failed: it broke"):
        read_text([blank().hr], language="eng", kind="line")
    stand_in(tmp_path, "printf 'one'")
    with pytest.raises(BackendError, match="1 texts for 2 images"):
        read_text([blank().hr, blank().hr], language="eng", kind="line")


def test_wrong_scales_and_empty_lists_are_refused():
    with pytest.raises(ConfigError, match="scale 5 does not divide"):
        score_text(["bicubic"], [blank()], scale=5)
    with pytest.raises(ConfigError, match="nothing to read"):
        score_text([], [blank()], scale=2)


@needs_font
def test_upscaling_gives_the_size_of_hr_again():
    image = render_images(scripts=["latin"], count=1)[0]
    lr, sr = upscale_text("nearest", image, scale=4)
    assert lr.shape[0] * 4 == image.hr.shape[0]
    assert np.array_equal(sr, lr.repeat(4, axis=0).repeat(4, axis=1))
    assert upscale_text("hr", image, scale=4)[1] is image.hr


@needs_reader
def test_tesseract_reads_rendered_text_and_nothing_on_blank_paper():
    images = render_images(scripts=["latin"], count=3)
    (large,) = score_text(["hr"], images, scale=3)
    assert large.rate() <= 0.02  # measured 0
    (nothing,) = score_text(["hr"], [blank(side=120)], scale=3)
    assert nothing.rate() == 1


@needs_reader
def test_text_of_six_pixels_cannot_be_read_and_the_result_repeats():
    images = render_images(scripts=["latin"], count=1)
    noisy = {"scale": 4, "degradation": "bicubic+noise:0.05"}
    first, second = (score_text(["nearest"], images, **noisy)[0] for _ in range(2))
    assert first.rate() > 0.2  # 24 pixels become 6, of which an x takes 3
    assert first == second


class Threefold:
    """A network that repeats every pixel three times."""

    info = ModelInfo(name="threefold", network="unknown", scale=3, colour="rgb", receptive_field=0)
    footprint = Footprint(linear=100.0)

    def run(self, batch):
        return batch.repeat(3, axis=2).repeat(3, axis=3)


def test_a_network_of_another_scale_and_an_unknown_one_are_refused():
    assert upscale_text(Threefold(), blank(), scale=3)[1].shape == (24, 24, 3)
    with pytest.raises(ModelError, match="x3 model, but scale 2 was asked"):
        upscale_text(Threefold(), blank(), scale=2)
    with pytest.raises(ModelError, match="nosuch"):
        upscale_text("nosuch", blank(), scale=2)


@needs_font
def test_every_sentence_is_used_once_before_any_is_used_again():
    lines = [image.truth for image in render_images(scripts=["latin"], count=12) if image.kind == "line"]
    assert sorted(lines) == sorted(SCRIPTS["latin"].sentences)


@needs_reader
def test_the_command_prints_a_table_or_one_json_object(capsys):
    evaluate_text(model=("hr", "bicubic"), scale=2, script=("latin",), count=1)
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()[2:]] == ["hr", "bicubic"]
    assert "bicubic: " in printed.err
    evaluate_text(model=("hr",), scale=2, script=("latin",), count=1, json=True)
    value = json.loads(capsys.readouterr().out)
    assert value["models"][0]["images"]["latin-00"]["script"] == "latin"
    assert value["reader"].startswith("tesseract")
