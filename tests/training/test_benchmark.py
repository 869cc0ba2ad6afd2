"""``benchmarks/training.py``: what it counts, and the step of a GAN that it times."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from torch.nn import functional

from kukkiri.networks import SRGAN, Plain, SRGANDiscriminator
from kukkiri.training.setup import Part

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def recipe(**values):
    return SimpleNamespace(
        **{"channels_last": False, "precision": "float32", "scale": 4, "patch": 8, "batch": 2, **values}
    )


def test_operations_are_six_for_each_multiply_add(script):
    network = Plain(scale=2, width=16, depth=4)
    setup = SimpleNamespace(modules={"network": network})
    adds = sum(m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Conv2d)) * 32**2
    assert script["count_operations"](recipe(scale=2, patch=32), setup) == 6 * adds


def test_operations_of_a_gan_count_every_pass_through_the_discriminator(script):
    generator, discriminator = SRGAN(scale=4, width=4, depth=1), SRGANDiscriminator(variant="pooled", width=2)
    alone = script["count_operations"](recipe(), SimpleNamespace(modules={"network": generator}))
    both = {"network": generator, "discriminator": discriminator}
    counted = script["count_operations"](recipe(), SimpleNamespace(modules=both))
    # frozen, under the generator's loss: forward and the gradient of the image; updated: real and estimated patches
    adds, side = 0, 32
    for m in discriminator.net:
        if isinstance(m, torch.nn.AdaptiveAvgPool2d):
            side = 1
        if isinstance(m, torch.nn.Conv2d):
            side = -(-side // m.stride[0])
            adds += m.weight.numel() * side**2
    assert counted - alone == (2 * 2 + 2 * 6) * adds


def test_the_step_of_a_gan_gives_each_network_the_gradient_of_its_own_loss(script):
    torch.manual_seed(0)
    generator, discriminator = SRGAN(scale=4, width=4, depth=1), SRGANDiscriminator(variant="pooled", width=2)
    for module in (generator, discriminator):
        module.double().eval()  # so that normalization does not depend on the batch
    lr, hr = torch.rand(2, 3, 8, 8).double(), torch.rand(2, 3, 32, 32).double()
    script["adversarial_step"](recipe(), generator, discriminator, Part((lr, hr), 0.5))
    got = [parameter.grad.clone() for module in (generator, discriminator) for parameter in module.parameters()]

    sr = generator(lr)
    entropy = functional.binary_cross_entropy_with_logits
    real, fake = torch.ones(2).double(), torch.zeros(2).double()
    loss = functional.l1_loss(sr, hr) + 1e-3 * entropy(discriminator.logits(sr), real)
    wanted = list(torch.autograd.grad(0.5 * loss, list(generator.parameters())))
    error = entropy(discriminator.logits(hr), real) + entropy(discriminator.logits(sr.detach()), fake)
    wanted += torch.autograd.grad(0.5 * error, list(discriminator.parameters()))
    for ours, theirs in zip(got, wanted, strict=True):
        # the losses are computed in float32
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-8)


@pytest.mark.slow
def test_a_row_runs_the_loop_and_its_shares_are_a_whole(script, capsys):
    arguments = ["training.py", "--network", "plain-16x4", "--device", "cpu", "--precision", "float32"]
    with mock.patch.object(sys, "argv", [*arguments, "--steps", "3", "--batch", "2"]):
        assert script["main"]() == 0
    *_, row = capsys.readouterr().out.splitlines()
    name, batch, device, precision, rate, flops, *shares = row.strip("| ").split(" | ")
    assert (name, batch, device, precision) == ("plain-16x4", "2 x 32²", "cpu", "float32")
    adds = sum(m.weight.numel() for m in Plain(scale=2, width=16, depth=4).modules() if isinstance(m, torch.nn.Conv2d))
    assert float(flops) == pytest.approx(6 * 2 * adds * 32**2 * float(rate) / 1e12, rel=0.02)
    assert sum(float(share.rstrip("%")) for share in shares) == pytest.approx(100, abs=0.2)
    assert all(0 < float(share.rstrip("%")) < 100 for share in shares)
