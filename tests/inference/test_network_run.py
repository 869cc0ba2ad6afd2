import numpy as np

from kukkiri.inference import Upscaler
from kukkiri.inference.network_run import NetworkRun
from kukkiri.inference.planning import make_plan


def test_the_second_network_gets_values_inside_the_range_and_the_last_result_keeps_them(numpy_engine, rng):
    lr = rng.random((1, 1, 6, 7), dtype=np.float32)
    engine = numpy_engine(scale=2, gain=3.0, offset=-1.0)
    first = engine.run(lr)
    assert first.min() < -0.2
    assert first.max() > 1.2
    expected = engine.run(np.clip(first, 0, 1))
    sr = Upscaler(engine, scale=4).upscale_planes(lr[0])
    assert np.array_equal(sr, expected[0])
    assert np.abs(engine.run(first) - expected).max() > 0.2  # without the clip it would be another image
    assert sr.max() > 1.2


def test_a_run_counts_its_passes_and_has_nothing_to_say_about_a_whole_image(numpy_engine):
    engines = (numpy_engine(), numpy_engine(scale=3))
    plan = make_plan(engines, (5, 6), output_size=(30, 36), channels=1, tile=None, budget=10**9)
    calls = []
    run = NetworkRun(engines, plan, progress=lambda done, total: calls.append((done, total)))
    assert run.run(np.zeros((1, 1, 5, 6), np.float32)).shape == (1, 1, 30, 36)
    assert calls == [(1, 2), (2, 2)]
    assert run.notes() == []
