"""The noise of a photograph, and the grid of JPEG in it."""

import numpy as np
import pytest

from kukkiri.degradations import Degradation, estimate_noise, find_jpeg_grid
from kukkiri.errors import ImageError
from kukkiri.images import read_image


@pytest.fixture(scope="module")
def hr(photographs):
    return np.rint(255 * read_image(photographs / "es_station4.webp").colour).astype(np.uint8)


@pytest.mark.parametrize(("levels", "tolerance"), [(0, 1.0), (5, 0.6), (15, 1.0), (25, 1.5)])
def test_the_level_of_white_noise_is_found(hr, levels, tolerance):
    text = "gaussian:2.0+direct" + (f"+noise:{levels / 255}" if levels else "")
    found = estimate_noise(Degradation.parse(text).apply(hr, scale=2, seed=3))
    assert 255 * found.noise_std == pytest.approx(levels, abs=tolerance)


def test_the_variance_of_a_sensor_s_noise_grows_with_the_light(rng):
    ramp = np.repeat(np.linspace(0.1, 0.9, 512)[None], 512, axis=0)
    found = estimate_noise(ramp + rng.normal(size=ramp.shape) * np.sqrt(1e-4 + 4e-4 * ramp))
    assert found.constant == pytest.approx(1e-4, rel=0.3)
    assert found.slope == pytest.approx(4e-4, rel=0.15)
    assert found.std_at(0.5) == pytest.approx(np.sqrt(3e-4), rel=0.05)
    assert "in the dark" in str(found)
    even = estimate_noise(ramp + rng.normal(0, 0.02, size=ramp.shape))
    assert even.noise_std == pytest.approx(0.02, rel=0.05)
    assert str(even).startswith("noise of 5")


def test_the_grid_of_jpeg_is_found_wherever_it_lies(hr):
    assert find_jpeg_grid(hr) is None
    for quality in (95, 60):
        levels = Degradation.parse(f"direct+jpeg:{quality}").apply(hr, scale=1, seed=0)
        assert find_jpeg_grid(levels) == (0, 0)
        assert find_jpeg_grid(levels[3:, 5:]) == (5, 3)
        assert find_jpeg_grid(levels.astype(np.float64).mean(axis=2) / 255) == (0, 0)
    assert find_jpeg_grid(levels[::2, ::2]) is None
    assert find_jpeg_grid(levels[:40]) is None


def test_images_without_size_are_refused():
    with pytest.raises(ImageError, match="from 80x40 pixels, expected at least 64x64"):
        estimate_noise(np.zeros((40, 80)))
    assert estimate_noise(np.zeros((80, 80), dtype=np.uint8)).noise_std == 0
