"""Images without antialiasing: strokes stay solid, patterns keep their brightness, and flat stays flat."""

import functools

import numpy as np
import pytest

from kukkiri.images import Image
from kukkiri.inference import Upscaler

PRESETS = ("fast", "balanced", "best")
SCALES = (2, 3, 4)
WIDTHS = (3, 4, 5, 6, 8, 12)
GLYPHS = {  # rectangles (top, left, bottom, right) on a grid of strokes
    "E": [(0, 0, 5, 1), (0, 0, 1, 4), (2, 0, 3, 3), (4, 0, 5, 4)],
    "H": [(0, 0, 5, 1), (0, 3, 5, 4), (2, 0, 3, 4)],
    "O": [(0, 0, 5, 1), (0, 3, 5, 4), (0, 0, 1, 4), (4, 0, 5, 4)],
}
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


@functools.cache
def upscaler(model, scale, **options):
    return Upscaler(model, scale=scale, threads=1, **options)


def make_bars(ink, paper, dtype=np.uint8):
    """Vertical bars with hard edges, and a mask of ink that is at least one pixel away from every edge."""
    inside = np.zeros((16, sum(WIDTHS) + 9 * (len(WIDTHS) + 1)), dtype=bool)
    image = np.full((*inside.shape, *np.shape(ink)), paper, dtype=dtype)
    left = 9
    for width in WIDTHS:
        image[:, left : left + width] = ink
        inside[:, left + 1 : left + width - 1] = True
        left += width + 9
    return image, inside


def repeat_pixels(mask, scale):
    return mask.repeat(scale, axis=0).repeat(scale, axis=1)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (16, 235)])
def test_bars_are_solid(preset, scale, ink, paper):
    for turned in (False, True):
        image, inside = make_bars(ink, paper)
        sr = upscaler(preset, scale)(np.ascontiguousarray(image.T) if turned else image).astype(int)
        sr = sr.T if turned else sr
        assert np.abs(sr[repeat_pixels(inside, scale)] - ink).max() <= 2


def test_without_the_bound_the_same_bars_ring():
    image, inside = make_bars(0, 255)
    sr = upscaler("balanced", 4, bounded=False)(image)
    assert sr[repeat_pixels(inside, 4)].max() > 60


@pytest.mark.parametrize("model", ["balanced", "espcn", "fsrcnn"])
@pytest.mark.parametrize(
    ("ink", "paper"), [((200, 0, 30), (255, 255, 255)), ((0, 40, 160), (240, 230, 0)), ((255, 255, 0), (0, 0, 0))]
)
def test_coloured_bars_are_solid_in_every_channel(model, ink, paper):
    image, inside = make_bars(ink, paper)
    for scale in (2, 4):
        sr = upscaler(model, scale)(image).astype(int)
        assert np.abs(sr[repeat_pixels(inside, scale)] - ink).max() <= 2


def test_bars_of_any_depth_and_with_alpha_are_solid():
    sixteen, inside = make_bars(300, 65000, np.uint16)
    mask = repeat_pixels(inside, 3)
    assert np.abs(upscaler("balanced", 3)(sixteen)[mask].astype(int) - 300).max() <= 2 * 257
    floats, _ = make_bars(0.1, 0.9, np.float32)
    assert np.abs(upscaler("balanced", 3)(floats)[mask] - 0.1).max() <= 2.001 / 255
    rgb, _ = make_bars((9, 9, 9), (250, 250, 250))
    alpha = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    alpha[:5] = 128
    sr = upscaler("balanced", 3)(np.concatenate((rgb, alpha), axis=2))
    assert np.abs(sr[mask][:, :3].astype(int) - 9).max() <= 2


@pytest.mark.parametrize("scale", [2.5, 5, 8])
def test_bars_are_solid_at_scales_that_no_single_network_has(scale):
    image, inside = make_bars(0, 255)
    sr = upscaler("balanced", scale)(image)
    columns = ((np.arange(sr.shape[1]) + 0.5) / scale).astype(int)
    assert sr[:, inside[0][np.minimum(columns, image.shape[1] - 1)]].max() <= 2


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("stroke", [3, 4, 6])
def test_strokes_of_one_bit_letters_have_no_grey_core(preset, stroke):
    page = np.zeros((7 * stroke, 17 * stroke), dtype=bool)
    for place, letter in enumerate("EHO"):
        for top, left, bottom, right in GLYPHS[letter]:
            column = (1 + 5 * place) * stroke
            page[(1 + top) * stroke : (1 + bottom) * stroke, column + left * stroke : column + right * stroke] = True
    near = np.pad(page, 1, mode="edge")
    core = np.logical_and.reduce(
        [near[row : row + page.shape[0], column : column + page.shape[1]] for row in range(3) for column in range(3)]
    )
    for scale in (2, 4):
        sr = upscaler(preset, scale)(np.where(page, 0, 255).astype(np.uint8))
        assert sr[repeat_pixels(core, scale)].max() <= 2


def make_patterns(side=40):
    """One-pixel patterns of two levels."""
    y, x = np.mgrid[:side, :side]
    dither = np.tile(BAYER, (side // 4, side // 4))
    return {
        **{f"dither {level} of 16": dither < level for level in (1, 4, 8, 12, 15)},
        "checkerboard": (y + x) % 2 == 0,
        "lines": y % 2 == 0,
        "thin lines": x % 3 == 0,
        "mesh": (y % 4 == 0) | (x % 4 == 0),
        "dots": (y % 3 == 0) & (x % 3 == 0),
        "diagonals": (y + x) % 3 == 0,
        "halftone": (y % 6 - 2.5) ** 2 + (x % 6 - 2.5) ** 2 < 3,
        "turned halftone": ((y + x) % 5 < 2) & ((y - x) % 5 < 2),
        "scattered": np.random.default_rng(3).random((side, side)) < 0.3,
    }


def measure_drift(sr, lr, scale, *, margin=8):
    """Change of the mean away from the border, in the units of the samples."""
    inner = slice(margin, -margin), slice(margin, -margin)
    large = slice(scale * margin, -scale * margin)
    return np.abs(sr[large, large].mean(axis=(0, 1)) - lr[inner].mean(axis=(0, 1))).max()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scale", SCALES)
def test_one_pixel_patterns_keep_their_mean(preset, scale):
    drifts = {}
    for name, pattern in make_patterns().items():
        lr = np.where(pattern, 255, 0).astype(np.uint8)
        drifts[name] = measure_drift(upscaler(preset, scale)(lr), lr, scale)
    assert max(drifts.values()) <= 2, drifts


@pytest.mark.parametrize(("low", "high"), [(30, 225), (0, 80), (170, 255)])
def test_patterns_of_less_contrast_keep_their_mean(low, high):
    for scale in (2, 4):
        for name, pattern in make_patterns().items():
            lr = np.where(pattern, high, low).astype(np.uint8)
            assert measure_drift(upscaler("balanced", scale)(lr), lr, scale) <= 2, name


def test_patterns_keep_their_mean_in_every_colour_and_depth():
    dither = np.tile(BAYER, (10, 10)) < 4
    for ink, paper in (((255, 0, 0), (0, 0, 0)), ((255, 220, 0), (0, 30, 160))):
        lr = np.where(dither[..., None], np.array(ink), np.array(paper)).astype(np.uint8)
        for scale in (2, 4):
            assert measure_drift(upscaler("balanced", scale)(lr), lr, scale) <= 2
    deep = np.where(dither, 65535, 0).astype(np.uint16)
    assert measure_drift(upscaler("balanced", 4)(deep), deep, 4) <= 2 * 257


def test_patterns_beside_grey_and_beside_each_other_keep_their_mean():
    patterns = make_patterns()
    row = [patterns[f"dither {level} of 16"] for level in (4, 8, 12)]
    lr = np.where(np.concatenate(row, axis=1), 255, 0).astype(np.uint8)
    page = np.full((80, 160), 128, np.uint8)
    page[20:60, 20:140] = lr
    for image, left in ((lr, 0), (page, 20)):
        sr = upscaler("balanced", 4)(image)
        for number in range(3):
            columns = slice(left + 40 * number, left + 40 * number + 40)
            large = slice(4 * columns.start, 4 * columns.stop)
            rows, many = (slice(20, 60), slice(80, 240)) if left else (slice(0, 40), slice(0, 160))
            assert measure_drift(sr[many, large], image[rows, columns], 4) <= 2


@pytest.mark.parametrize(
    ("model", "scale"), [("fast", 2), ("balanced", 3), ("best", 4), ("espcn", 4), ("fsrcnn", 4), ("plain-xs", 2)]
)
def test_flat_images_stay_flat_up_to_their_borders(model, scale):
    for value in (0, 3, 128, 254, 255):
        for shape in ((20, 24, 3), (17, 16), (9, 9, 4)):
            sr = upscaler(model, scale)(np.full(shape, value, np.uint8)).astype(int)
            assert np.abs(sr - value).max() <= 1
        deep = upscaler(model, scale)(np.full((20, 24, 3), 257 * value, np.uint16)).astype(int)
        assert np.abs(deep - 257 * value).max() <= 257


def test_a_smooth_gradient_is_left_to_the_network():
    lr = np.tile(np.linspace(20, 200, 64), (40, 1)).astype(np.uint8)
    for scale in SCALES:
        bounded, free = (upscaler("balanced", scale, bounded=on)(lr).astype(int) for on in (True, False))
        assert np.abs(bounded - free).max() <= 1


def test_tiles_and_skipped_parts_are_bounded_as_the_whole_is():
    page = np.full((96, 120), 255, np.uint8)
    page[10:50, 10:50] = np.where(np.tile(BAYER, (10, 10)) < 4, 255, 0)
    page[10:90, 70:75] = 0
    lr = (page / 255).astype(np.float32)
    whole = upscaler("balanced", 2, tile=0)(lr)
    assert np.abs(upscaler("balanced", 2, tile=48)(lr) - whole).max() <= 1e-5
    assert np.abs(upscaler("balanced", 2, skip_flat=True)(lr) - whole).max() <= 2.001 / 255


def test_chopping_for_published_numbers_has_no_bounds():
    image, inside = make_bars(0, 255)
    chopped = upscaler("balanced", 4, chop=True)(image)
    assert chopped[repeat_pixels(inside, 4)].max() > 60


def test_an_image_with_clear_pixels_is_bounded_where_it_is_seen():
    grey, inside = make_bars(0, 255)
    alpha = np.ones(grey.shape, np.float32)
    alpha[:6] = 0
    image = Image(colour=(grey / np.float32(255))[..., None].astype(np.float32), alpha=alpha)
    sr = upscaler("balanced", 3)(image)
    inside[:7] = False
    assert sr.colour[repeat_pixels(inside, 3)].max() <= 2.001 / 255


@pytest.mark.parametrize("preset", PRESETS)
def test_the_paper_around_letters_stays_white(preset):
    page = np.full((60, 120), 255, np.uint8)
    for top, left, bottom, right in GLYPHS["E"] + GLYPHS["H"]:
        page[20 + 4 * top : 20 + 4 * bottom, 30 + 4 * left : 30 + 4 * right] = 0
    near = np.pad(page, 1, mode="edge")
    flat = np.logical_and.reduce(
        [near[row : row + 60, column : column + 120] == 255 for row in range(3) for column in range(3)]
    )
    for scale in (2, 4):
        bounded, free = (upscaler(preset, scale, bounded=on)(page) for on in (True, False))
        paper = repeat_pixels(flat, scale)
        assert np.all(bounded[paper] >= np.minimum(free[paper], 254))
        assert np.count_nonzero(bounded == 255) >= 0.99 * np.count_nonzero(free == 255)  # no grey around the letters
