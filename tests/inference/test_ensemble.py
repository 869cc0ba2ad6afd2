import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.inference import Upscaler
from kukkiri.inference.ensemble import VARIANTS, choose_variants, count_runs, run_ensemble
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.mark.parametrize(("runs", "rotations"), [(1, [0]), (2, [0, 3]), (4, [0, 1, 2, 3])])
def test_few_runs_are_rotations_by_a_quarter(runs, rotations, numpy_engine, rng):
    engine = numpy_engine()
    lr = rng.random((1, 1, 7, 9), dtype=np.float32)
    turned = [np.ascontiguousarray(np.rot90(lr, number, axes=(2, 3))) for number in rotations]
    expected = np.mean(
        [
            np.rot90(engine.run(view), -number, axes=(2, 3)).astype(np.float64)
            for number, view in zip(rotations, turned, strict=True)
        ],
        axis=0,
    )
    assert np.abs(run_ensemble(engine.run, lr, runs=runs) - expected).max() <= FLOAT32_SAME_MATHS
    if runs > 1:
        assert np.abs(engine.run(lr) - expected).max() > 0.01
        assert np.abs(Upscaler(engine, ensemble=runs).upscale_planes(lr[0]) - expected[0]).max() <= FLOAT32_SAME_MATHS


def test_the_orientations_of_fewer_runs_are_among_all():
    assert [len(choose_variants(runs)) for runs in (1, 2, 4, 8)] == [1, 2, 4, 8]
    assert len(set(VARIANTS)) == 8
    for runs in (1, 2, 4):
        assert set(choose_variants(runs)) < set(choose_variants(2 * runs))


def test_the_number_of_runs_is_the_users_before_the_presets():
    assert [count_runs(asked, preset=False) for asked in (False, True, 2, 4, 8)] == [1, 8, 2, 4, 8]
    assert [count_runs(asked, preset=True) for asked in (False, 2)] == [8, 2]
    assert Upscaler("best", threads=1, ensemble=4).runs == 4
    assert Upscaler("best", threads=1, ensemble=4).describe_options()["ensemble"] == 4
    for wrong in (1, 3, 16):
        with pytest.raises(ConfigError, match=f"ensemble averages 2, 4 or 8 runs, got {wrong}"):
            Upscaler("fast", ensemble=wrong)


def test_progress_counts_each_run(numpy_engine, rng):
    reports = []
    upscaler = Upscaler(numpy_engine(colour="rgb"), ensemble=4)
    upscaler(rng.random((6, 5, 3), dtype=np.float32), progress=lambda *counts: reports.append(counts))
    assert reports == [(1, 4), (2, 4), (3, 4), (4, 4)]
