import pytest
import torch
from networks.fcn import FCN

from kukkiri.upsampling import UPSAMPLERS
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.mark.parametrize("head", UPSAMPLERS)
def test_every_head_scores_every_pixel_and_passes_gradients_to_every_weight(head):
    torch.manual_seed(0)
    network = FCN(classes=5, widths=(4, 6), head=head)
    image = torch.rand(2, 3, 8, 12, requires_grad=True)
    scores = network(image)
    assert scores.shape == (2, 5, 8, 12)
    scores.square().sum().backward()
    assert float(image.grad.abs().sum()) > 0
    assert all(float(p.grad.abs().sum()) > 0 for name, p in network.named_parameters() if "bias" not in name)


def test_skips_add_the_encoder_s_features():
    torch.manual_seed(0)
    network = FCN(classes=2, widths=(4,), head="transposed", skips=True).eval()
    plain = FCN(classes=2, widths=(4,), head="transposed", skips=False).eval()
    plain.load_state_dict(network.state_dict())
    seen = []
    for decoder in (network, plain):
        decoder.decoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        with torch.no_grad():
            image = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))
            decoder(image)
    with torch.no_grad():
        torch.testing.assert_close(seen[0] - seen[1], network.encoder[0](image), atol=FLOAT32_SAME_MATHS, rtol=0)


def spread(head, initialization):
    """Largest difference between the phases of the finest upscaling on constant features."""
    torch.manual_seed(0)
    layer = FCN(widths=(4, 8), head=head, initialization=initialization).upscale[-1]
    with torch.no_grad():
        answer = layer(torch.ones(1, layer.channels_in, 12, 12))[0, :, 8:-8, 8:-8]
    return float((answer[:, :2, :2].amax(dim=(1, 2)) - answer[:, :2, :2].amin(dim=(1, 2))).max())


@pytest.mark.parametrize("head", ["transposed", "sub-pixel"])
def test_the_bilinear_initialization_shows_no_pattern_and_the_random_one_does(head):
    assert spread(head, "area") < FLOAT32_SAME_MATHS
    assert spread(head, "random") > 0.05


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="known: transposed"):
        FCN(head="magic")
    with pytest.raises(ValueError, match="at least one"):
        FCN(widths=())
