import numpy as np
import pytest
import torch

from kukkiri.attention import centre_crop, covariance_pool
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT64_FEW_OPERATIONS

CASES = ["mpncov_c8_it3", "mpncov_c12_it5", "mpncov_c16_it5_b3"]


def test_covariance_is_numpys_biased_one():
    features = torch.randn(3, 5, 4, 6, dtype=torch.float64)
    for sample, found in zip(features, covariance_pool(features), strict=True):
        expected = np.cov(sample.flatten(1).numpy(), bias=True)
        np.testing.assert_allclose(
            found.numpy(), expected, rtol=0, atol=FLOAT64_FEW_OPERATIONS
        )  # float64, 24 additions


def test_covariance_is_that_of_the_centring_matrix():
    x = torch.randn(1, 4, 5, 3, dtype=torch.float64)
    flat, m = x.flatten(2), 15
    centring = (torch.eye(m, dtype=torch.float64) - 1 / m) / m
    torch.testing.assert_close(covariance_pool(x), flat @ centring @ flat.mT, rtol=0, atol=FLOAT64_FEW_OPERATIONS)


def test_constant_features_do_not_vary():
    assert covariance_pool(torch.full((1, 3, 7, 2), 5.0)).abs().max() == 0


@pytest.mark.parametrize("case", CASES)
def test_covariance_and_its_gradient_are_the_official_ones(golden, case):
    vector = golden(case)
    x = vector["input"].clone().requires_grad_()
    found = covariance_pool(x)
    close(found, vector["output.cov"])
    (gradient,) = torch.autograd.grad(found, x, vector["input.grad_cov"])
    close(gradient, vector["grad.input_from_cov"])


def test_gradient_in_float64_is_that_of_finite_differences():
    assert torch.autograd.gradcheck(covariance_pool, torch.randn(2, 3, 4, 2, dtype=torch.float64, requires_grad=True))


def test_the_longest_thing_kept_for_the_backward_pass_is_the_features():
    sizes = []
    x = torch.randn(1, 4, 40, 50, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        covariance_pool(x)
    assert max(sizes) == x.numel()  # the centring matrix would be 2000 x 2000


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [((4, 6), (0, 4), (0, 6)), ((4, 9), (0, 4), (1, 7)), ((9, 8), (1, 7), (1, 7)), ((6, 5), (0, 6), (0, 5))],
)
def test_the_crop_is_the_centre_and_a_shorter_side_stays_whole(size, rows, columns):
    x = torch.arange(size[0] * size[1]).view(1, 1, *size)
    assert torch.equal(centre_crop(x, limit=6), x[:, :, slice(*rows), slice(*columns)])


@pytest.mark.filterwarnings("ignore")  # the exporter's, to its own developers
def test_an_exported_graph_crops_sizes_that_it_was_not_traced_with(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")

    class Crop(torch.nn.Module):
        def forward(self, x):
            return centre_crop(x, limit=6)

    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    options = {"dynamo": True, "input_names": ["x"], "dynamic_shapes": (sides,), "verbose": False}
    torch.onnx.export(Crop().eval(), (torch.rand(2, 2, 4, 5),), tmp_path / "crop.onnx", **options)
    session = onnxruntime.InferenceSession(tmp_path / "crop.onnx")
    for size in [(4, 5), (9, 5), (6, 17)]:
        x = torch.rand(1, 2, *size)
        assert np.array_equal(session.run(None, {"x": x.numpy()})[0], centre_crop(x, limit=6).numpy())


def close(found, expected):
    assert_parity(found, expected)
