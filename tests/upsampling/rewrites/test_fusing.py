import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kukkiri.upsampling import ResizeConv, SubPixelConv, TransposedConv
from kukkiri.upsampling.rewrites import FixedFilter, ParallelBranches, PhaseConv, PointwiseThenConv, optimize


class Tail(nn.Module):
    """Calls between layers, as in RRDBNet, and what a network says about itself."""

    scale = 4
    colour = "rgb"
    value_range = 1.0

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 64, 3, padding=1)
        self.up1 = nn.Conv2d(64, 64, 3, padding=1)
        self.up2 = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, lr):
        features = self.first(lr)
        features = F.leaky_relu(self.up1(F.interpolate(features, scale_factor=2.0, mode="nearest")), 0.2)
        return self.up2(F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False))


class Twisted(nn.Module):
    """Cannot be traced: its way depends on the size."""

    def __init__(self):
        super().__init__()
        self.head = nn.ConvTranspose2d(3, 1, 9, stride=3, padding=4, output_padding=2)

    def forward(self, lr):
        n, _, h, w = lr.shape
        return self.head(lr) if h > 2 else self.head(lr).reshape(n, 1, 3 * h, 3 * w)


def same(module, rewritten, channels=3, tolerance=1e-5):
    lr = torch.rand(2, channels, 7, 9)
    with torch.no_grad():
        expected = module.eval()(lr)
        torch.testing.assert_close(
            rewritten(lr), expected, atol=tolerance * max(1, float(expected.abs().max())), rtol=0
        )


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_calls_are_found_by_tracing_and_the_network_still_describes_itself(engine):
    torch.manual_seed(0)
    network = Tail()
    rewritten, done = optimize(network, engine=engine)
    assert done == [
        "up1: nearest x2 + convolution as sub-pixel convolution",
        "up2: bilinear x2 + convolution as sub-pixel convolution",
    ]
    assert (rewritten.scale, rewritten.colour, rewritten.value_range) == (4, "rgb", 1.0)
    same(network, rewritten)


def test_a_network_that_cannot_be_traced_still_has_its_layers_rewritten():
    network = Twisted()
    rewritten, done = optimize(network, engine="torch")
    assert done == ["head: transposed convolution x3 as sub-pixel convolution"]
    assert isinstance(rewritten, Twisted)
    assert isinstance(network.head, nn.ConvTranspose2d)  # the given module is not changed
    same(network, rewritten)


@pytest.mark.parametrize(
    ("kernel", "scale", "outputs", "faster_on"),
    [(4, 2, 3, {"torch"}), (9, 3, 1, {"torch"}), (4, 2, 32, set()), (6, 2, 32, {"onnxruntime"}), (3, 2, 3, set())],
)
def test_transposed_convolutions_are_rewritten_where_that_was_measured_faster(kernel, scale, outputs, faster_on):
    layer = TransposedConv(channels_in=3, channels_out=outputs, scale=scale, kernel_size=kernel)
    for engine in ("torch", "onnxruntime"):
        rewritten, done = optimize(nn.Sequential(layer, nn.ReLU()), engine=engine)
        assert bool(done) == (engine in faster_on)
        same(nn.Sequential(layer, nn.ReLU()), rewritten)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resize_convolution_to_colours_is_rewritten_and_to_few_features_is_not(mode):
    head = ResizeConv(channels_in=3, channels_out=3, scale=2, mode=mode)
    rewritten, done = optimize(head)
    assert done == [f"{mode} x2 + convolution as sub-pixel convolution"]
    same(head, rewritten)
    assert optimize(ResizeConv(channels_in=16, channels_out=16, scale=2, mode=mode))[1] == []


def test_upsample_layers_are_found_too():
    tail = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 3, padding=1))
    rewritten, done = optimize(tail)
    assert done == ["1: nearest x2 + convolution as sub-pixel convolution"]
    assert any(isinstance(module, PhaseConv) for module in rewritten.modules())
    same(tail, rewritten)


def test_convolutions_in_a_row_are_merged_only_if_that_saves_work():
    saves = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 3, 1), nn.ReLU())
    rewritten, done = optimize(saves)
    assert done == ["1: two convolutions as one"]
    same(saves, rewritten)
    costs = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 16, 3, padding=1))
    assert optimize(costs)[1] == []
    apart = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Tanh(), nn.Conv2d(64, 3, 1))
    assert optimize(apart)[1] == []


def test_parallel_branches_become_one_convolution():
    torch.manual_seed(0)
    block = ParallelBranches(
        [
            nn.Conv2d(3, 3, 3, padding=1),
            PointwiseThenConv(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 3, 3)),
            FixedFilter(3, name="laplacian"),
            nn.Identity(),
        ]
    )
    network = nn.Sequential(block, nn.ReLU())
    rewritten, done = optimize(network)
    assert done == ["0: 4 parallel branches as one convolution"]
    same(network, rewritten)


def test_what_is_fast_already_stays_as_it_is():
    layer = SubPixelConv(channels_in=3, channels_out=3, scale=2)
    for engine in ("torch", "onnxruntime"):
        rewritten, done = optimize(layer, engine=engine)
        assert done == []
        same(layer, rewritten, tolerance=0)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="unknown engine 'tpu'"):
        optimize(nn.ReLU(), engine="tpu")
