"""No network makes a tensor of another device or dtype than its input's; no accelerator is needed to see it.

Every operation of the forward and the backward is looked at: on the meta device none may make a tensor elsewhere, which
an operation would refuse on a GPU, or which would be copied there each time; in float64 none may make one in float32.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kukkiri.networks import (
    NETWORKS,
    ESRGANDiscriminator,
    IKCCorrector,
    IKCPredictor,
    KernelGANDiscriminator,
    KernelGANGenerator,
    Network,
    SRGANDiscriminator,
)

CASES = [
    pytest.param(name, arguments, id=f"{name}{number}")
    for name, network in NETWORKS.items()
    for number, arguments in enumerate(network.tiny)
]


def make(name: str, arguments: dict[str, Any], *, training: bool) -> tuple[Network, Tensor, tuple[Tensor, ...]]:
    """A network on the CPU in float32, an input and its conditions."""
    torch.manual_seed(0)
    net = NETWORKS[name](**arguments).train(training)
    lr = torch.rand(2, net.channels, 8 * net.multiple, 9 * net.multiple) * net.value_range
    return net, lr, net.example_conditions(2)


class Recorded(TorchDispatchMode):
    """Records the devices and the floating dtypes of the results of all operations, and by which they were made."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[str, str] = {}
        self.dtypes: dict[torch.dtype, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self.devices.setdefault(tensor.device.type, str(func))
                if tensor.is_floating_point():
                    self.dtypes.setdefault(tensor.dtype, str(func))
        return out


def assert_gradients_like_the_parameters(net: torch.nn.Module) -> None:
    for parameter in net.parameters():
        if parameter.grad is not None:
            assert (parameter.grad.device, parameter.grad.dtype) == (parameter.device, parameter.dtype)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_everything_stays_on_the_meta_device(name, arguments, training):
    net, lr, conditions = make(name, arguments, training=training)
    net.to("meta")
    lr, conditions = lr.to("meta"), tuple(condition.to("meta") for condition in conditions)
    with Recorded() as recorded:
        sr = net(lr, *conditions)
        sr.sum().backward()
    assert sr.is_meta
    assert set(recorded.devices) == {"meta"}, recorded.devices
    assert_gradients_like_the_parameters(net)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_it_can_be_made_on_another_device(name, arguments):
    """As a checkpoint's loader and a training run on an accelerator make it."""
    with torch.device("meta"):
        net = NETWORKS[name](**arguments)
        conditions = net.example_conditions(2)
        lr = torch.empty(2, net.channels, 8 * net.multiple, 9 * net.multiple)
    assert all(tensor.is_meta for tensor in (*net.parameters(), *net.buffers(), *conditions))
    assert net(lr, *conditions).is_meta


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_deployed_and_shifted_forms_stay_on_the_meta_device(name, arguments):
    net, _, _ = make(name, arguments, training=False)
    net.to("meta")
    assert all(tensor.is_meta for tensor in net.deployed().state_dict().values())
    try:
        shifted = net.shift_input(0.5)
    except ValueError:
        return
    assert all(tensor.is_meta for tensor in shifted.values())


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_everything_is_computed_in_float64(name, arguments):
    net, lr, conditions = make(name, arguments, training=False)
    net.double()
    lr, conditions = lr.double(), tuple(condition.double() for condition in conditions)
    with Recorded() as recorded:
        sr = net(lr, *conditions)
        sr.sum().backward()
    assert sr.dtype == torch.float64
    assert set(recorded.dtypes) == {torch.float64}, recorded.dtypes
    assert_gradients_like_the_parameters(net)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_half_precision_stays_half_precision(name, arguments):
    """On the meta device, which knows dtypes without computing: a float32 constant would make the output float32."""
    if name in WITH_FOURIER_TRANSFORMS:
        pytest.skip("torch transforms no bfloat16")
    net, lr, conditions = make(name, arguments, training=False)
    net.to("meta", torch.bfloat16)
    sr = net(*(tensor.to("meta", torch.bfloat16) for tensor in (lr, *conditions)))
    assert sr.dtype == torch.bfloat16


WITH_FOURIER_TRANSFORMS = {"usrnet"}

PARTS = {
    "esrgan": (lambda: ESRGANDiscriminator(size=128, width=2), [(2, 3, 128, 128)]),
    "ikc corrector": (lambda: IKCCorrector(width=4), [(2, 3, 16, 16), (2, 10)]),
    "ikc predictor": (lambda: IKCPredictor(width=4), [(2, 3, 16, 16)]),
    "kernelgan discriminator": (lambda: KernelGANDiscriminator(width=4), [(2, 3, 24, 24)]),
    "kernelgan generator": (lambda: KernelGANGenerator(width=4), [(2, 3, 32, 32)]),
    "srgan": (lambda: SRGANDiscriminator(width=2), [(2, 3, 96, 96)]),
}
"""Discriminators and parts of blind methods, which are in no registry, with the shapes of their inputs."""


@pytest.mark.parametrize("part", PARTS)
def test_discriminators_and_estimators_stay_where_they_are(part):
    build, shapes = PARTS[part]
    for device, dtype in (("meta", torch.float32), ("cpu", torch.float64)):
        module = build().to(device, dtype)
        out = module(*(torch.rand(shape, device=device, dtype=dtype) for shape in shapes))
        assert (out.device.type, out.dtype) == (device, dtype)
        out.sum().backward()
        assert_gradients_like_the_parameters(module)
