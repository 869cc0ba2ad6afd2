import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from kukkiri.upsampling.rewrites import (
    ExactBorder,
    FixedFilter,
    ParallelBranches,
    PointwiseThenConv,
    merge_branches,
    merge_convolutions,
)
from tests.tolerances import FLOAT64_MATHS

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@settings(max_examples=100, deadline=None)
@given(
    kernels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.integers(0, 2),
    groups=st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]),
    biases=st.tuples(st.booleans(), st.booleans()),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    size=st.tuples(st.integers(7, 14), st.integers(7, 14)),
    seed=st.integers(0, 99),
)
def test_two_convolutions_are_one_everywhere_if_the_second_does_not_pad(
    kernels, strides, dilations, padding, groups, biases, dtype, size, seed
):
    torch.manual_seed(seed)
    first = nn.Conv2d(4, 6, kernels[0], strides[0], padding, dilations[0], groups[0], biases[0], dtype=dtype)
    second = nn.Conv2d(6, 2, kernels[1], strides[1], 0, dilations[1], groups[1], biases[1], dtype=dtype)
    x = torch.rand(1, 4, *size, dtype=dtype)
    with torch.no_grad():
        between = first(x)
        assume(all(n > dilations[1] * (kernels[1] - 1) for n in between.shape[2:]))
        merged = merge_convolutions(first, second)
        torch.testing.assert_close(merged(x), second(between), atol=TOLERANCE[dtype], rtol=0)
    assert isinstance(merged, nn.Conv2d)


@settings(max_examples=60, deadline=None)
@given(
    kernels=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    seed=st.integers(0, 99),
)
def test_with_padding_the_exact_border_makes_them_equal_everywhere(kernels, dtype, size, seed):
    torch.manual_seed(seed)
    first = nn.Conv2d(3, 5, kernels[0], padding=kernels[0] // 2, dtype=dtype)
    second = nn.Conv2d(5, 2, kernels[1], padding=kernels[1] // 2, dtype=dtype)
    x = torch.rand(1, 3, *size, dtype=dtype)
    with torch.no_grad():
        merged = merge_convolutions(first, second)
        torch.testing.assert_close(merged(x), second(first(x)), atol=TOLERANCE[dtype], rtol=0)
    assert isinstance(merged, ExactBorder) == (kernels[1] > 1)


@settings(max_examples=30, deadline=None)
@given(kernels=st.tuples(st.sampled_from([1, 3]), st.sampled_from([3, 5])), seed=st.integers(0, 99))
def test_without_it_only_the_padding_of_the_second_differs_and_by_what_the_first_gives_outside(kernels, seed):
    torch.manual_seed(seed)
    radius, pads = kernels[1] // 2, kernels[0] // 2
    first = nn.Conv2d(3, 5, kernels[0], padding=pads).double()
    second = nn.Conv2d(5, 2, kernels[1], padding=radius).double()
    x = torch.rand(1, 3, 8, 9).double()
    with torch.no_grad():
        difference = merge_convolutions(first, second, exact_border=False)(x) - second(first(x))
        wide = F.conv2d(F.pad(x, (pads + radius,) * 4), first.weight, first.bias)
        outside = wide - F.pad(first(x), (radius,) * 4)
        torch.testing.assert_close(difference, F.conv2d(outside, second.weight), atol=FLOAT64_MATHS, rtol=0)
        inner = difference[..., radius:-radius, radius:-radius]
        torch.testing.assert_close(inner, torch.zeros_like(inner), atol=FLOAT64_MATHS, rtol=0)


@settings(max_examples=30, deadline=None)
@given(channels=st.integers(1, 4), dtype=st.sampled_from([torch.float64, torch.float32]), seed=st.integers(0, 99))
def test_parallel_branches_are_one_3x3_convolution_everywhere(channels, dtype, seed):
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(channels)
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
        norm.weight.normal_()
        norm.bias.normal_()
    branches = [
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.Identity(),
        PointwiseThenConv(nn.Conv2d(channels, 7, 1), nn.Conv2d(7, channels, 3)),
        FixedFilter(channels, name="sobel-x"),
        FixedFilter(channels, name="sobel-y"),
        FixedFilter(channels, name="laplacian"),
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
        norm,
        nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), norm),
    ]
    block = ParallelBranches(branches).to(dtype).eval()
    x = torch.rand(2, channels, 5, 6, dtype=dtype)
    with torch.no_grad():
        merged = merge_branches(block.branches, channels=channels).to(dtype)
        torch.testing.assert_close(merged(x), block(x), atol=10 * TOLERANCE[dtype], rtol=0)  # ten branches add up
    assert merged.weight.shape == (channels, channels, 3, 3)


def test_sobel_and_laplacian_answer_a_slope_and_a_point():
    slope = torch.arange(5.0).expand(1, 1, 5, 5)
    point = torch.zeros(1, 1, 3, 3)
    point[0, 0, 1, 1] = 1.0
    for name, expected in (("sobel-x", -8.0), ("sobel-y", 0.0), ("laplacian", 0.0)):
        branch = FixedFilter(1, name=name)
        torch.nn.init.ones_(branch.factor)
        assert float(branch(slope)[0, 0, 2, 2].detach()) == expected
    assert branch(point)[0, 0].tolist() == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]


def test_what_cannot_be_merged_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        merge_convolutions(nn.Conv2d(1, 2, 3), nn.Conv2d(3, 1, 3))
    with pytest.raises(ValueError, match="number of zeros"):
        merge_convolutions(nn.Conv2d(1, 2, 3, padding="same"), nn.Conv2d(2, 1, 3))
    with pytest.raises(ValueError, match="exact border needs"):
        merge_convolutions(nn.Conv2d(1, 2, 3, stride=2), nn.Conv2d(2, 1, 3, padding=1))
    with pytest.raises(ValueError, match="type ReLU"):
        merge_branches([nn.ReLU()], channels=1)
    with pytest.raises(ValueError, match="odd size"):
        merge_branches([nn.Conv2d(1, 1, 3)], channels=1)
    with pytest.raises(ValueError, match="nothing to merge"):
        merge_branches([], channels=1)
    with pytest.raises(ValueError, match="eval mode"):
        merge_branches([nn.BatchNorm2d(1)], channels=1)
    with pytest.raises(ValueError, match="unknown filter"):
        FixedFilter(1, name="box")
    with pytest.raises(ValueError, match="1x1"):
        PointwiseThenConv(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
