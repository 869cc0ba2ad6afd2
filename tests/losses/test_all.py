"""The interface of a loss, kept by every entry of LOSSES."""

import pytest
import torch
from torch import func

from kukkiri.losses import LOSSES
from tests.tolerances import FLOAT64_MATHS


@pytest.fixture(params=sorted(LOSSES))
def loss(request):
    return LOSSES[request.param]


@pytest.fixture
def pair():
    """sr, some of it outside [0, 1], and hr, float64."""
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 3, 12, 10, generator=generator, dtype=torch.float64)
    return hr + 0.1 * torch.randn(hr.shape, generator=generator, dtype=torch.float64), hr


def test_the_names_are_sorted():
    assert list(LOSSES) == sorted(LOSSES)


def test_it_is_one_number_of_the_type_of_the_images(loss, pair):
    sr, hr = pair
    for dtype in (torch.float32, torch.float64):
        value = loss(sr.to(dtype), hr.to(dtype))
        assert (value.numel(), value.dtype) == (1, dtype)
        assert value.isfinite()


def test_it_is_least_where_sr_is_hr_and_grows_with_the_error(loss, pair):
    sr, hr = pair
    values = [float(loss(hr + strength * (sr - hr), hr)) for strength in (0.0, 0.01, 0.5, 1.0, 2.0)]
    assert values == sorted(values)
    assert values[0] < values[1]


def test_it_is_a_mean_over_the_batch(loss, pair):
    sr, hr = pair
    once, twice = loss(sr, hr), loss(torch.cat([sr, sr]), torch.cat([hr, hr]))
    assert float(twice) == pytest.approx(float(once), rel=FLOAT64_MATHS)


def test_the_arguments_do_not_change(loss, pair):
    copies = [images.clone() for images in pair]
    first = loss(*pair)
    assert all(torch.equal(images, copy) for images, copy in zip(pair, copies, strict=True))
    assert torch.equal(loss(*pair), first)  # no state


def test_the_gradient_is_that_of_finite_differences(loss, pair):
    sr, hr = (images[:1, :1, :6, :5] for images in pair)
    gradient = func.grad(loss)(sr, hr)
    for index in ((0, 0, 0, 0), (0, 0, 3, 2), (0, 0, 5, 4)):
        shift = torch.zeros_like(sr)
        shift[index] = 1e-6
        slope = float(loss(sr + shift, hr) - loss(sr - shift, hr)) / 2e-6
        assert float(gradient[index]) == pytest.approx(slope, rel=1e-5, abs=1e-8)  # central differences in float64


def test_meta_training_may_differentiate_it_twice(loss, pair):
    sr, hr = pair

    def squared_gradient(sr):
        return func.grad(loss)(sr, hr).square().sum()

    assert func.grad(squared_gradient)(sr).isfinite().all()
