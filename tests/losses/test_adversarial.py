from math import exp, log

import pytest
import torch

from kukkiri.losses import ADVERSARIAL_LOSSES
from tests.tolerances import FLOAT64_MATHS

REAL, FAKE = torch.tensor([2.0, 0.0]).double(), torch.tensor([1.0, -3.0]).double()


def cross_entropy(logit, *, real):
    """-log of the probability that is right."""
    return log(1 + exp(-logit if real else logit))


def test_vanilla_is_the_cross_entropy():
    loss = ADVERSARIAL_LOSSES["vanilla"]
    right = [cross_entropy(2, real=True) + cross_entropy(0, real=True)]
    right += [cross_entropy(1, real=False) + cross_entropy(-3, real=False)]
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(sum(right) / 2, rel=FLOAT64_MATHS)
    fooled = (cross_entropy(1, real=True) + cross_entropy(-3, real=True)) / 2
    assert float(loss.generator(REAL, FAKE)) == pytest.approx(fooled, rel=FLOAT64_MATHS)


def test_relativistic_compares_with_the_mean_of_the_other_kind():
    """The means are 1 and -1: real logits are 3 and 1 above that of fakes, fakes 0 above and 4 below that of real."""
    loss = ADVERSARIAL_LOSSES["relativistic"]
    real = (cross_entropy(3, real=True) + cross_entropy(1, real=True)) / 2
    fake = (cross_entropy(0, real=False) + cross_entropy(-4, real=False)) / 2
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx((real + fake) / 2, rel=FLOAT64_MATHS)
    assert float(loss.generator(REAL, FAKE)) == pytest.approx(float(loss.discriminator(FAKE, REAL)), rel=FLOAT64_MATHS)
    assert loss.compares


def test_hinge_ends_at_a_margin_of_one():
    loss = ADVERSARIAL_LOSSES["hinge"]
    assert float(loss.discriminator(REAL, FAKE)) == (0 + 1) / 2 + (2 + 0) / 2
    assert float(loss.generator(REAL, FAKE)) == 1.0


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_a_discriminator_that_is_never_wrong_has_no_loss_and_maps_count_like_images(name):
    loss = ADVERSARIAL_LOSSES[name]
    assert float(loss.discriminator(REAL + 100, FAKE - 100)) == pytest.approx(0, abs=1e-12)
    maps = [loss.discriminator(REAL.view(1, 1, 1, 2), FAKE.view(1, 1, 1, 2)), loss.discriminator(REAL, FAKE)]
    assert maps[0] == maps[1]
    assert list(ADVERSARIAL_LOSSES) == sorted(ADVERSARIAL_LOSSES)
