"""The fidelity report: numbers that can be worked out by hand, and an honest list of what was kept."""

import dataclasses
import math

import numpy as np
import PIL.Image
import pytest

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image, Metadata, read_image
from kukkiri.inference import Upscaler
from kukkiri.reports.fidelity import measure_fidelity, write_fidelity_report


@pytest.fixture
def small(rng):
    coarse = rng.integers(40, 216, (12, 15, 3)).astype(np.uint8)
    return Image.from_array(np.kron(coarse, np.ones((3, 3, 1), np.uint8)))


def upscaled(image, scale=2, model="bicubic"):
    return Upscaler(model, scale=scale, threads=1)(image)


def test_flat_grey_upscaled_is_flawless():
    grey = Image.from_array(np.full((40, 40, 3), 128, np.uint8))
    found = measure_fidelity(grey, upscaled(grey))
    assert found.consistency > 100  # equal up to rounding in float64
    assert found.change.max() < 1e-4
    assert found.drift.delta_e < 1e-4
    assert found.pattern.amplitude == 0
    assert found.scale == 2


def test_a_cast_shows_as_drift_and_in_its_direction(small):
    large = upscaled(small)
    cast = dataclasses.replace(large, colour=np.clip(large.colour + np.float32([0.08, 0, 0]), 0, 1))
    plain, shifted = measure_fidelity(small, large), measure_fidelity(small, cast)
    assert shifted.drift.delta_e > plain.drift.delta_e + 2
    assert shifted.drift.mean_shift[1] > 2  # towards red
    assert shifted.consistency < plain.consistency


def test_the_map_shows_where_something_was_painted_over(small):
    large = upscaled(small, model="nearest")
    colour = large.colour.copy()
    colour[20:40, 60:80] = 1.0
    found = measure_fidelity(small, dataclasses.replace(large, colour=colour))
    row, column = np.unravel_index(found.change.argmax(), found.change.shape)
    assert 9 <= row <= 20
    assert 29 <= column <= 40
    assert found.change[:5].max() < found.change.max() / 10


def test_a_checkerboard_is_found():
    grey = Image.from_array(np.full((64, 64), 128, np.uint8))
    large = upscaled(grey)
    colour = large.colour.copy()
    colour[::2, ::2] += np.float32(8 / 255)
    found = measure_fidelity(grey, dataclasses.replace(large, colour=colour))
    assert found.pattern.score > 10
    assert 255 * found.pattern.amplitude > 2
    assert found.drift is None  # grey


def test_a_fractional_scale_has_no_pattern(small):
    assert measure_fidelity(small, upscaled(small, scale=2.5)).pattern is None


def test_a_smaller_result_is_refused(small):
    with pytest.raises(ImageError, match="smaller than the input"):
        measure_fidelity(upscaled(small), small)


def test_dropped_metadata_is_listed(small):
    rich = dataclasses.replace(
        small,
        depth=16,
        alpha=np.ones(small.size, np.float32),
        metadata=Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", resolution=(72.0, 72.0), png_text=(b"tEXtTitle\0a",)),
    )
    poor = dataclasses.replace(upscaled(rich), depth=8, alpha=None, metadata=Metadata(resolution=(72.0, 72.0)))
    kept = {entry.name: entry.kept for entry in measure_fidelity(rich, poor).carried}
    assert kept == {
        "Bits per sample": False,
        "Colours": True,
        "Transparency": False,
        "EXIF (camera, date, place)": False,
        "Resolution": True,
        "PNG text": False,
    }
    assert all(entry.kept for entry in measure_fidelity(rich, upscaled(rich)).carried)


def test_the_page_is_about_the_files_on_disk(small, tmp_path):
    source, result, page = tmp_path / "in <1>.png", tmp_path / "out.jpg", tmp_path / "report.html"
    with_alpha = dataclasses.replace(small, alpha=np.linspace(0, 1, 36 * 45, dtype=np.float32).reshape(36, 45))
    with_alpha.save(source)
    notes = upscaled(read_image(source)).save(result)
    found = write_fidelity_report(page, source=source, result=result, model="bicubic", notes=notes)
    html = page.read_text(encoding="utf-8")
    assert "in &lt;1&gt;.png" in html
    assert "in <1>" not in html
    assert not {entry.name: entry.kept for entry in found.carried}["Transparency"]
    assert "laid on white" in html
    assert html.count('<img src="data:image/webp') == 3  # before, bicubic, after
    assert "default-src 'none'" in html
    with pytest.raises(ConfigError, match="exists already"):
        write_fidelity_report(page, source=source, result=result, model="bicubic")


def test_pages_and_frames_are_compared_with_their_own(tmp_path):
    """All pages became the result, or one that was chosen."""
    frames = [PIL.Image.new("RGB", (12, 10), colour) for colour in ("red", "blue")]
    source, whole, one = tmp_path / "in.gif", tmp_path / "whole.tif", tmp_path / "one.png"
    frames[0].save(source, save_all=True, append_images=frames[1:])
    large = [frame.resize((24, 20)) for frame in frames]
    large[0].save(whole, save_all=True, append_images=large[1:])
    large[1].save(one)
    for result, page in ((whole, None), (one, 2)):
        html = tmp_path / f"{result.stem}.html"
        found = write_fidelity_report(html, source=source, result=result, model="nearest", page=page)
        assert np.abs(found.change).max() == 0
    comic = tmp_path / "comic.cbz"
    comic.write_bytes(b"PK")
    with pytest.raises(ImageError, match="Unpack it"):
        write_fidelity_report(tmp_path / "no.html", source=comic, result=comic, model="nearest")


def test_a_large_image_is_shown_in_part_with_both_sides_on_one_grid(tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.reports.fidelity._SHOWN", 40 * 40)
    monkeypatch.setattr("kukkiri.reports.fidelity._MEASURED", 80 * 80)
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
    source, result, page = tmp_path / "in.png", tmp_path / "out.png", tmp_path / "report.html"
    Image.from_array(ramp).save(source)
    upscaled(read_image(source), model="nearest").save(result)
    found = write_fidelity_report(page, source=source, result=result, model="nearest")
    assert found.change.shape == (40, 40)
    assert found.place == (30, 30)
    assert 'data-w="40" data-h="40"' in page.read_text(encoding="utf-8")


def test_an_equal_copy_is_equal(small):
    found = measure_fidelity(small, small)
    assert math.isinf(found.consistency)
    assert found.pattern is None
