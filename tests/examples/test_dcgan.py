import numpy as np
import pytest
import torch
from networks.dcgan import DCGANGenerator

from kukkiri.metrics.checkerboard import checkerboard
from kukkiri.upsampling import UPSAMPLERS


@pytest.mark.parametrize("head", UPSAMPLERS)
def test_every_head_makes_an_image_and_passes_gradients_to_every_weight(head):
    torch.manual_seed(0)
    generator = DCGANGenerator(latent=6, widths=(8, 6), head=head)
    code = torch.randn(3, 6, requires_grad=True)
    image = generator(code)
    assert image.shape == (3, 3, 16, 16)
    assert float(image.detach().abs().max()) < 1.0
    image.square().sum().backward()
    assert float(code.grad.abs().sum()) > 0
    assert all(float(p.grad.abs().sum()) > 0 for name, p in generator.named_parameters() if "bias" not in name)


def test_the_paper_s_generator_has_its_number_of_parameters():
    generator = DCGANGenerator()
    layers = [100 * 512 * 16, 512 * 256 * 16 + 256, 256 * 128 * 16 + 128, 128 * 64 * 16 + 64, 64 * 3 * 16 + 3]
    norms = 2 * (512 + 256 + 128 + 64)
    assert sum(p.numel() for p in generator.parameters()) == sum(layers) + norms
    assert generator(torch.zeros(2, 100)).shape == (2, 3, 64, 64)


def pattern(head, initialization):
    torch.manual_seed(0)
    generator = DCGANGenerator(latent=32, widths=(64, 32, 16, 8), head=head, initialization=initialization).eval()
    with torch.no_grad():
        images = generator(torch.randn(8, 32)).numpy().transpose(0, 2, 3, 1)
    images = 0.5 + 0.1 * images / np.abs(images).std()  # at initialization they are almost flat
    return np.mean([checkerboard(image, scale=2).score for image in images])


def test_transposed_convolutions_show_a_checkerboard_at_initialization_and_the_remedies_less():
    shown = pattern("transposed", "random")
    assert pattern("transposed", "nearest") < shown - 3
    assert pattern("resize-nearest", "random") < shown - 3


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="unknown head"):
        DCGANGenerator(head="magic")
    with pytest.raises(ValueError, match="at least one"):
        DCGANGenerator(widths=())
