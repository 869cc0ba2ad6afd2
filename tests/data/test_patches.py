import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.data import PairSet, PatchSampler, dihedral
from kukkiri.errors import ConfigError
from tests.data.made_pairs import make_pairs
from tests.tolerances import FLOAT32_SAME_MATHS

BEFORE_RANKS = "8deaf2068ee57daacae517b35b94a961"
"""sha256 of five batches of the sampler as it was when it knew neither ranks, nor weights, nor small images."""


def test_the_batches_of_one_process_are_bit_for_bit_those_of_earlier_versions():
    digest = hashlib.sha256()
    for step in range(5):
        for tensor in PatchSampler(make_pairs(), patch=16, batch=7, seed=3).at(step):
            digest.update(tensor.numpy().tobytes())
    assert digest.hexdigest()[:32] == BEFORE_RANKS


def test_luma_is_that_of_earlier_versions():
    lr, hr = PatchSampler(make_pairs("y"), patch=16, batch=7, seed=3).at(4)
    expected_lr, expected_hr = torch.tensor([0.6857, 0.4060, 0.4247, 0.2620]), torch.tensor([0.4403, 0.4417, 0.2763])
    assert torch.allclose(lr[0, 0, 0, :4], expected_lr, rtol=0, atol=5e-5)  # recorded with four digits
    assert torch.allclose(hr[6, 0, 31, 28:31], expected_hr, rtol=0, atol=5e-5)


def test_lr_and_hr_of_a_patch_are_the_same_place_transformed_alike():
    pairs = make_pairs()
    same = PairSet(tuple(type(pair)(pair.name, pair.lr, pair.lr) for pair in pairs), scale=1, colour="rgb")
    lr, hr = PatchSampler(same, patch=9, batch=32).at(0)
    assert lr.equal(hr)


@given(world=st.integers(1, 6), batch=st.integers(1, 9), step=st.integers(0, 10**6), seed=st.integers(0, 9))
def test_the_patches_of_the_ranks_interleaved_are_the_batch_of_one_process(world, batch, step, seed):
    pairs = make_pairs()
    whole = PatchSampler(pairs, patch=8, batch=batch, seed=seed).at(step)
    parts = [PatchSampler(pairs, patch=8, batch=batch, seed=seed, rank=rank, world=world) for rank in range(world)]
    for side, expected in enumerate(whole):
        joined = torch.full_like(expected, torch.nan)
        for rank, part in enumerate(parts):
            joined[rank::world] = part.at(step)[side]
        assert joined.equal(expected)


def test_a_rank_beyond_the_batch_gets_an_empty_batch_of_the_right_shape():
    lr, hr = PatchSampler(make_pairs("y"), patch=8, batch=2, rank=2, world=3).at(0)
    assert (lr.shape, hr.shape) == ((0, 1, 8, 8), (0, 1, 16, 16))
    with pytest.raises(ValueError, match="rank must be 0 to world - 1, got 3 of 3"):
        PatchSampler(make_pairs(), patch=8, batch=2, rank=3, world=3)


def test_other_sizes_of_a_step_are_those_of_a_sampler_made_with_them():
    pairs = make_pairs()
    sampler = PatchSampler(pairs, patch=8, batch=4, seed=1)
    for tensor, expected in zip(
        sampler.at(9, patch=12, batch=6), PatchSampler(pairs, patch=12, batch=6, seed=1).at(9), strict=True
    ):
        assert tensor.equal(expected)
    with pytest.raises(ConfigError, match="all 3 images are smaller than a patch of 32 LR pixels"):
        sampler.check_patch(32)


def test_every_place_of_an_image_and_every_transformation_is_reached():
    hr = np.arange(6 * 7, dtype=np.uint8).reshape(6, 7, 1).repeat(3, axis=2)
    pair = make_pairs()[0]
    pairs = PairSet((type(pair)("counted", hr, hr),), scale=1, colour="rgb")
    lr, _ = PatchSampler(pairs, patch=3, batch=6000).at(0)
    seen = {tuple(np.rint(patch[0].numpy() * 255).astype(int).flatten()) for patch in lr}
    crops = [hr[top : top + 3, left : left + 3] for top in range(4) for left in range(5)]
    assert seen == {tuple(dihedral(crop, variant)[..., 0].flatten()) for crop in crops for variant in range(8)}


def test_the_eight_variants_differ_and_are_flips_and_rotations():
    image = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    square = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    assert dihedral(image, 4).shape == (3, 2, 1)
    assert len({dihedral(square, variant).tobytes() for variant in range(8)}) == 8
    assert np.array_equal(dihedral(square, 1 | 4)[..., 0], np.rot90(square[..., 0], -1))


def test_luma_of_a_patch_is_the_luma_of_its_rgb():
    rgb, _ = PatchSampler(make_pairs("rgb"), patch=8, batch=3).at(2)
    luma, _ = PatchSampler(make_pairs("y"), patch=8, batch=3).at(2)
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    expected = (rgb.double() * weights[:, None, None]).sum(1, keepdim=True) + 16 / 255
    assert torch.allclose(luma.double(), expected, rtol=0, atol=FLOAT32_SAME_MATHS)
