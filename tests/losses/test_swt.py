import itertools
import math

import pytest
import torch
from torch import func

from kukkiri.errors import ConfigError
from kukkiri.losses import stationary_wavelet_transform, swt
from kukkiri.losses.swt import WAVELETS, wavelet_details
from tests.tolerances import FLOAT64_ILL_CONDITIONED, FLOAT64_MATHS

LL, LH, HL, HH = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
STRIPES = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(8)


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def all_bands(images, **options):
    low, details = stationary_wavelet_transform(images, **options)
    return [low, *itertools.chain.from_iterable(details)]


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize(
    ("error", "band"),
    [
        (torch.ones(16, 16, dtype=torch.float64), LL),
        (STRIPES[:, None].expand(16, 16), LH),
        (STRIPES[None, :].expand(16, 16), HL),
        (STRIPES[:, None] * STRIPES, HH),
    ],
    ids=["constant", "rows", "columns", "checkerboard"],
)
def test_the_extremes_of_frequency_are_in_one_band_at_their_amplitude(wavelet, error, band):
    hr = torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64)
    for weights in (LL, LH, HL, HH):
        value = float(swt(hr + 0.25 * error, hr, wavelet=wavelet, band_weights=weights))
        assert value == pytest.approx(0.25 if weights == band else 0.0, abs=FLOAT64_MATHS)


def test_one_wrong_pixel_is_a_quarter_at_four_places_of_each_haar_band():
    hr = torch.zeros(1, 1, 4, 6, dtype=torch.float64)
    sr = hr.clone()
    sr[..., 3, 5] = 1.0  # in the corner: the border is circular
    assert sorted(stationary_wavelet_transform(sr)[0].flatten().tolist()) == pytest.approx([0.0] * 20 + [0.25] * 4)
    assert float(swt(sr, hr)) == pytest.approx(4 / 24, abs=FLOAT64_MATHS)
    assert float(swt(sr, hr, band_weights=(0.1, 0.2, 0.3, 0.5))) == pytest.approx(1.1 / 24, abs=FLOAT64_MATHS)
    # level 2 reads the 2 x 2 block of 1/4 two pixels apart: 1/16 at 16 places of its four bands
    assert float(swt(sr, hr, levels=2)) == pytest.approx(7 / 24, abs=FLOAT64_MATHS)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_energies_of_the_bands_add_up_to_that_of_the_image(images, wavelet, levels):
    bands = all_bands(images, wavelet=wavelet, levels=levels)
    assert len(bands) == 3 * levels + 1
    assert all(band.shape == images.shape for band in bands)
    energy = sum(float(band.square().sum()) for band in bands)
    assert energy == pytest.approx(float(images.square().sum()), rel=FLOAT64_MATHS)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("levels", [1, 3])
def test_the_adjoint_reconstructs_the_image(images, wavelet, levels):
    bands, adjoint = func.vjp(lambda images: all_bands(images, wavelet=wavelet, levels=levels), images)
    (reconstructed,) = adjoint(bands)
    assert torch.allclose(reconstructed, images, rtol=0, atol=FLOAT64_MATHS)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_a_shifted_image_has_shifted_bands(images, wavelet):
    shifted = all_bands(images.roll((1, 3), dims=(-2, -1)), wavelet=wavelet, levels=2)
    for band, moved in zip(all_bands(images, wavelet=wavelet, levels=2), shifted, strict=True):
        assert torch.allclose(moved, band.roll((1, 3), dims=(-2, -1)), rtol=0, atol=FLOAT64_MATHS)


@pytest.mark.parametrize(("wavelet", "moments"), [("haar", 1), ("sym7", 7)])
def test_the_filters_are_orthonormal_and_have_their_vanishing_moments(wavelet, moments):
    taps = torch.tensor(WAVELETS[wavelet], dtype=torch.float64)
    assert len(taps) == 2 * moments  # the shortest filter with so many
    for shift in range(0, len(taps), 2):
        product = float((taps[shift:] * taps[: len(taps) - shift]).sum())
        assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=FLOAT64_MATHS)
    high = taps.flip(0) * (-1.0) ** torch.arange(len(taps))
    places = torch.linspace(-1, 1, len(taps), dtype=torch.float64)
    for moment in range(moments):  # polynomials of lower degree are in the low-pass band alone
        assert float((high * places**moment).sum()) == pytest.approx(0.0, abs=FLOAT64_ILL_CONDITIONED)
    assert abs(float((high * places**moments).sum())) > 1e-4


def test_sym7_lies_about_its_middle():
    centre = sum(at * tap**2 for at, tap in enumerate(WAVELETS["sym7"]))
    assert abs(centre - 6.5) < 1.5  # db7, of the same moments and with minimum phase, lies about tap 2 or 11


def test_only_the_error_counts(images):
    hr = images.flip(-1)
    for wavelet in WAVELETS:
        value, of_error = (swt(*pair, wavelet=wavelet) for pair in ((images, hr), (images - hr, hr * 0)))
        assert float(value) == pytest.approx(float(of_error), rel=FLOAT64_MATHS)


def test_ll_of_four_haar_levels_is_the_mean_of_16_by_16_pixels():
    sr = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    value = swt(sr, sr * 0, levels=4, band_weights=LL)
    assert float(value) == pytest.approx(float(sr.mean()), rel=FLOAT64_MATHS)


def test_a_loss_of_no_band_is_refused(images):
    with pytest.raises(ConfigError, match="every one of band_weights is 0"):
        swt(images, images, band_weights=(0.0, 0.0, 0.0, 0.0))


def test_the_details_that_a_discriminator_sees_are_those_of_luma_in_levels(images):
    """A grey image of +-1/2 columns: only HL has anything, sqrt(2) times 255 times the range of luma, 219/255."""
    columns = torch.tensor([0.25, 0.75]).repeat(16)
    grey = columns.expand(1, 3, 32, 32)
    seen = wavelet_details(grey)
    assert seen.shape == (1, 3, 32, 32)
    assert seen[:, 1].abs().amax() == pytest.approx(math.sqrt(2) * 219 * 0.25, rel=1e-5)
    assert seen[:, [0, 2]].abs().amax() < 1e-4
    luma = sum(f * images[:, at : at + 1] for at, f in enumerate((65.481 / 255, 128.553 / 255, 24.966 / 255)))
    assert torch.allclose(wavelet_details(images), wavelet_details(luma), atol=1e-4)
    assert torch.allclose(wavelet_details(luma + 0.1), wavelet_details(luma), atol=1e-4)
