"""The interface of a loss, kept by every entry of LOSSES."""

import functools

import pytest
import torch
from torch import func
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kukkiri.losses import LOSSES
from kukkiri.losses.arguments import read_needs
from kukkiri.resampling.tensors import resize_tensor
from tests.losses.vgg_files import make_state
from tests.tolerances import FLOAT64_MATHS

GIVEN = {"lr": lambda hr: resize_tensor(hr, scale=1 / 2)}
"""The inputs that a loss may need besides sr and hr, made of hr."""


IN_FEATURES = ("perceptual", "texture")
"""Losses of a classifier's features, here of a VGG with few of them."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The file of that VGG."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save(make_state(16, width=2), path)
    return str(path)


@pytest.fixture(params=sorted(LOSSES))
def loss(request, weights):
    """A loss as a function of (sr, hr), with its needs met."""
    function = LOSSES[request.param]
    if request.param in IN_FEATURES:
        return functools.partial(function, network="vgg16", weights=weights, layers=("relu1_2", "conv2_1"))

    def call(sr, hr):
        return function(sr, hr, **{need: GIVEN[need](hr) for need in read_needs(function)})

    return call


@pytest.fixture
def pair():
    """sr, some of it outside [0, 1], and hr, float64."""
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 3, 12, 10, generator=generator, dtype=torch.float64)
    return hr + 0.1 * torch.randn(hr.shape, generator=generator, dtype=torch.float64), hr


def test_the_names_are_sorted():
    assert list(LOSSES) == sorted(LOSSES)


def test_it_is_one_number_of_the_type_of_the_images(loss, pair):
    sr, hr = pair
    for dtype in (torch.float32, torch.float64):
        value = loss(sr.to(dtype), hr.to(dtype))
        assert (value.numel(), value.dtype) == (1, dtype)
        assert value.isfinite()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_takes_half_precision(loss, pair, dtype):
    sr, hr = pair
    value = loss(sr.to(dtype), hr.to(dtype))
    assert value.dtype == dtype
    rounding = 0.02  # of values in [0, 1] and of the sum of up to 14 products: some units of bfloat16, 1/256
    assert float(value) == pytest.approx(float(loss(sr, hr)), rel=0.1, abs=rounding)


def test_it_is_least_where_sr_is_hr_and_grows_with_the_error(loss, pair, request):
    if "total-variation" in request.node.name:
        pytest.skip("a regularizer, which does not look at hr")
    sr, hr = pair
    values = [float(loss(hr + strength * (sr - hr), hr)) for strength in (0.0, 0.01, 0.5, 1.0, 2.0)]
    assert values == sorted(values)
    assert values[0] < values[1]


def test_it_is_a_mean_over_the_batch(loss, pair):
    sr, hr = pair
    once, twice = loss(sr, hr), loss(torch.cat([sr, sr]), torch.cat([hr, hr]))
    assert float(twice) == pytest.approx(float(once), rel=FLOAT64_MATHS)


def test_the_arguments_do_not_change(loss, pair):
    copies = [images.clone() for images in pair]
    first = loss(*pair)
    assert all(torch.equal(images, copy) for images, copy in zip(pair, copies, strict=True))
    assert torch.equal(loss(*pair), first)  # no state


def test_there_is_no_randomness(loss, pair):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    loss(*pair)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_gradient_is_that_of_finite_differences(loss, pair):
    sr, hr = (images[:1, :1, :6, :4] for images in pair)
    gradient = func.grad(loss)(sr, hr)
    for index in ((0, 0, 0, 0), (0, 0, 3, 2), (0, 0, 5, 3)):
        shift = torch.zeros_like(sr)
        shift[index] = 1e-6
        slope = float(loss(sr + shift, hr) - loss(sr - shift, hr)) / 2e-6
        assert float(gradient[index]) == pytest.approx(slope, rel=1e-5, abs=1e-8)  # central differences in float64


def test_meta_training_may_differentiate_it_twice(loss, pair):
    sr, hr = pair

    def squared_gradient(sr):
        return func.grad(loss)(sr, hr).square().sum()

    assert func.grad(squared_gradient)(sr).isfinite().all()


def test_it_maps_over_tasks(loss, pair):
    sr, hr = (images[:, None] for images in pair)
    mapped = func.vmap(loss)(sr, hr)
    each = torch.stack([loss(one_sr, one_hr) for one_sr, one_hr in zip(sr, hr, strict=True)])
    assert torch.allclose(mapped, each, rtol=FLOAT64_MATHS, atol=0)


class OneDevice(TorchDispatchMode):
    """Refuses an operation between tensors of two devices, numbers in a tensor included; copies between them may be."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        devices = {leaf.device.type for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        assert len(devices) < 2 or operation is torch.ops.aten._to_copy.default, f"{operation}: {devices}"
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_its_tensors_are_made_on_the_device_and_of_the_type_of_sr(loss, pair, dtype):
    sr, hr = (images.to("meta", dtype) for images in pair)
    with OneDevice():
        value = loss(sr.requires_grad_(), hr)
        (gradient,) = torch.autograd.grad(value, sr)
    assert (value.device.type, value.dtype) == ("meta", dtype)
    assert (gradient.device.type, gradient.dtype) == ("meta", dtype)


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs an accelerator")
def test_an_accelerator_computes_what_the_cpu_does(loss, pair):
    sr, hr = (images.float() for images in pair)
    device = torch.accelerator.current_accelerator()
    value = loss(sr.to(device), hr.to(device))
    assert value.device.type == device.type
    assert float(value) == pytest.approx(float(loss(sr, hr)), rel=1e-5)  # float32, additions in another order


def test_a_tensor_on_the_wrong_device_would_be_seen():
    def wrong(sr, hr):
        return (sr - hr).mul(torch.ones(sr.shape)).mean()

    sr = torch.empty(1, 1, 2, 2, device="meta")
    with pytest.raises((AssertionError, RuntimeError)), OneDevice():
        wrong(sr, sr)
    zero = functools.partial(torch.add, torch.empty(2, device="meta"))
    with pytest.raises(AssertionError, match="aten"), OneDevice():
        zero(torch.tensor(1.0))  # torch itself lets a number on the CPU pass
