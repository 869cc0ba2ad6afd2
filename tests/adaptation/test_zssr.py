from dataclasses import replace

import numpy as np
import pytest
import torch

from kukkiri.adaptation import fit, settings_for
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.adaptation.zssr import find_detailed_region, gradual_factors, make_input
from kukkiri.degradations import Degradation, gaussian_kernel
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT32_NETWORK, FLOAT32_SAME_MATHS


@pytest.fixture
def colour(self_similar):
    return self_similar[20:68, 20:60].astype(np.float32) / 255


def same(first, second):
    states = first.network.state_dict(), second.network.state_dict()
    return all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_the_input_is_the_hr_crop_downscaled_by_the_kernel_and_upscaled(rng):
    hr = rng.random((12, 18, 3)).astype(np.float32)
    kernel = gaussian_kernel(2.0, 1.0, 0.4, size=7)
    degradation = Degradation.from_kernel(kernel, method="direct")
    padded = np.pad(hr, ((3, 3), (3, 3), (0, 0)), mode="symmetric")
    lr = np.zeros((6, 9, 3))
    for row, column in np.ndindex(6, 9):
        window = padded[2 * row : 2 * row + 7, 2 * column : 2 * column + 7]
        lr[row, column] = (kernel[..., None] * window).sum(axis=(0, 1))
    tensor = torch.from_numpy(hr.transpose(2, 0, 1))[None]
    found = make_input(tensor, degradation=degradation, factors=(2.0, 2.0))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, resize(lr, output_size=(12, 18)), atol=FLOAT32_AGAINST_FLOAT64)


def test_noise_of_the_given_strength_is_on_the_downscaled_copy():
    grey = torch.full((1, 3, 200, 200), 0.5)
    rng = np.random.default_rng(0)
    plain = Degradation.parse("bicubic")
    clean = make_input(grey, degradation=plain, factors=(2.0, 2.0), noise_std=0.0, rng=rng)
    torch.testing.assert_close(clean, grey, atol=FLOAT32_SAME_MATHS, rtol=0)
    noisy = make_input(grey, degradation=plain, factors=(2.0, 2.0), noise_std=0.05, rng=rng)
    upscaled = resize(rng.standard_normal((400, 400)), output_size=(800, 800))
    assert float((noisy - grey).std()) == pytest.approx(0.05 * upscaled.std(), rel=0.03)


def test_fractional_factors_downscale_each_axis_by_its_own():
    ramp = torch.linspace(0, 1, 60).expand(1, 3, 24, 60)
    found = make_input(ramp, degradation=Degradation.parse("bicubic"), factors=(1.0, 1.5))
    lr = resize(ramp[0].permute(1, 2, 0).numpy(), output_size=(24, 40))
    np.testing.assert_allclose(
        found[0].permute(1, 2, 0).numpy(), resize(lr, output_size=(24, 60)), atol=FLOAT32_NETWORK
    )


def test_the_gradual_factors_are_the_authors_for_scale_2():
    assert gradual_factors(2) == ((1, 1.5), (1.5, 1), (1.5, 1.5), (1.5, 2), (2, 1.5), (2, 2))


def test_the_presets_are_the_authors():
    bicubic, given = settings_for(Degradation.parse("bicubic")), settings_for(Degradation.parse("gaussian:2.0+direct"))
    real = settings_for(Degradation.parse("bicubic"), noise_std=0.0125)
    assert (bicubic.steps, bicubic.crop, bicubic.ensemble, bicubic.projections) == (3000, 128, True, 10)
    assert (given.ensemble, given.projections, given.augmentation.rotate) == (False, 2, False)
    assert (real.projections, real.augmentation.smallest, real.augmentation.shear) == (0, 0.75, 0.0)


def test_the_detailed_region_is_where_the_contrast_is():
    colour = np.full((60, 50, 3), 0.5, dtype=np.float32)
    colour[30:40:2, 20:30] = 1.0
    rows, columns = find_detailed_region(colour, side=16, multiple=3)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (15, 15)
    assert rows.start <= 29  # contrast is assigned to the row above each edge, from row 29 to the one between 38 and 39
    assert rows.stop >= 39
    assert columns.start <= 20
    assert columns.stop >= 30
    assert find_detailed_region(colour, side=64) == (slice(0, 60), slice(0, 50))


def test_the_same_seed_gives_the_same_network_and_another_one_another(colour, quick):
    arguments = {"scale": 2, "degradation": Degradation.parse("bicubic")}
    state = torch.get_rng_state()
    first, second = (fit(colour, settings=replace(quick, steps=60, seed=3), **arguments) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    other = fit(colour, settings=replace(quick, steps=60, seed=4), **arguments)
    assert same(first, second)
    assert not same(first, other)
    assert (first.steps, first.stopped) == (60, "steps")


def test_only_the_layers_compute_in_bfloat16(colour, quick):
    """The result is nearly as good; the error and the weights are float32."""
    arguments = {"scale": 2, "degradation": Degradation.parse("gaussian:1.0+direct")}
    whole = fit(colour, settings=quick, **arguments)
    halved = fit(colour, settings=replace(quick, precision="bfloat16"), **arguments)
    assert not same(whole, halved)
    assert {value.dtype for value in halved.network.state_dict().values()} == {torch.float32}
    assert halved.initial_psnr == whole.initial_psnr
    assert halved.psnr == pytest.approx(whole.psnr, abs=0.3)
    assert min(halved.psnr, whole.psnr) > whole.initial_psnr + 1


def test_progress_is_reported_every_50_steps(colour, quick):
    lines = []
    fitted = fit(
        colour,
        scale=2,
        degradation=Degradation.parse("gaussian:1.0+direct"),
        settings=replace(quick, steps=120),
        progress=lines.append,
    )
    assert [line.step for line in lines] == [50, 100, 120]
    assert {line.learning_rate for line in lines} == {1e-3}
    assert lines[-1].loss < lines[0].loss
    assert fitted.psnr == pytest.approx(max(line.psnr for line in lines))
    assert fitted.psnr > fitted.initial_psnr


class RisingRate(LearningRateRule):
    """A learning rate that destroys the network after the first 50 steps."""

    def update(self, step):
        return 1e-3 if step < 50 else 1.0


def test_the_best_network_is_kept_and_not_the_last(colour, quick, monkeypatch):
    arguments = {"scale": 2, "degradation": Degradation.parse("gaussian:1.0+direct")}
    best = fit(colour, settings=replace(quick, steps=50), **arguments)
    monkeypatch.setattr("kukkiri.adaptation.zssr.LearningRateRule", RisingRate)
    lines = []
    fitted = fit(colour, settings=replace(quick, steps=100), progress=lines.append, **arguments)
    assert lines[1].psnr < lines[0].psnr - 0.5  # dB; the last network is worse
    assert fitted.steps == 100
    assert fitted.psnr == lines[0].psnr == best.psnr
    assert same(fitted, best)


def test_an_interruption_returns_the_best_network_so_far(colour, quick):
    arguments = {"scale": 2, "degradation": Degradation.parse("bicubic")}

    def interrupt(line):
        if line.step == 100:
            raise KeyboardInterrupt

    stopped = fit(colour, settings=replace(quick, steps=1000), progress=interrupt, **arguments)
    whole = fit(colour, settings=quick, **arguments)
    assert (stopped.stopped, stopped.steps) == ("interrupted", 100)
    assert same(stopped, whole)


def test_a_budget_ends_training(colour, quick):
    settings = replace(quick, steps=10**6, budget=0.3)
    fitted = fit(colour, scale=2, degradation=Degradation.parse("bicubic"), settings=settings)
    assert fitted.stopped == "budget"
    assert 0.3 <= fitted.seconds < 5


def test_gradual_training_has_six_factors(colour, quick):
    settings = replace(quick, steps=10, gradual=True)
    lines = []
    fitted = fit(colour, scale=2, degradation=Degradation.parse("bicubic"), settings=settings, progress=lines.append)
    assert fitted.steps == 60
    assert [line.step for line in lines] == [10, 20, 30, 40, 50, 60]
    assert {line.steps for line in lines} == {60}


def test_gradual_training_takes_a_kernel_that_is_given(colour, quick):
    settings = replace(quick, steps=2, gradual=True, ensemble=False, projections=2)
    degradation = Degradation.parse("gaussian:2.0+direct:aligned")
    fitted = fit(colour, scale=2, degradation=degradation, settings=settings)
    assert (fitted.steps, fitted.stopped) == (12, "steps")
    assert fitted.psnr > fitted.initial_psnr
