import itertools

import numpy as np
import pytest

from kukkiri.resampling import StripResize, resize


@pytest.mark.parametrize("output_size", [(60, 140), (61, 140), (60, 143), (30, 71), (200, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strips_are_the_rows_of_the_whole(rng, output_size, dtype):
    planes = rng.random((2, 30, 70)).astype(dtype)
    strips = StripResize(planes, output_size=output_size)
    whole = np.stack([resize(plane, output_size=output_size) for plane in planes])
    bounds = [*range(0, output_size[0], 17), output_size[0]]
    joined = np.concatenate([strips.rows(*pair) for pair in itertools.pairwise(bounds)], axis=1)
    assert joined.dtype == dtype
    assert np.abs(joined - whole).max() <= 4 * np.finfo(dtype).eps  # the order of the additions may differ


def test_other_types_and_empty_planes_are_refused():
    with pytest.raises(TypeError, match="float32 or float64, got int64"):
        StripResize(np.zeros((1, 4, 4), np.int64), output_size=(8, 8))
    with pytest.raises(ValueError, match="not empty"):
        StripResize(np.zeros((4, 4), np.float32), output_size=(8, 8))
