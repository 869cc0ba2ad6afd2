import pytest
import torch
from torch.nn import functional

from kukkiri.networks import KernelGANDiscriminator, KernelGANGenerator
from tests.networks.parity import assert_full_size, assert_parity
from tests.tolerances import FLOAT64_FEW_OPERATIONS


@pytest.mark.parametrize(("name", "width"), [("kernelgan_g_c8", 8), ("kernelgan_g_full", 64)])
def test_parity_of_the_generator_and_its_kernel(golden, name, width):
    case = golden(name)
    net = KernelGANGenerator(width=width).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])
        assert_parity(net.kernel(), case["output.kernel"])


def test_parity_of_the_discriminator(golden):
    case = golden("kernelgan_d_c8")
    net = KernelGANDiscriminator(width=8).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(KernelGANGenerator(), golden_file, "KernelGAN-G")
        assert_full_size(KernelGANDiscriminator(), golden_file, "KernelGAN-D")


@pytest.mark.parametrize("scale", [2, 3])
def test_the_generator_is_a_strided_correlation_with_its_kernel(scale):
    net = KernelGANGenerator(scale=scale, width=4).double()
    image = torch.rand(2, 3, 22, 31).double()
    kernel = net.kernel()
    assert kernel.shape == (net.kernel_size, net.kernel_size) == (13, 13)
    expected = functional.conv2d(image.reshape(6, 1, 22, 31), kernel[None, None], stride=scale)
    assert (net(image) - expected.reshape(2, 3, *expected.shape[-2:])).abs().max() < FLOAT64_FEW_OPERATIONS


def test_training_finds_the_largest_singular_value():
    net = KernelGANDiscriminator(width=4).train()
    layer = net.first_layer
    largest = torch.linalg.svdvals(layer.weight_orig.flatten(1))[0]
    for _ in range(200):  # the power iteration moves one step in each forward
        net(torch.rand(2, 3, 9, 9))
    normalized = layer.weight_orig.flatten(1) / torch.dot(layer.weight_u, layer.weight_orig.flatten(1) @ layer.weight_v)
    assert torch.allclose(torch.linalg.svdvals(normalized)[0], torch.tensor(1.0), atol=1e-4)  # as far as 200 steps come
    assert largest > 0
