import numpy as np
import pytest
import torch

from kukkiri.adaptation.hr_crops import Augmentation, sample_hr_crop
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.fixture
def image(rng):
    return torch.from_numpy(rng.random((1, 3, 40, 24), dtype=np.float32))


def test_without_augmentation_it_is_a_crop(image, rng):
    crop = sample_hr_crop([image], (16, 20), augmentation=Augmentation(untouched=1.0), rng=rng)
    crops = image.unfold(2, 16, 1).unfold(3, 20, 1)
    assert any(torch.equal(crop[0], crops[0, :, y, x]) for y in range(25) for x in range(5))


def test_flips_and_rotations_give_all_eight_orientations_and_keep_the_values(rng):
    image = torch.from_numpy(rng.random((1, 3, 16, 16), dtype=np.float32))
    seen = set()
    for _ in range(100):
        crop = sample_hr_crop([image], (16, 16), augmentation=Augmentation(0.0, 1.0), rng=rng)
        assert torch.equal(crop.flatten().sort().values, image.flatten().sort().values)
        seen.add(crop.numpy().tobytes())
    assert len(seen) == 8


def test_without_rotation_there_are_two_orientations(rng):
    image = torch.from_numpy(rng.random((1, 3, 16, 16), dtype=np.float32))
    flips = Augmentation(0.0, 1.0, rotate=False)
    seen = {sample_hr_crop([image], (16, 16), augmentation=flips, rng=rng).numpy().tobytes() for _ in range(30)}
    assert seen == {image.numpy().tobytes(), image.flip(-1).numpy().tobytes()}


def test_the_affine_map_downscales_a_ramp_by_a_factor_of_the_range(rng):
    ramp = torch.linspace(0, 1, 101).expand(1, 3, 101, 101).contiguous()
    downscaling = Augmentation(0.0, 0.0, smallest=0.5, scale_difference=0.0, shear=0.0, rotate=False)
    for _ in range(20):
        crop = sample_hr_crop([ramp], (21, 21), augmentation=downscaling, rng=rng)[0, 0]
        slope = (crop[:, 1:] - crop[:, :-1]).abs()
        across = 0.01 / slope[10, 4:-4]
        assert 0.49 < 1 / float((1 / across).mean()) < 1.01
        assert float(across.max() / across.min()) < 1.25  # with a = -0.75 a ramp comes out wavy


def test_the_affine_map_of_a_constant_is_that_constant(rng):
    grey = torch.full((1, 3, 30, 20), 0.4)
    for _ in range(10):
        crop = sample_hr_crop([grey], (20, 20), augmentation=Augmentation(0.0, 0.0), rng=rng)
        torch.testing.assert_close(crop, torch.full((1, 3, 20, 20), 0.4), atol=FLOAT32_SAME_MATHS, rtol=0)


def test_a_crop_longer_than_the_image_is_wide_is_not_rotated_by_90_degrees(image, rng):
    for _ in range(20):
        crop = sample_hr_crop([image], (40, 24), augmentation=Augmentation(0.0, 1.0), rng=rng)
        assert crop.shape == (1, 3, 40, 24)
