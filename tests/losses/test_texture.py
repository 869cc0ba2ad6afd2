import pytest
import torch

from kukkiri.losses import texture
from kukkiri.losses.texture import compute_gram_matrices
from tests.losses.vgg_files import make_identity_state


def test_a_gram_matrix_is_the_mean_product_of_two_features_in_a_patch():
    first = torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 9.0]])
    features = torch.stack([first, first + 1])[None]  # 2 x 3 places: one patch of 2 x 2, the last column is left out
    expected = torch.tensor([[14.0, 20.0], [20.0, 30.0]]) / 4
    assert torch.equal(compute_gram_matrices(features, patch=2), expected.view(1, 1, 1, 2, 2))
    singles = compute_gram_matrices(features, patch=1)
    assert singles.shape == (1, 2, 3, 2, 2)
    assert singles[0, 1, 0].tolist() == [[9, 12], [12, 16]]


def test_it_compares_patch_by_patch(tmp_path):
    """One feature, the red channel: a Gram matrix is the mean square of a patch. Swapping patches is seen, a flip of
    one is not."""
    torch.save(make_identity_state(16), tmp_path / "vgg16.pth")
    given = {
        "network": "vgg16",
        "weights": str(tmp_path / "vgg16.pth"),
        "layers": ("relu1_1",),
        "normalization": "none",
    }
    hr = torch.zeros(1, 3, 4, 8)
    hr[:, 0, :, :4] = 0.5
    hr[:, 0, 0, 0] = 0.0
    assert float(texture(hr.flip(2), hr, patch=4, **given)) == 0
    mean = 0.25 * 15 / 16  # of the left patch; the right one has 0
    assert float(texture(hr.flip(3), hr, patch=4, **given)) == pytest.approx(mean**2, rel=1e-6)
    assert float(texture(hr.flip(3), hr, patch=8, **given)) == pytest.approx(0, abs=1e-12)


def test_a_patch_is_in_pixels_of_the_image(tmp_path):
    """pool1 has half of the size: patches of 4 pixels are 2 places."""
    torch.save(make_identity_state(16), tmp_path / "vgg16.pth")
    given = {"network": "vgg16", "weights": str(tmp_path / "vgg16.pth"), "layers": ("pool1",), "normalization": "none"}
    hr = torch.zeros(1, 3, 4, 8)
    hr[:, 0, :2, :2] = 1.0
    sr = torch.zeros(1, 3, 4, 8)
    assert float(texture(sr, hr, patch=4, layer_weights=(3.0,), **given)) == pytest.approx(3 * (1 / 4) ** 2 / 2)
