import math

import numpy as np
import pytest
import torch

from kukkiri.losses import fft, l1
from tests.tolerances import FLOAT64_MATHS

HEIGHT, WIDTH = 4, 6
COEFFICIENTS = 2 * HEIGHT * (WIDTH // 2 + 1)
"""Real and imaginary parts of half of the spectrum."""


def of_error(error):
    hr = torch.full((1, 1, HEIGHT, WIDTH), 0.5, dtype=torch.float64)
    return float(fft(hr + error, hr))


def test_one_wrong_pixel_has_every_frequency():
    error = torch.zeros(HEIGHT, WIDTH, dtype=torch.float64)
    error[0, 0] = 0.3  # the real part of every coefficient is 0.3 / sqrt(24), the imaginary part 0
    assert of_error(error) == pytest.approx(0.3 / math.sqrt(24) / 2, rel=FLOAT64_MATHS)


def test_a_constant_error_has_the_frequency_0_only():
    error = torch.full((HEIGHT, WIDTH), -0.1, dtype=torch.float64)
    assert of_error(error) == pytest.approx(0.1 * math.sqrt(24) / COEFFICIENTS, rel=FLOAT64_MATHS)


def test_a_sine_has_one_imaginary_part():
    error = torch.sin(2 * math.pi * torch.arange(WIDTH, dtype=torch.float64) / WIDTH).expand(HEIGHT, WIDTH)
    assert of_error(error) == pytest.approx(math.sqrt(24) / 2 / COEFFICIENTS, rel=FLOAT64_MATHS)


def test_published_weights_count_by_the_root_of_the_number_of_pixels():
    rng = np.random.default_rng(0)
    sr, hr = rng.random((2, 2, 3, 10, 7))
    published = np.fft.rfft2(sr) - np.fft.rfft2(hr)  # without normalization, as the code of MIMO-UNet and of SMFANet
    mean = (np.abs(published.real).mean() + np.abs(published.imag).mean()) / 2
    value = float(fft(torch.from_numpy(sr), torch.from_numpy(hr)))
    assert 0.05 * math.sqrt(70) * value == pytest.approx(0.05 * mean, rel=FLOAT64_MATHS)


@pytest.mark.parametrize("size", [48, 96, 192])
def test_noise_has_the_same_value_in_patches_of_any_size(size):
    noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # a part of a coefficient is normal with half of the variance, so that its mean is 1 / sqrt(2) of that of L1;
    # 5 %: 1 / sqrt(3 * 48^2 values) is 1.2 %, and the imaginary part of the real coefficients is 0
    assert float(fft(noise, noise * 0) / l1(noise, noise * 0)) == pytest.approx(math.sqrt(0.5), rel=0.05)


def test_half_precision_is_transformed_in_float32():
    sr, hr = torch.rand(2, 1, 1, 8, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(fft(sr, hr), fft(sr.float(), hr.float()).bfloat16())
