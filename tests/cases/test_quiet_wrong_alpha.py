"""Alpha that holds data, and extra samples: neither touches the colours, and nothing is replaced without a note."""

import numpy as np
import pytest
import tifffile

import kukkiri
from kukkiri.errors import ConfigError
from kukkiri.images import Image, read_image
from tests.cases.made_files import page, png, scene, tiff

ALPHA = np.zeros((48, 64, 1), np.uint8)
ALPHA[:, 32:] = 255
GLOSS = np.dstack([scene(48, 64, 1), ALPHA])
MODELS = ["bicubic", "nearest", "fast"]


@pytest.mark.parametrize("scale", [2, 2.5])
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_separate_alpha_leaves_the_colours_of_the_image_without_it(model, dtype, wrap, scale):
    factor = {np.uint8: 1, np.uint16: 257, np.float32: np.float32(1 / 255)}[dtype]
    array = (GLOSS.astype(np.uint32) * factor).astype(dtype)
    upscaler = kukkiri.Upscaler(model, scale=scale, alpha="separate", wrap=wrap, threads=1)
    sr = upscaler(array)
    assert np.array_equal(sr[..., :3], upscaler(np.ascontiguousarray(array[..., :3])))
    if model == "nearest" and scale == 2 and not wrap:
        assert np.array_equal(sr[..., 3:], array[..., 3:].repeat(2, axis=0).repeat(2, axis=1))
    middle = round(32 * scale)
    white = 255 if dtype == np.uint8 else 65535 if dtype == np.uint16 else 1
    assert sr[10:-10, 10 : middle - 6, 3].max() == 0
    assert sr[10:-10, middle + 6 : -10, 3].min() == white


def test_opaque_alpha_is_left_out_with_a_note():
    image = Image.from_array(GLOSS)
    sr = kukkiri.Upscaler("bicubic", scale=2, alpha="opaque")(image)
    assert sr.alpha is None
    assert np.array_equal(sr.to_array(), kukkiri.Upscaler("bicubic", scale=2)(np.ascontiguousarray(GLOSS[..., :3])))
    assert sr.notes == ("alpha was left out: colours under transparent pixels are shown",)


@pytest.mark.parametrize("model", MODELS)
def test_replaced_colours_are_noted(model):
    sr = kukkiri.Upscaler(model, scale=2, threads=1)(Image.from_array(GLOSS))
    assert len(sr.notes) == 1
    assert "were replaced by those around them" in sr.notes[0]
    assert "--alpha separate" in sr.notes[0]
    kept = kukkiri.Upscaler(model, scale=2, alpha="separate", threads=1)(Image.from_array(GLOSS))
    assert kept.notes == ()


@pytest.mark.parametrize("hidden", [0, 255])
def test_the_usual_black_or_white_under_transparent_pixels_needs_no_note(hidden):
    cut = GLOSS.copy()
    cut[:, :32, :3] = hidden
    assert kukkiri.Upscaler("bicubic", scale=2)(Image.from_array(cut)).notes == ()
    cut[:, :32, :3] = 90
    assert len(kukkiri.Upscaler("bicubic", scale=2)(Image.from_array(cut)).notes) == 1
    cut[..., 3] = 0
    assert kukkiri.Upscaler("bicubic", scale=2)(Image.from_array(cut)).notes == ()  # nothing to replace them by


def test_an_unknown_meaning_of_alpha_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown alpha 'seperate'; did you mean 'separate'\?"):
        kukkiri.Upscaler("bicubic", alpha="seperate")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_extra_samples_are_upscaled_on_their_own(tmp_path, model, channels):
    colour = scene(48, 64).astype(np.uint16)[..., :channels] * 257
    infrared = scene(48, 64).astype(np.uint16)[..., :1] * 257
    infrared[:, :24] = 0
    photometric = 2 if channels == 3 else 1
    (tmp_path / "a.tif").write_bytes(tiff(page(np.dstack([colour, infrared]), photometric=photometric, extra=[0])))
    (tmp_path / "b.tif").write_bytes(tiff(page(np.squeeze(colour), photometric=photometric)))
    upscaler = kukkiri.Upscaler(model, scale=2, threads=1)
    sr, plain = upscaler(tmp_path / "a.tif"), upscaler(tmp_path / "b.tif")
    assert sr.notes == plain.notes == ()
    sr.save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert file.pages[0].tags["ExtraSamples"].value == (0,)
        found = file.pages[0].asarray()
    assert np.array_equal(np.squeeze(found[..., :channels]), plain.to_array())
    kernel = "nearest" if model == "nearest" else "bicubic"
    alone = kukkiri.Upscaler(kernel, scale=2)(infrared[..., 0])
    assert np.array_equal(found[..., channels], alone)


def test_extra_samples_go_with_alpha_too(tmp_path):
    colour, mask = scene(48, 64), scene(48, 64, 5)[..., :1]
    (tmp_path / "a.tif").write_bytes(tiff(page(np.dstack([colour, ALPHA, mask]), photometric=2, extra=[2, 0])))
    (tmp_path / "b.tif").write_bytes(tiff(page(np.dstack([colour, ALPHA]), photometric=2, extra=[2])))
    upscaler = kukkiri.Upscaler("bicubic", scale=2)
    sr, plain = upscaler(tmp_path / "a.tif"), upscaler(tmp_path / "b.tif")
    assert np.array_equal(sr.to_array(), plain.to_array())
    assert np.array_equal((sr.extra[..., 0] * 255).round(), upscaler(mask)[..., 0])


def test_a_png_keeps_separate_alpha_as_alpha(tmp_path):
    (tmp_path / "a.png").write_bytes(png(GLOSS))
    kukkiri.upscale(tmp_path / "a.png", model="bicubic", alpha="separate").save(tmp_path / "r.png")
    image = read_image(tmp_path / "r.png")
    assert image.alpha is not None
    assert np.array_equal(image.to_array()[..., :3], kukkiri.upscale(scene(48, 64, 1), model="bicubic"))
