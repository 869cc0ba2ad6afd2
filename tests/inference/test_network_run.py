import numpy as np
import pytest

from kukkiri.errors import BackendError
from kukkiri.inference import Upscaler
from kukkiri.inference.network_run import NetworkRun
from kukkiri.inference.planning import make_plan
from tests.tolerances import FLOAT32_SAME_MATHS


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


def make_greedy(numpy_engine, limit, error):
    """An engine that gets memory for ``limit`` pixels."""
    engine = numpy_engine()
    run = engine.run

    def greedy(batch):
        if batch.shape[-2] * batch.shape[-1] > limit:
            raise error
        return run(batch)

    engine.run = greedy
    return engine


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        BackendError("ONNX Runtime failed at 40x60: Failed to allocate memory for requested buffer of size 1."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_memory_that_is_refused_makes_the_tiles_smaller(numpy_engine, rng, error):
    plane = rng.random((1, 40, 60), dtype=np.float32)
    whole = Upscaler(numpy_engine()).upscale_planes(plane)
    engine = make_greedy(numpy_engine, 500, error)
    assert np.abs(Upscaler(engine).upscale_planes(plane) - whole).max() <= FLOAT32_SAME_MATHS
    assert max(shape[2] * shape[3] for shape in engine.seen) <= 500
    assert np.abs(Upscaler(engine, tile=50).upscale_planes(plane) - whole).max() <= FLOAT32_SAME_MATHS
    assert np.abs(Upscaler(engine, ensemble=True).upscale_planes(plane) - whole).max() < 1


def test_memory_that_is_refused_for_every_tile_is_one_line(numpy_engine):
    engine = make_greedy(numpy_engine, 0, MemoryError())
    with pytest.raises(BackendError, match="memory was refused even for its smallest tile"):
        Upscaler(engine).upscale_planes(np.zeros((1, 30, 30), np.float32))


def test_other_failures_of_an_engine_are_not_tried_again(numpy_engine):
    engine = make_greedy(numpy_engine, 0, RuntimeError("illegal instruction"))
    with pytest.raises(RuntimeError, match="illegal instruction"):
        Upscaler(engine).upscale_planes(np.zeros((1, 30, 30), np.float32))
