import numpy as np
import pytest

from kukkiri.adaptation import back_project, median_ensemble
from kukkiri.degradations import Degradation
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.mark.parametrize("text", ["bicubic", "gaussian:1.0+direct:aligned"])
def test_back_projection_reduces_the_error_of_lr(rng, text):
    degradation = Degradation.parse(text)
    hr = resize(rng.random((12, 10, 3)).astype(np.float32), output_size=(48, 40))

    def downsample(hr):
        return degradation.apply(hr, scale=2)

    lr = downsample(hr)
    sr = resize(lr, output_size=(48, 40))
    results = [back_project(sr, lr, downsample=downsample, iterations=iterations) for iterations in (0, 2, 10)]
    errors = [float(np.square(downsample(result) - lr).mean()) for result in results]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    np.testing.assert_array_equal(results[0], sr)


def test_the_ensemble_of_what_commutes_with_flips_is_the_thing_itself(rng):
    lr = rng.random((5, 7, 3)).astype(np.float32)

    def run(view):
        return view.repeat(2, axis=0).repeat(2, axis=1) ** 2

    np.testing.assert_array_equal(median_ensemble(run, lr), run(lr))


def test_the_ensemble_is_the_median_of_eight_and_not_the_mean(rng):
    lr = rng.random((130, 6, 3)).astype(np.float32)
    added = iter([0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 100.0, 100.0])
    result = median_ensemble(lambda view: view + np.float32(next(added)), lr)
    np.testing.assert_allclose(result, lr + 0.125, atol=FLOAT32_SAME_MATHS)  # between the fourth and the fifth
