"""Images of a few pixels, which some networks cannot take by themselves."""

import numpy as np
import pytest

from kukkiri.inference import Upscaler

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 3), (13, 1)])
def test_a_network_that_pools_its_input_takes_a_few_pixels(size: tuple[int, int]) -> None:
    upscaler = Upscaler("san-s-x2", threads=1, workers=1)
    sr = upscaler(np.full((*size, 3), (200, 120, 40), np.uint8))
    assert sr.shape == (2 * size[0], 2 * size[1], 3)
    assert np.abs(sr.astype(int) - (200, 120, 40)).max() <= 3
