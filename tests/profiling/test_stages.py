import numpy as np
import pytest

from kukkiri.pretrained import list_models
from kukkiri.profiling.cost import count_cost
from kukkiri.profiling.stages import STAGES, Stages, measure_stages, synthetic_image


def test_shares_are_multiply_adds_over_time_and_peak():
    seconds = {"decode": 0.5, "network": 2.0, "colour": 0.5, "encode": 1.0}
    stages = Stages((1000, 2000), seconds, {name: 2 * time for name, time in seconds.items()}, 10**9, 0)
    assert (stages.total, stages.megapixels) == (4.0, 2.0)
    assert stages.share(1e9, network_only=True) == 0.5
    assert stages.share(1e9) == 0.25
    assert stages.share(1e9, cpu=True) == 0.125


def test_stages_of_a_shipped_model_are_timed_and_counted():
    model = next(name for name in list_models() if name.endswith("-x2"))
    stages = measure_stages(model, scale=2, megapixels=0.0192, runs=1, threads=1)
    assert stages.output_size == (120, 160)
    assert set(stages.seconds) == set(STAGES) == set(stages.cpu_seconds)
    assert min(stages.seconds.values()) > 0
    assert stages.multiply_adds == round(count_cost(model, scale=2)[1] * 0.0192)


def test_a_given_image_is_mirrored_to_size():
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    model = next(name for name in list_models() if name.endswith("-x2"))
    assert measure_stages(model, scale=2, megapixels=0.0192, runs=1, threads=1, image=image).megapixels == 0.0192


def test_no_run_is_refused():
    model = next(name for name in list_models() if name.endswith("-x2"))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        measure_stages(model, scale=2, megapixels=0.01, runs=0)


def test_the_synthetic_image_is_the_same_each_time_and_uses_the_range():
    image = synthetic_image((60, 80))
    assert np.array_equal(image, synthetic_image((60, 80)))
    assert image.shape == (60, 80, 3)
    assert image.std() > 25
