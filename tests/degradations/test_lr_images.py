import numpy as np
import pytest

from kukkiri.degradations import Degradation, load_kernel, subsample
from kukkiri.degradations.lr_images import make_lr, write_kernels
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image
from tests.tolerances import FLOAT64_FEW_OPERATIONS


def test_depth_alpha_and_notes_are_kept_and_the_sampled_steps_repeat_the_image(rng):
    hr = Image.from_array(rng.integers(0, 256, (25, 38, 4), dtype=np.uint8))
    lr, sampled = make_lr(hr, Degradation.parse("real"), scale=2, seed=(3, 1))
    assert (lr.size, lr.depth) == ((12, 19), 8)
    assert lr.alpha is not None
    assert "38x25 was cropped to 38x24, a multiple of 2" in lr.notes[0]
    assert str(sampled) != "real"
    again, _ = make_lr(hr, Degradation.parse("real"), scale=2, seed=(3, 1))
    np.testing.assert_array_equal(again.colour, lr.colour)


def test_bicubic_of_8_bit_is_that_of_the_levels(rng):
    levels = rng.integers(0, 256, (24, 36, 3), dtype=np.uint8)
    lr, _ = make_lr(Image.from_array(levels), Degradation.parse("bicubic"), scale=3, seed=0)
    np.testing.assert_array_equal(lr.to_array(), subsample(levels, scale=3))
    with pytest.raises(ImageError, match="36x24 is smaller than one pixel at scale 40"):
        make_lr(Image.from_array(levels), Degradation.parse("bicubic"), scale=40, seed=0)


def test_several_kernels_are_numbered_and_random_ones_are_not_written(tmp_path):
    degradation = Degradation.parse("gaussian:1.0+gaussian:2.0+direct")
    written = write_kernels(degradation, tmp_path / "new" / "lr", scale=2)
    names = [f"lr-kernel{number}.{suffix}" for number in (1, 2) for suffix in ("npy", "png")]
    assert [path.relative_to(tmp_path / "new").as_posix() for path in written] == names
    np.testing.assert_allclose(
        load_kernel(written[2]), degradation.blur_kernel(1, scale=2), rtol=FLOAT64_FEW_OPERATIONS
    )
    with pytest.raises(ConfigError, match="exists already"):
        write_kernels(degradation, tmp_path / "new" / "lr", scale=2)
    assert write_kernels(Degradation.parse("photo"), tmp_path / "other", scale=2) == []
