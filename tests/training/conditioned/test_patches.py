import numpy as np
import pytest
import torch

from kukkiri.degradations import compute_condition, gaussian_kernel, kernel_covariance, pack_basis, unpack_basis
from kukkiri.degradations.torch_twins import blur_downsample_tensor
from kukkiri.errors import ConfigError
from kukkiri.info import Condition
from kukkiri.networks import SRMD, ModulatedPlain, USRNet
from kukkiri.networks.usrnet import kernel_spectrum
from kukkiri.training import ConditionedRecipe
from kukkiri.training.conditioned.drawing import Drawn, draw_degradations, fit_basis
from kukkiri.training.conditioned.forms import check_network, complete_condition, make_conditions
from kukkiri.training.conditioned.patches import make_patches, plan_crop
from kukkiri.training.conditioned.validation import FixedDegradation
from kukkiri.training.processes import World
from tests.tolerances import FLOAT32_SAME_MATHS

_HUNDREDTHS = 0.03  # of a pixel, by which a stretched cubic kernel that is normalized misses a ramp at other scales


def recipe(**changes):
    return ConditionedRecipe(**{"name": "a", "network": "srmd", "scale": 2, "arguments": {"maps": 16}, **changes})


def test_the_degradations_of_an_update_depend_on_its_number_only():
    made = recipe(noise_levels=(5.0, 25.0), noise_free=0.5, scales=(2.0, 3.0), variances=(0.5, 2.0))
    first, again = (draw_degradations(made, step=7, batch=200) for _ in range(2))
    assert first.scale == again.scale
    assert np.array_equal(first.kernels, again.kernels)
    assert np.array_equal(first.noise_std, again.noise_std)
    assert not np.array_equal(first.kernels, draw_degradations(made, step=8, batch=200).kernels)
    assert abs(np.mean(first.noise_std == 0) - 0.5) < 0.15
    noisy = 255 * first.noise_std[first.noise_std > 0]
    assert 5 <= noisy.min() < 7
    assert 23 < noisy.max() <= 25
    trace = np.array([sum(kernel_covariance(kernel)[:2]) for kernel in first.kernels])
    assert trace.min() > 0.9
    assert 3 < trace.max() < 4
    part = first.part(1, 3)
    assert np.array_equal(part.kernels, first.kernels[1::3])
    assert len(part.noise_std) == 67


def test_kinds_of_kernels_have_their_shares():
    made = recipe(kernels={"none": 1.0, "isotropic": 3.0}, variances=(1.0, 4.0))
    kernels = draw_degradations(made, step=0, batch=200).kernels
    deltas = [kernel for kernel in kernels if kernel[7, 7] == 1]
    assert abs(len(deltas) / 200 - 0.25) < 0.1
    round_ones = [kernel for kernel in kernels if kernel[7, 7] < 1]
    assert np.allclose([kernel - kernel.T for kernel in round_ones], 0, atol=1e-12)


def test_shifted_kernels_lie_on_the_grids_of_their_scales():
    made = recipe(kernels={"isotropic": 1.0}, variances=(1.0, 1.0), scales=(2.0, 3.0), shifted=True)
    kernels = draw_degradations(made, step=0, batch=40).kernels
    found = {round(float(kernel.sum(axis=1) @ np.arange(15)) - 7, 3) for kernel in kernels}
    assert found == {0.5, 1.0}


def test_the_maps_of_a_kernel_are_its_projections_and_the_noise():
    """A basis of single pixels reads the kernel's own weights."""
    basis = np.zeros((15, 15, 15))
    for number in range(15):
        basis[number, 7, number] = 1.0
    condition = Condition(kind="components", length=16, noise=True, subsample="bicubic", basis=pack_basis(basis))
    kernel = gaussian_kernel(3.0, 1.0, 0.4, size=15)
    drawn = Drawn(2.0, kernel[None], np.array([0.1]))
    (maps,) = make_conditions(SRMD(maps=16, width=2, depth=2), drawn, condition=condition)
    assert maps[0].numpy() == pytest.approx([*kernel[7], 0.1], abs=1e-5)  # a centred kernel is splined in place


def test_a_kernel_is_given_as_the_convolution_that_made_the_image():
    torch.manual_seed(0)
    kernel = np.random.default_rng(0).random((5, 5))
    drawn = Drawn(1.0, (kernel / kernel.sum())[None], np.array([0.2]))
    network = USRNet(iterations=1, hidden=2, widths=[2, 2, 2, 2], depth=1)
    given, noise_std = make_conditions(network, drawn, condition=None)
    hr = torch.rand(1, 3, 12, 10)
    lr = blur_downsample_tensor(hr, torch.from_numpy(drawn.kernels).float(), scale=1, border="wrap")
    by_spectrum = torch.fft.ifft2(torch.fft.fft2(hr) * kernel_spectrum(given, (12, 10))).real
    torch.testing.assert_close(by_spectrum, lr, rtol=0, atol=10 * FLOAT32_SAME_MATHS)
    assert noise_std.tolist() == pytest.approx([0.2])


def test_the_vector_is_that_of_an_image_that_is_upscaled():
    made = recipe(network="modulatedplain", arguments={}, subsample="direct", noise_levels=(0.0, 25.0))
    network = ModulatedPlain()
    drawn = draw_degradations(made, step=0, batch=3)
    condition = complete_condition(network, made)
    (given,) = make_conditions(network, drawn, condition=condition)
    for row, kernel, std in zip(given.numpy(), drawn.kernels, drawn.noise_std, strict=True):
        expected = compute_condition(network.describe_condition(), kernel, scale=2, noise_std=std)
        assert np.array_equal(row, expected)


def test_the_components_of_the_kernels_are_saved_with_the_condition():
    made = recipe(basis_kernels=200)
    condition = complete_condition(SRMD(maps=16, width=2, depth=2), made)
    fitted = fit_basis(made, count=15)
    assert fitted.energy > 0.99
    assert unpack_basis(condition) == pytest.approx(fitted.components, abs=1e-6)
    assert fit_basis(recipe(basis_kernels=200, seed=5), count=15).components == pytest.approx(fitted.components)


@pytest.mark.parametrize(
    ("scale", "patch", "changes", "expected"),
    [
        (2.0, 32, {}, (2 * (32 + 2 * 7), 7, 14, 32, 64)),  # 4 LR pixels of a kernel of 15, 3 of the bicubic one
        (2.0, 32, {"border": "wrap"}, (64, 0, 0, 32, 64)),
        (2.7, 16, {"kernels": {"none": 1.0}}, (98, 10, 27, 16, 43)),  # 2.7 * 36 = 97.2
        (3.0, 1, {"hr_patch": 20, "border": "wrap"}, (18, 0, 0, 6, 18)),
    ],
)
def test_crops_have_a_margin_of_whole_pixels_in_both_images(scale, patch, changes, expected):
    made = plan_crop(recipe(**changes), scale=scale, patch=patch)
    assert (made.side, made.lr_margin, made.hr_margin, made.lr_patch, made.hr_patch) == expected


@pytest.mark.parametrize("scale", [2.0, 2.7, 1.1])
def test_patches_of_a_ramp_lie_on_one_another(scale):
    """LR pixel i is the mean of the ramp around (i + 1/2) scale - 1/2, from where the HR patch begins."""
    made = recipe(
        network="metaplain", kernels={"none": 1.0}, scales=(scale,), patch=12, batch=1, rounding="none", hr_patch=0
    )

    def ramp(step, side, batch):
        return (torch.arange(side, dtype=torch.float32) / 256).expand(batch, 3, side, side)

    patches = make_patches(made, ramp, step=0, world=World())
    positions = (torch.arange(12) + 0.5) * scale - 0.5
    expected = patches.hr[0, 0, 0, 0] + positions / 256
    torch.testing.assert_close(patches.lr[0, 1, 5], expected, rtol=0, atol=_HUNDREDTHS / 256)
    assert patches.hr.shape[-1] == int(scale * 12)


def test_noise_and_rounding_are_those_of_the_recipe():
    def grey(step, side, batch):
        return torch.full((batch, 3, side, side), 0.4)

    made = recipe(noise_levels=(25.0, 25.0), rounding="after", patch=64, batch=2)
    lr = make_patches(made, grey, step=3, world=World()).lr
    assert lr.std().item() == pytest.approx(25 / 255, rel=0.03)
    assert torch.equal(lr, torch.round(lr * 255) / 255)
    before = make_patches(recipe(patch=8, batch=2), grey, step=3, world=World()).lr
    assert torch.allclose(before, torch.tensor(102 / 255))
    for rank in range(2):  # every patch has noise of its own, whichever process makes it
        part = make_patches(made, lambda s, d, n: grey(s, d, 1), step=3, world=World(rank=rank, size=2)).lr
        assert torch.equal(part[0], lr[rank])


def test_a_validation_degradation_is_read_in_its_parts():
    found = FixedDegradation.parse("gaussian:2.0+bicubic+noise:0.05", subsample="bicubic", scale=2)
    assert kernel_covariance(found.kernel) == pytest.approx((2, 2, 0), abs=0.01)
    assert found.noise_std == 0.05
    assert FixedDegradation.parse("bicubic", subsample="bicubic", scale=2).kernel.tolist() == [[1.0]]
    for wrong in ("gaussian:2.0+direct", "bicubic+jpeg:50", "bicubic+noise:0.1,grey"):
        with pytest.raises(ConfigError, match="is not blurs, then bicubic subsampling, then perhaps noise"):
            FixedDegradation.parse(wrong, subsample="bicubic", scale=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernels": {"gausian": 1.0}}, "unknown kind in kernels 'gausian'"),
        ({"kernels": {"gaussian": 0.0}}, "at least one above it"),
        ({"kernel_size": 14}, "kernel_size must be odd"),
        ({"variances": (2.0, 1.0)}, "variances must be two positive numbers in ascending order"),
        ({"noise_levels": (30.0, 10.0)}, "noise_levels must be two levels in ascending order"),
        ({"noise_free": 1.5}, "noise_free must be in"),
        ({"scales": (0.5,)}, "scales must be 1 to 16"),
        ({"hr_patch": 1}, "hr_patch must be 0 or at least the largest scale"),
        ({"degradation": "bd"}, "degradation: not supported by conditioned training"),
        ({"centre": 0.4}, "centre: not supported by conditioned training"),
        ({"border": "circular"}, "unknown border 'circular'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_in_one_line(changes, message):
    with pytest.raises(ConfigError, match=message) as caught:
        recipe(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        (SRMD(maps=15, width=2, depth=2), {"noise_levels": (0.0, 5.0)}, "is not conditioned on noise"),
        (SRMD(maps=16, width=2, depth=2), {"subsample": "direct"}, "describes bicubic subsampling"),
        (SRMD(maps=9, width=2, depth=2), {}, "does not describe its maps"),
        (SRMD(maps=16, width=2, depth=2), {"scales": (2.0, 3.0)}, "upscales by 2 only"),
    ],
)
def test_a_network_that_cannot_be_told_is_refused(network, changes, message):
    with pytest.raises(ConfigError, match=message):
        check_network(network, recipe(**changes))
