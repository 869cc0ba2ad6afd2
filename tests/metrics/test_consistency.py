import math

import numpy as np
import pytest

from kukkiri.metrics.consistency import colour_drift, lr_consistency
from kukkiri.resampling import resize
from tests.tolerances import FLOAT64_LARGE_VALUES


def test_upscaling_by_repetition_is_undone_by_averaging(rng):
    lr = rng.uniform(0, 255, size=(12, 14, 3))
    sr = lr.repeat(3, axis=0).repeat(3, axis=1)

    def average(image):
        return image.reshape(12, 3, 14, 3, 3).mean(axis=(1, 3))

    assert lr_consistency(lr, sr, downsample=average) > 250  # rounding of the means only


def test_a_known_error_has_its_psnr():
    lr = np.full((10, 10), 100.0)
    assert lr_consistency(lr, np.full((40, 40), 110.0)) == pytest.approx(
        20 * math.log10(255 / 10), abs=FLOAT64_LARGE_VALUES
    )
    assert math.isinf(lr_consistency(lr, np.full((40, 40), 100.0)))


def test_the_border_is_left_out(rng):
    lr = np.full((10, 10), 100.0)
    sr = np.full((20, 20), 100.0)
    sr[0] = 0
    assert lr_consistency(lr, sr, border=0) < 40
    assert lr_consistency(lr, sr, border=3) > 250


def test_bicubic_of_a_smooth_image_is_consistent(rng):
    lr = resize(rng.uniform(50, 200, size=(8, 8, 3)), scale=4)
    assert lr_consistency(lr, resize(lr, scale=2)) > 45
    assert lr_consistency(np.rint(lr).astype(np.uint8), np.rint(resize(lr, scale=2)).astype(np.uint8)) > 45


def test_colours_that_stay_do_not_drift_and_a_cast_shows(rng):
    lr = resize(rng.uniform(0.3, 0.6, size=(6, 6, 3)), scale=4)
    sr = resize(lr, scale=2)
    still = colour_drift(lr, sr)
    assert still.delta_e < 0.5
    assert np.abs(still.mean_shift).max() < 0.05
    yellowed = sr * [1.05, 1.0, 0.9]
    drift = colour_drift(lr, yellowed)
    assert drift.mean_shift[2] > 3
    assert drift.delta_e > still.delta_e


def test_the_difference_is_that_of_cielab():
    colour = pytest.importorskip("skimage.color")
    lr, sr = np.empty((8, 8, 3)), np.empty((16, 16, 3))
    lr[:], sr[:] = np.array([51, 127, 178]) / 255, np.array([64, 115, 184]) / 255
    expected = colour.rgb2lab(sr[:1, :1])[0, 0] - colour.rgb2lab(lr[:1, :1])[0, 0]
    drift = colour_drift(lr, sr)
    # scikit-image's matrix and white have more digits than the standard's four
    assert drift.mean_shift == pytest.approx(expected, abs=5e-3)
    assert drift.delta_e == pytest.approx(np.linalg.norm(expected), abs=5e-3)
    levels = [np.rint(image * 255).astype(np.uint8) for image in (lr, sr)]
    assert colour_drift(*levels).delta_e == pytest.approx(drift.delta_e, abs=FLOAT64_LARGE_VALUES)


def test_images_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="sr must be an upscaled lr"):
        lr_consistency(np.zeros((8, 8)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match="expected the size of lr"):
        lr_consistency(np.zeros((8, 8)), np.zeros((16, 16)), downsample=lambda image: image[:4])
    with pytest.raises(ValueError, match="RGB images"):
        colour_drift(np.zeros((8, 8)), np.zeros((16, 16)))
