from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.data import DevicePatchSampler, Pair, PairSet, PatchSampler, Share, bytes_on_device
from kukkiri.errors import ConfigError
from tests.data.made_pairs import make_pairs
from tests.tolerances import FLOAT32_SAME_MATHS

DEVICES = [
    "cpu",
    *(["cuda"] if torch.cuda.is_available() else []),
    *(["mps"] if torch.backends.mps.is_available() else []),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 3)])
def test_batches_are_those_of_the_sampler_on_the_host(device, rank, world):
    options = {"patch": 15, "batch": 40, "seed": 3, "rank": rank, "world": world}
    host = PatchSampler(make_pairs(), **options)
    there = DevicePatchSampler(make_pairs(), device=device, **options)
    for step in range(4):  # 40 patches: all eight flips and rotations
        for tensor, expected in zip(there.at(step), host.at(step), strict=True):
            assert tensor.device.type == device
            assert tensor.is_contiguous()
            assert tensor.cpu().equal(expected)  # the quotient of two integers is rounded once, everywhere


@given(
    scale=st.integers(1, 4),
    sizes=st.lists(st.tuples(st.integers(5, 30), st.integers(5, 30)), min_size=1, max_size=4),
    patch=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_for_any_sizes_and_scale_the_batches_are_those_of_the_sampler_on_the_host(scale, sizes, patch, seed):
    rng = np.random.default_rng(seed)
    pairs = []
    for height, width in sizes:
        # HR is a part of a larger array, as that of a prepared folder can be
        hr = rng.integers(0, 256, (scale * height + 1, scale * width + 1, 3), dtype=np.uint8)[:-1, :-1]
        pairs.append(Pair("noise", rng.integers(0, 256, (height, width, 3), dtype=np.uint8), hr))
    made = PairSet(tuple(pairs), scale=scale, colour="rgb")
    host, there = (
        PatchSampler(made, patch=patch, batch=20, seed=seed),
        DevicePatchSampler(made, device="cpu", patch=patch, batch=20, seed=seed),
    )
    for tensor, expected in zip(there.at(0), host.at(0), strict=True):
        assert tensor.equal(expected)


@pytest.mark.parametrize("device", DEVICES)
def test_luma_is_that_of_the_sampler_on_the_host(device):
    host = PatchSampler(make_pairs("y"), patch=16, batch=9)
    there = DevicePatchSampler(make_pairs("y"), device=device, patch=16, batch=9)
    for tensor, expected in zip(there.at(1), host.at(1), strict=True):
        assert tensor.shape == expected.shape
        assert torch.allclose(tensor.cpu(), expected, rtol=0, atol=FLOAT32_SAME_MATHS)


def test_other_sizes_weights_and_small_images_are_those_of_the_sampler_on_the_host():
    pairs = make_pairs(shares=(Share("one", 2, 1.0), Share("two", 1, 5.0)))
    host = PatchSampler(pairs, patch=8, batch=4)
    there = DevicePatchSampler(pairs, device="cpu", patch=8, batch=4)
    for tensor, expected in zip(there.at(5, patch=20, batch=11), host.at(5, patch=20, batch=11), strict=True):
        assert tensor.shape[0] == 11
        assert tensor.equal(expected)
    with pytest.raises(ConfigError, match="smaller than a patch of 99"):
        there.check_patch(99)


def test_every_tensor_of_a_step_is_made_on_the_device():
    for colour, channels in (("rgb", 3), ("y", 1)):
        lr, hr = DevicePatchSampler(make_pairs(colour), device="meta", patch=8, batch=5).at(0)
        assert lr.is_meta
        assert hr.is_meta
        assert (lr.shape, hr.shape) == ((5, channels, 8, 8), (5, channels, 16, 16))


def test_a_rank_beyond_the_batch_gets_an_empty_batch():
    lr, hr = DevicePatchSampler(make_pairs(), device="cpu", patch=8, batch=1, rank=1, world=2).at(0)
    assert (lr.shape, hr.shape) == ((0, 3, 8, 8), (0, 3, 16, 16))


def test_hr_of_several_variants_is_on_the_device_once():
    first = make_pairs()[0]
    variants = tuple(replace(first, lr=first.lr + variant) for variant in range(3))
    pairs = PairSet(variants, scale=2, colour="rgb")
    assert bytes_on_device(pairs) == 3 * first.lr.size + first.hr.size
    assert bytes_on_device(make_pairs()) == sum(pair.lr.size + pair.hr.size for pair in make_pairs())
    host, there = PatchSampler(pairs, patch=8, batch=30), DevicePatchSampler(pairs, device="cpu", patch=8, batch=30)
    for tensor, expected in zip(there.at(0), host.at(0), strict=True):
        assert tensor.equal(expected)
