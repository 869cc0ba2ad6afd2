import pytest
import torch
from networks.segnet import SegNet


def test_every_pixel_is_scored_and_gradients_reach_every_weight():
    torch.manual_seed(0)
    network = SegNet(classes=5, widths=(4, 6))
    image = torch.rand(2, 3, 8, 12, requires_grad=True)
    scores = network(image)
    assert scores.shape == (2, 5, 8, 12)
    scores.square().sum().backward()
    assert float(image.grad.abs().sum()) > 0
    assert all(float(p.grad.abs().sum()) > 0 for name, p in network.named_parameters() if "bias" not in name)


def test_the_decoder_sees_the_maxima_where_the_encoder_found_them():
    torch.manual_seed(0)
    network = SegNet(classes=1, channels=1, widths=(1,)).eval()
    seen = []
    network.decoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = torch.rand(1, 1, 6, 6)
    with torch.no_grad():
        network(image)
        full = network.encoder[0](image)
    pooled = torch.nn.functional.max_pool2d(full, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(seen[0], torch.where(full == pooled, full, 0.0), atol=0, rtol=0)


def test_each_stage_is_unpooled_with_its_own_places():
    torch.manual_seed(0)
    network = SegNet(classes=2, widths=(4, 6)).eval()
    shapes = []
    for decode in network.decoder:
        decode.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        network(torch.rand(1, 3, 8, 8))
    assert shapes == [(1, 6, 4, 4), (1, 4, 8, 8)]


def test_no_widths_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        SegNet(widths=())
