"""The interface of a discriminator, kept by every entry of DISCRIMINATORS, and what is particular to three of them."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

from kukkiri.networks import DISCRIMINATORS, EnhanceNetDiscriminator, PatchDiscriminator, UNetDiscriminator
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS

TINY = {
    "enhancenet": {"width": 2, "size": 32},
    "esrgan": {"width": 2},
    "patch": {"width": 2},
    "srgan": {"width": 2, "variant": "pooled"},
    "unet": {"width": 2},
}
SIDES = {"enhancenet": 32, "esrgan": 128}


def test_the_names_are_sorted_and_all_are_described():
    assert list(DISCRIMINATORS) == sorted(DISCRIMINATORS) == sorted(TINY)
    for kind in DISCRIMINATORS.values():
        assert all((kind.title, kind.paper, kind.keys_source, kind.licence))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_logits_have_gradients_to_the_image_and_to_every_weight(name, channels):
    net = DISCRIMINATORS[name](channels=channels, **TINY[name])
    images = torch.rand(2, channels, SIDES.get(name, 32), SIDES.get(name, 32)).requires_grad_()
    logits = net.logits(images)
    assert len(logits) == 2
    logits.square().sum().backward()
    assert images.grad.abs().sum() > 0
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key


@pytest.mark.parametrize(
    ("kind", "arguments", "count"),
    [
        (UNetDiscriminator, {}, 4_376_897),
        (PatchDiscriminator, {}, 2_765_633),
        (PatchDiscriminator, {"channels": 6}, 2_768_705),  # of pix2pix, which gives it two images
        (EnhanceNetDiscriminator, {}, 13_102_881),
    ],
)
def test_parameter_counts(kind, arguments, count):
    with torch.device("meta"):
        assert parameter_count(kind(**arguments)) == count


def test_enhancenets_layers_are_those_of_its_table():
    widths = (3, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512)
    convolutions = sum((9 * a + 1) * b for a, b in pairwise(widths))
    assert convolutions + (512 * 4 * 4 + 1) * 1024 + 1025 == 13_102_881
    with pytest.raises(ValueError, match="expected 128 x 128 pixels"):
        EnhanceNetDiscriminator(width=1)(torch.rand(1, 3, 96, 96))


@pytest.mark.parametrize(("depth", "side"), [(1, 16), (3, 70)])
def test_a_logit_of_patchgan_sees_a_patch(depth, side):
    net = PatchDiscriminator(width=2, depth=depth).eval().double()
    image = torch.rand(1, 3, 128, 128).double().requires_grad_()
    logits = net(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = image.grad.abs().amax(dim=(0, 1, 3)).gt(0).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == side


def test_patchgan_refuses_less_than_one_logit():
    assert PatchDiscriminator(width=2).eval()(torch.rand(1, 3, 24, 24)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="at least 24 pixels a side"):
        PatchDiscriminator(width=2)(torch.rand(1, 3, 23, 30))


class Reference(nn.Module):
    """The U-Net out of torch's convolutions and its spectral normalization."""

    def __init__(self, width):
        super().__init__()
        self.conv0 = nn.Conv2d(3, width, 3, 1, 1)
        plan = {
            1: (1, 2, 4),
            2: (2, 4, 4),
            3: (4, 8, 4),
            4: (8, 4, 3),
            5: (4, 2, 3),
            6: (2, 1, 3),
            7: (1, 1, 3),
            8: (1, 1, 3),
        }
        for i, (a, b, side) in plan.items():
            layer = nn.Conv2d(width * a, width * b, side, 2 if side == 4 else 1, 1, bias=False)
            self.add_module(f"conv{i}", spectral_norm(layer))
        self.conv9 = nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, x):
        def layer(i, x):
            return functional.leaky_relu(self.get_submodule(f"conv{i}")(x), 0.2)

        x0 = layer(0, x)
        x1 = layer(1, x0)
        x2 = layer(2, x1)
        x3 = layer(3, x2)
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        x4 = layer(4, up(x3)) + x2
        x5 = layer(5, up(x4)) + x1
        x6 = layer(6, up(x5)) + x0
        return self.conv9(layer(8, layer(7, x6)))


@pytest.mark.filterwarnings("ignore:.*spectral_norm.*:FutureWarning")
def test_the_u_net_is_that_of_torchs_spectral_normalization():
    """Same keys, the same logits in training (one step of the power iteration) and evaluation, the same gradients."""
    torch.manual_seed(0)
    reference, net = Reference(3), UNetDiscriminator(width=3)
    net.load_state_dict(reference.state_dict())
    image = torch.rand(2, 3, 16, 24)
    for training in (True, True, False):
        reference.train(training)
        net.train(training)
        expected, found = reference(image).detach(), net(image).detach()
        torch.testing.assert_close(
            found, expected, rtol=0, atol=FLOAT32_SAME_MATHS * max(1.0, float(expected.abs().max()))
        )
    for key, buffer in reference.named_buffers():
        torch.testing.assert_close(net.get_buffer(key), buffer, rtol=0, atol=1e-5)
    reference.train()(image).sum().backward()
    net.train()(image).sum().backward()
    for key, parameter in reference.named_parameters():
        torch.testing.assert_close(net.get_parameter(key).grad, parameter.grad, rtol=1e-3, atol=1e-4)


def test_the_u_net_needs_sides_that_halve_three_times():
    with pytest.raises(ValueError, match=r"multiples of 8, got \(12, 16\)"):
        UNetDiscriminator(width=1)(torch.rand(1, 3, 12, 16))
