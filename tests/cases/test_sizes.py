"""Sizes that people ask for, met to the pixel, and textures whose tiles join."""

import numpy as np
import PIL.Image
import pytest

import kukkiri
from kukkiri.cli import run
from kukkiri.errors import ConfigError
from kukkiri.images import Image, read_image
from kukkiri.inference import TargetSize
from kukkiri.resampling import resize
from tests.cases.made_files import scene


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(scene(40, 60)).save(path)
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--width", "123"], (82, 123)),
        (["--height", "123"], (123, 185)),  # 184.5 is rounded up
        (["--width", "151", "--height", "100"], (100, 151)),  # within a pixel of the aspect
        (["--width", "50", "--height", "100", "--stretch"], (100, 50)),
        (["--fit", "200x200"], (133, 200)),
        (["--fit", "3840x200"], (200, 300)),
        (["--short-side", "99"], (99, 149)),
        (["--megapixels", "0.06"], (200, 300)),
        (["--print", "30x20mm", "--dpi", "150"], (118, 177)),
        (["--print", "2x3cm", "--dpi", "150"], (118, 177)),  # the paper is turned as the image is
        (["--print", "1x1in"], (200, 300)),  # 300 dpi
        (["--width", "30"], (20, 30)),  # smaller than the image
        (["--width", "60"], (40, 60)),
        (["--width", "1"], (1, 1)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_size_is_met_to_the_pixel(photo, options, expected):
    target = photo.with_name("r.png")
    assert run(["upscale", str(photo), "-o", str(target), "--preset", "fast", *options]) == 0
    assert read_image(target).size == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--width", "100", "--scale", "2"], "--scale and --width each say how large the result is. Use one of them."),
        (["--fit", "9x9", "--megapixels", "1"], "--fit and --megapixels each say how large the result is."),
        (["--width", "9", "--height", "6", "--short-side", "4"], "--width and --height and --short-side each say"),
        (["--dpi", "300"], "--dpi needs the size of the print. Add it, such as --print 100x150mm"),
        (["--stretch", "--width", "9"], "--stretch changes the aspect to meet --width and --height. Give both."),
        (["--fit", "200"], "--fit takes width x height in pixels, such as 3840x2160, got '200'."),
        (["--print", "10x15"], "--print takes the size of the paper with its unit, such as 100x150mm"),
        (["--width", "0"], "width must be positive, got 0."),
        (["--megapixels", "nan"], "megapixels must be positive, got nan."),
        (["--short-side", "-3"], "short side must be positive, got -3."),
    ],
)
def test_sizes_that_conflict_are_wrong_usage_that_teaches(photo, options, said, capsys):
    assert run(["upscale", str(photo), "--preset", "fast", *options]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_another_aspect_is_refused_with_the_remedies(photo, capsys):
    assert run(["upscale", str(photo), "--preset", "fast", "--width", "100", "--height", "100"]) == 1
    said = "100x100 has another aspect than the image of 60x40, which gives 100x67 or 150x100."
    assert f"{said} Give only one side, --fit 100x100, or --stretch." in capsys.readouterr().err


def test_the_result_is_that_of_the_smallest_scale_that_reaches_it_downscaled_as_matlab_does(rng):
    lr = rng.random((20, 30), dtype=np.float32)
    luma = lr * np.float32(219 / 255) + np.float32(16 / 255)
    sr = kukkiri.Upscaler("fast", width=71).upscale_planes(luma[None])
    at_x3 = kukkiri.Upscaler("fast", scale=3).upscale_planes(luma[None])
    assert np.abs(sr[0] - resize(at_x3[0], output_size=(47, 71))).max() < 2.1 / 255  # but for the bound of flat parts
    assert np.abs(sr[0] - resize(at_x3[0], output_size=(47, 71))).mean() < 1e-4
    exact = kukkiri.Upscaler("fast", width=90)(lr)
    assert np.array_equal(exact, kukkiri.Upscaler("fast", scale=3)(lr))


def test_a_smaller_size_is_an_antialiased_downscale_with_a_note(rng):
    levels = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    small = kukkiri.upscale(Image.from_array(levels), fit=(20, 20))
    assert np.array_equal(small.to_array(), resize(levels, output_size=(13, 20)))
    assert small.notes == ("the image is larger, 60x40, and was only downscaled",)


def test_the_resolution_of_a_print_is_in_the_file(photo, capsys):
    exif = PIL.Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 72.0, 72.0, 2
    with PIL.Image.open(photo) as image:
        image.save(photo.with_suffix(".jpg"), exif=exif, dpi=(72, 72))
    for suffix in (".jpg", ".png", ".tif"):
        target = photo.with_name(f"r{suffix}")
        source = photo.with_suffix(".jpg")
        assert (
            run(["upscale", str(source), "-o", str(target), "--model", "bicubic", "--print", "20x30mm", "--dpi", "200"])
            == 0
        )
        with PIL.Image.open(target) as image:
            assert image.info["dpi"] == pytest.approx((200, 200), abs=0.02)
            assert image.getexif().get(0x011A, 200) == pytest.approx(200)
            assert image.size == (236, 157)
    assert "at 200 pixels per inch it is 30.0 x 19.9 mm" in capsys.readouterr().err


def test_the_keywords_of_python_are_those_of_the_command(photo):
    array = np.asarray(PIL.Image.open(photo))
    assert kukkiri.upscale(array, width=99).shape == (66, 99, 3)
    upscaler = kukkiri.Upscaler("fast", fit=(80, 200))
    assert upscaler(array).shape == (53, 80, 3)
    assert upscaler(array[:, :10]).shape == (200, 50, 3)  # x5 here: networks of x2 and x3
    assert upscaler.plan((40, 10)).passes[1][0] == "sesr-s-x3"
    assert upscaler.plan_size((40, 60)) == (53, 80)
    with pytest.raises(ConfigError, match="a scale and a size both say"):
        kukkiri.Upscaler("fast", scale=2, width=9)
    with pytest.raises(ConfigError, match="width and height and fit each say"):
        TargetSize(width=3, fit=(3, 3))
    with pytest.raises(ConfigError, match="no size was asked for"):
        TargetSize()


def test_a_copy_of_a_sized_upscaler_has_its_size(photo):
    import pickle

    array = np.asarray(PIL.Image.open(photo))
    upscaler = kukkiri.Upscaler("bicubic", short_side=70)
    assert np.array_equal(pickle.loads(pickle.dumps(upscaler))(array), upscaler(array))
    twin = upscaler.suited(Image.from_array(array))
    assert np.array_equal(pickle.loads(pickle.dumps(twin))(array), upscaler(array))


def texture(height, width):
    """A periodic texture of waves and noise, and a periodic alpha with clear and opaque parts."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(2 * np.pi * (3 * x / width + (2 + c) * y / height + c / 3)) for c in range(3)]
    colour = 0.5 + 0.3 * np.stack(waves, axis=-1) + 0.05 * rng.standard_normal((height, width, 3))
    alpha = np.clip(0.5 + np.sin(2 * np.pi * (2 * x / width + y / height)), 0, 1)
    return np.concatenate([np.clip(colour, 0, 1), alpha[..., None]], axis=-1).astype(np.float32)


@pytest.mark.parametrize("size", [{"scale": 2}, {"scale": 3.5}, {"width": 90, "height": 66, "stretch": True}], ids=str)
@pytest.mark.parametrize("model", ["fast", "balanced", "best", "bicubic", "lanczos"])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_wrapped_texture_has_no_seam(model, size, channels):
    """A seam anywhere would move when the texture is shifted around its torus; nothing does."""
    image = texture(44, 60)[..., :channels]
    upscaler = kukkiri.Upscaler(model, wrap=True, **size)
    sr = upscaler(image)
    rows, columns = 22, 20  # a whole number of output pixels at each of the sizes
    moved = upscaler(np.roll(image, (rows, columns), axis=(0, 1)))
    there = rows * sr.shape[0] // 44, columns * sr.shape[1] // 60
    assert (there[0] * 44, there[1] * 60) == (rows * sr.shape[0], columns * sr.shape[1])
    visible = np.roll(sr, there, axis=(0, 1))[..., 3:] > 0 if channels == 4 else True
    assert np.abs((np.roll(sr, there, axis=(0, 1)) - moved) * visible).max() < 3e-6  # float32, other tiles
    plain = kukkiri.Upscaler(model, **size)
    difference = np.roll(plain(image), there, axis=(0, 1)) - plain(np.roll(image, (rows, columns), axis=(0, 1)))
    assert np.abs(difference).max() > 0.02  # without it there is one


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_a_wrapped_dither_has_no_seam_either(preset, rng):
    """One-pixel patterns keep their mean in cells of 4 pixels, which the sides of textures are multiples of."""
    waves = 0.5 + 0.4 * np.sin(2 * np.pi * np.arange(64) / 64) * np.ones((48, 1))
    dither = (waves > rng.random((48, 64))).astype(np.float32)
    upscaler = kukkiri.Upscaler(preset, scale=2, wrap=True)
    moved = upscaler(np.roll(dither, (24, 32), axis=(0, 1)))
    assert np.abs(np.roll(upscaler(dither), (48, 64), axis=(0, 1)) - moved).max() < 3e-6


@pytest.mark.parametrize("channels", [3, 4])
def test_a_wrapped_result_is_the_middle_of_tiles_upscaled_together(tmp_path, channels):
    levels = np.round(255 * texture(32, 40)[..., :channels]).astype(np.uint8)
    source, target = tmp_path / "t.png", tmp_path / "r.png"
    PIL.Image.fromarray(levels).save(source)
    assert run(["upscale", str(source), "-o", str(target), "--wrap", "--alpha", "separate"]) == 0
    tiles = kukkiri.Upscaler("balanced", scale=2, alpha="separate")(np.tile(levels, (3, 3, 1)))
    difference = np.abs(read_image(target).to_array().astype(int) - tiles[64:128, 80:160])
    assert difference[..., :3].max() <= 1
    assert difference.max() <= 3  # without --wrap alpha is rounded and clipped after each of two passes, as in MATLAB


def test_opaque_and_clear_parts_of_a_wrapped_texture_stay_so():
    image = texture(32, 40)
    image[:12, :, 3], image[16:24, :, 3] = 0, 1
    sr = kukkiri.Upscaler("fast", scale=2, wrap=True)(image)
    assert (sr[4:20, :, 3] == 0).all()
    assert (sr[36:44, :, 3] == 1).all()
