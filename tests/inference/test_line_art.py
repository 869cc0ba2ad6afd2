"""Line art told from photographs by its samples, and the weights that it gets."""

import dataclasses
import io
import shutil

import numpy as np
import PIL.Image
import pytest

from kukkiri import Upscaler, pretrained
from kukkiri.errors import ConfigError, ModelError
from kukkiri.files import list_images
from kukkiri.images import Image, open_image, read_image
from kukkiri.images.reading import read_rows
from kukkiri.inference.line_art import _find_bands, is_line_art, is_line_art_in_memory, measure_flatness
from kukkiri.inference.streamed_files import stream_file

SHIPPED = pretrained._folder()


def draw_page(height=120, width=160):
    """Boxes, bars and slanted antialiased edges on white, uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    page = np.full((height, width, 3), 255, dtype=np.uint8)
    page[(y % 24 > 8) & (y % 24 < 12) & (x % 50 > 6)] = 0
    page[(y % 60 > 30) & (x % 40 > 20) & (x % 40 < 34)] = (200, 30, 40)
    cover = np.clip((x - 0.4 * y) % 80 - 70, 0, 1) * np.clip(76 - (x - 0.4 * y) % 80, 0, 1)
    return (page * (1 - cover[..., None])).round().astype(np.uint8)


def in_format(levels, form, **options):
    file = io.BytesIO()
    PIL.Image.fromarray(levels).save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def noise(rng):
    return rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """ESPCN as the clean network, FSRCNN as the one for line art at x2 and for photographs."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, origin in {
        **{f"espcn-x{scale}": f"espcn-x{scale}" for scale in (2, 3, 4)},
        **{f"fsrcnn-x{scale}": f"fsrcnn-x{scale}" for scale in (2, 3)},
        "espcn-line-x2": "fsrcnn-x2",
        "espcn-photo-x2": "fsrcnn-x2",
    }.items():
        for suffix in (".onnx", ".json"):
            shutil.copy(SHIPPED / f"{origin}{suffix}", folder / f"{name}{suffix}")
    monkeypatch.setattr(pretrained, "_folder", lambda: folder)


def stems(upscaler):
    return [engine.path.stem for engine in upscaler.engines]


def test_shares_of_a_step_are_those_counted_by_hand():
    colour = np.zeros((6, 6, 3), dtype=np.float32)
    colour[:, 3:, 1] = 1  # of the 16 neighbourhoods, the 8 around columns 2 and 3 hold the step
    assert measure_flatness(colour) == (0.5, 0.0, 0.5)
    colour[:, 3:, 1] = 20 / 255
    assert measure_flatness(colour) == (0.5, 1.0, 0.0)
    colour[:, 3:, 1] = 2 / 255  # a faint change is neither flat nor texture
    assert measure_flatness(colour) == (0.5, 0.0, 0.0)


@pytest.mark.parametrize("invert", [False, True])
def test_a_page_is_line_art_in_either_polarity_and_depth(invert):
    page = 255 - draw_page() if invert else draw_page()
    grey = np.where(page[..., 0] > 128, 255, 0).astype(np.uint8)
    for array in (page, page.astype(np.uint16) * 257, grey):
        assert is_line_art_in_memory(Image.from_array(array))


def test_photographs_are_no_line_art_even_on_a_flat_ground(photographs):
    paths = list_images(photographs)
    assert len(paths) >= 3
    for path in paths:
        levels = read_image(path).to_array()
        assert not is_line_art_in_memory(Image.from_array(levels))
        height, width = levels.shape[:2]
        mounted = np.full((height * 2, width, *levels.shape[2:]), 255, dtype=levels.dtype)
        mounted[height // 2 : height // 2 + height] = levels
        assert not is_line_art_in_memory(Image.from_array(mounted))


def test_neither_blank_pages_nor_noise_nor_tiny_images_are_line_art(noise):
    blank = np.full((50, 60), 255, dtype=np.uint8)
    for levels in (blank, noise, noise[:2], np.zeros((1, 1), dtype=np.uint8)):
        assert not is_line_art_in_memory(Image.from_array(levels))


def test_what_a_lossy_codec_left_is_not_taken_for_line_art():
    decoded = open_image(in_format(draw_page(), "JPEG", quality=60))
    assert not is_line_art_in_memory(dataclasses.replace(decoded, lossy=False))


def test_bands_of_a_large_image_lie_evenly_inside_it():
    assert _find_bands(100, 200) == [0, 64]
    assert _find_bands(10_000, 8_000) == [39 * 64, 117 * 64]  # two of 157 bands hold a megapixel
    assert _find_bands(64, 10**7) == [0]
    for height, width in ((5_000, 3_000), (1_000_000, 20), (4_097, 256)):
        bands = _find_bands(height, width)
        assert bands == sorted(set(bands))
        assert bands[0] >= 0
        assert bands[-1] < height


def test_rows_of_a_file_and_the_image_in_memory_give_the_same_answer(tmp_path):
    page = draw_page(1_100, 1_300)
    page[500:] = np.random.default_rng(0).integers(100, 140, page[500:].shape)
    for name, levels in (("page.png", draw_page(1_100, 1_300)), ("mixed.png", page)):
        (tmp_path / name).write_bytes(in_format(levels, "PNG"))
        expected = is_line_art_in_memory(read_image(tmp_path / name))
        assert is_line_art(read_rows(tmp_path / name)) == expected == (name == "page.png")


@pytest.mark.usefixtures("shop")
def test_line_art_gets_its_weights_and_others_those_that_they_had(noise):
    upscaler = Upscaler("espcn", scale=2, threads=1)
    page, other = Image.from_array(draw_page()), Image.from_array(noise)
    line, clean, photo = (Upscaler(name, threads=1) for name in ("espcn-line-x2", "espcn-x2", "espcn-photo-x2"))
    assert (line.domain, clean.domain, photo.domain) == ("line", "clean", "photo")
    assert np.array_equal(upscaler(page).colour, line(page).colour)
    assert np.array_equal(upscaler(other).colour, clean(other).colour)
    assert np.array_equal(upscaler(draw_page()), clean(draw_page()))  # an array is not looked at
    lossy = dataclasses.replace(page, lossy=True)
    assert (upscaler.suited(lossy).domain, stems(upscaler.suited(lossy))) == ("photo", ["espcn-photo-x2"])
    assert upscaler.suited(page) is upscaler.suited(page)
    assert stems(Upscaler("espcn", scale=2, weights="clean").suited(page)) == ["espcn-x2"]
    assert stems(Upscaler("espcn", scale=2, weights="line").suited(other)) == ["espcn-line-x2"]


@pytest.mark.usefixtures("shop")
def test_what_suits_one_image_does_not_look_at_the_next(noise):
    upscaler = Upscaler("espcn", scale=2, threads=1)
    suited = upscaler.suited(Image.from_array(noise))
    assert suited.suited(Image.from_array(draw_page())) is suited
    assert upscaler.suited(Image.from_array(draw_page())).suited(Image.from_array(noise)).domain == "line"


@pytest.mark.usefixtures("shop")
def test_weights_for_line_art_are_chosen_where_they_take_no_more_runs():
    page = Image.from_array(draw_page())
    for scale, chain in ((1.5, ["espcn-line-x2"]), (3, ["espcn-x3"]), (4, ["espcn-x4"]), (1, [])):
        assert stems(Upscaler("espcn", scale=scale).suited(page)) == chain
    assert stems(Upscaler("espcn", scale=6).suited(page)) == ["espcn-line-x2", "espcn-x3"]
    assert stems(Upscaler("espcn", scale=4, weights="line")) == ["espcn-line-x2", "espcn-line-x2"]
    assert stems(Upscaler("espcn", width=300).suited(page)) == ["espcn-line-x2"]
    assert not Upscaler("espcn", scale=3).has_line
    assert Upscaler("espcn", scale=2).has_line


@pytest.mark.usefixtures("shop")
def test_weights_for_line_art_that_are_not_there_are_refused():
    with pytest.raises(ModelError, match="no weights for the degradation domain line are shipped"):
        Upscaler("fsrcnn", scale=2, weights="line")
    with pytest.raises(ModelError, match="espcn-line: is for line art, but the clean weights were asked"):
        Upscaler("espcn-line", scale=2, weights="clean")
    with pytest.raises(ModelError, match="no vivid weights for line art"):
        Upscaler("espcn", scale=2, weights="line", vivid=0.5)
    with pytest.raises(ConfigError, match="lies between clean and photo weights, but line was asked"):
        Upscaler("espcn", scale=2, weights="line", denoise=0.5)
    with pytest.raises(ModelError, match="fsrcnn-x2: is one model, so there is no line to choose"):
        Upscaler("fsrcnn-x2", weights="line")


@pytest.mark.usefixtures("shop")
def test_a_streamed_file_is_done_as_the_whole_image(tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.inference.streamed_files.STREAMED", 1)
    source, target = tmp_path / "page.png", tmp_path / "large.png"
    source.write_bytes(in_format(draw_page(330, 190), "PNG"))
    done = stream_file(Upscaler("espcn", scale=2, threads=1), source, target)
    assert done is not None
    assert done.upscaler.domain == "line"
    image = read_image(source)
    whole = Upscaler("espcn-line-x2", threads=1)(image).to_array()
    assert np.abs(read_image(target).to_array().astype(int) - whole).max() <= 1
