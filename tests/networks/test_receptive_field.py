import pytest
import torch
from torch import nn

from kukkiri.networks.blocks import StagedUpsampler, factor_scale
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers
from kukkiri.upsampling import UPSAMPLERS


def test_convolutions_add_their_radii():
    assert compute_receptive_field([Layer(9), Layer(1), Layer(5)]) == 4 + 0 + 2


def test_a_strided_convolution_reads_its_kernel():
    assert Layer(6, stride=2, padding=2).read_by(0, 0) == (-2, 3)
    assert Layer(6, stride=2, padding=2).read_by(5, 7) == (8, 17)


def test_a_transposed_convolution_is_read_where_its_taps_land():
    """Kernel 4, stride 2, padding 1: output 0 is tap 1 of input 0 and tap 3 of input -1; output 1 taps 2 and 0."""
    layer = Layer(4, stride=2, padding=1, transposed=True)
    assert layer.read_by(0, 0) == (-1, 0)
    assert layer.read_by(1, 1) == (0, 1)
    assert compute_receptive_field([layer]) == 1


def test_two_stages_of_sub_pixels_and_a_wide_last_layer():
    """The last 9x9 layer reads 4 HR pixels, 2 at x2, plus 1 for the convolution: 3; at x1 half of 3, plus 1: 3."""
    assert compute_receptive_field([*list_upscaling_layers([2, 2]), Layer(9)]) == 3


def test_going_there_and_back_keeps_the_scale_of_one():
    there, back = Layer(6, stride=2, padding=2, transposed=True), Layer(6, stride=2, padding=2)
    assert compute_receptive_field([there, back]) == 2


@pytest.mark.parametrize("upsampling", UPSAMPLERS)
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_receptive_field_of_every_upsampler_is_measured(upsampling, scale):
    net = nn.Sequential(StagedUpsampler(1, scale=scale, upsampling=upsampling), nn.Conv2d(1, 1, 3, padding=1)).double()
    for parameter in net.parameters():
        nn.init.uniform_(parameter, 0.1, 1)  # nothing cancels
    lr = torch.rand(1, 1, 13, 13, dtype=torch.float64, requires_grad=True)
    sr = net(lr)
    radius = 0
    for phase in range(scale):
        (gradient,) = torch.autograd.grad(sr[0, 0, 6 * scale + phase, 6 * scale + phase], lr, retain_graph=True)
        rows = gradient[0, 0].abs().amax(dim=1).nonzero().flatten()
        radius = max(radius, 6 - int(rows.min()), int(rows.max()) - 6)
    layers = [*list_upscaling_layers(factor_scale(scale), upsampling=upsampling), Layer(3)]
    assert radius == compute_receptive_field(layers)
