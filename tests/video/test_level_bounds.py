import numpy as np
import pytest

from kukkiri.inference.flat_bound import bound_flat
from kukkiri.video.layouts import PlaneLayout
from kukkiri.video.level_bounds import bound_levels, find_drifts
from kukkiri.video.rounding import round_into, to_units

LAYOUTS = [PlaneLayout("yuv"), PlaneLayout("yuv", depth=10), PlaneLayout("yuv", full_range=True)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["limited", "ten bits", "full"])
@pytest.mark.parametrize("scale", [2, 3])
def test_bounded_levels_are_those_of_the_bound_on_floats(layout, scale):
    samples, random = layout.luma, np.random.default_rng(0)
    steps = np.kron(random.integers(0, samples.top - 20, (6, 8)), np.ones((8, 8)))
    noise = random.integers(0, int(3.5 * samples.level / samples.gain) + 1, steps.shape) * (
        random.random(steps.shape) < 0.2
    )
    lr = (steps + noise).astype(samples.dtype)
    units = to_units(lr, samples)
    sr = np.repeat(np.repeat(units, scale, axis=0), scale, axis=1)
    sr += random.normal(0, 0.01, sr.shape).astype(np.float32)
    in_floats, in_levels = np.empty(sr.shape, dtype=lr.dtype), np.empty(sr.shape, dtype=lr.dtype)
    bounded = np.clip(sr, samples.low, samples.high)
    bound_flat(bounded[..., None], units[..., None], level=samples.level)
    round_into(in_floats, bounded, samples)
    halves = np.abs((bounded - samples.offset) / samples.gain % 1 - 0.5) < 1e-3  # which float32 meets from either side
    round_into(in_levels, sr, samples)
    before = in_levels.copy()
    bound_levels(in_levels, lr, scale=scale, level=samples.level / samples.gain)
    np.testing.assert_array_equal(in_levels[~halves], in_floats[~halves])
    assert np.abs(in_levels.astype(int) - in_floats).max() <= 1
    assert 0.02 < np.mean(before != in_levels) < 0.5


def test_a_mean_that_is_kept_does_not_drift_and_one_that_is_not_does():
    lr = np.random.default_rng(0).integers(60, 180, (40, 48), dtype=np.uint8)
    sr = np.repeat(np.repeat(lr, 3, axis=0), 3, axis=1)
    assert not find_drifts(sr, lr, scale=3, level=1.0).any()
    sr[:60, :72] += 2
    drifts = find_drifts(sr, lr, scale=3, level=1.0)
    assert drifts[:4, :4].all()
    assert not drifts[7:, 8:].any()
