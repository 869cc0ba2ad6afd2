"""Sums of losses: values, graphs, shares of the run, needs, and every refusal."""

import json
import math
import pickle
import tomllib

import pytest
import torch
from torch import func, nn

from kukkiri.errors import ConfigError
from kukkiri.losses import LOSSES, CompositeLoss, charbonnier, l1, mse, parse_loss
from tests.tolerances import FLOAT64_MATHS

SR = torch.tensor([[[[1.0, -3.0]]]], dtype=torch.float64)
HR = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
"""L1 is 2 and the squared error 5."""


@pytest.fixture
def register():
    """Enter losses for the time of one test."""
    before = dict(LOSSES)
    yield LOSSES.update
    LOSSES.clear()
    LOSSES.update(before)


def graph(value):
    """The names of the operations of a tensor's graph."""
    names, waiting = [], [value.grad_fn]
    while waiting:
        node = waiting.pop()
        names.append(node.name())
        waiting += [following for following, _ in node.next_functions if following is not None]
    return names


@pytest.mark.parametrize("value", ["l1", {"l1": 1}, {"l1": 1.0}, {"l1": {}}, {"l1": 1, "mse": 0.0}])
def test_a_single_term_of_weight_1_is_the_loss_itself(value):
    sr = SR.clone().requires_grad_()
    total, parts = parse_loss(value)(sr, HR)
    assert torch.equal(total, l1(sr, HR))
    assert graph(total) == graph(l1(sr, HR))
    assert list(parts) == ["l1"]


def test_a_single_term_of_weight_1_returns_the_very_tensor(register):
    results = []
    register({"kept": lambda sr, hr: results.append((sr - hr).sum()) or results[-1]})
    total, _ = parse_loss("kept")(SR, HR)
    assert total is results[0]


def test_the_total_is_the_weighted_sum_and_the_parts_are_without_weights():
    sr = SR.clone().requires_grad_()
    total, parts = parse_loss({"l1": 0.5, "mse": 0.1})(sr, HR)
    assert total.item() == pytest.approx(0.5 * 2 + 0.1 * 5, abs=FLOAT64_MATHS)
    assert {name: float(part) for name, part in parts.items()} == {"l1": 2.0, "mse": 5.0}
    assert not any(part.requires_grad for part in parts.values())
    total.backward()
    # d l1 = sign / 2, d mse = 2 error / 2
    assert sr.grad.flatten().tolist() == pytest.approx([0.5 * 0.5 + 0.1, -0.5 * 0.5 - 0.3], abs=FLOAT64_MATHS)


def test_terms_are_active_from_their_first_share_until_before_their_last_and_1_includes_the_end():
    loss = parse_loss({"l1": {"until": 0.5}, "mse": {"from": 0.25, "until": 1.0, "weight": 2}})
    active = {share: set(loss(SR, HR, progress=share)[1]) for share in (0.0, 0.2499, 0.25, 0.4999, 0.5, 0.99, 1.0)}
    assert active == {
        0.0: {"l1"},
        0.2499: {"l1"},
        0.25: {"l1", "mse"},
        0.4999: {"l1", "mse"},
        0.5: {"mse"},
        0.99: {"mse"},
        1.0: {"mse"},
    }
    assert float(loss(SR, HR, progress=0.3)[0]) == 2 + 2 * 5
    assert float(loss(SR, HR, progress=0.75)[0]) == 2 * 5


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
def test_progress_outside_the_run_is_refused(progress):
    with pytest.raises(ValueError, match=r"progress must be in \[0, 1\]"):
        parse_loss("l1")(SR, HR, progress=progress)


def test_arguments_of_a_loss_are_set_in_its_table():
    total, _ = parse_loss({"charbonnier": {"epsilon": 0.75, "weight": 2.0}})(SR * 0 + 1.0, HR)
    assert float(total) == pytest.approx(2 * 1.25, abs=FLOAT64_MATHS)  # 3, 4, 5
    (term,) = parse_loss("charbonnier").terms
    assert term.function is charbonnier
    (term,) = parse_loss({"swt": {"wavelet": "sym7", "band_weights": [0, 0, 0, 1], "levels": 2}}).terms
    assert term.function.keywords == {"wavelet": "sym7", "band_weights": (0.0, 0.0, 0.0, 1.0), "levels": 2}


def test_the_table_is_plain_toml_and_json():
    text = 'loss = { l1 = 1.0, fft = { weight = 0.05, from = 0.5, until = 1.0 }, swt = { wavelet = "sym7" } }'
    value = tomllib.loads(text)["loss"]
    assert json.loads(json.dumps(value)) == value
    loss = parse_loss(value)
    assert [(term.name, term.weight, term.start, term.until) for term in loss.terms] == [
        ("l1", 1.0, 0.0, 1.0),
        ("fft", 0.05, 0.5, 1.0),
        ("swt", 1.0, 0.0, 1.0),
    ]
    assert isinstance(loss, CompositeLoss)


def test_a_term_of_weight_0_is_left_out_with_its_needs():
    loss = parse_loss({"l1": 1.0, "lr-consistency": 0})
    assert [term.name for term in loss.terms] == ["l1"]
    assert loss.needs == frozenset()


def test_the_needs_are_those_of_all_terms_and_are_passed_to_who_needs_them(register):
    def seen(sr, hr, *, features, layers=(1, 2)):
        return l1(features(sr), features(hr)) * len(layers)

    def judged(sr, hr, *, discriminator, lr):
        return discriminator(sr).mean() + 0 * lr.mean()

    register({"seen": seen, "judged": judged})
    loss = parse_loss({"l1": 1, "seen": {"layers": [1, 2, 3]}, "judged": {"weight": 0.5, "from": 0.5}})
    assert loss.needs == {"features", "discriminator", "lr"}
    given = {"features": lambda images: 2 * images, "lr": HR, "anything": None}
    total, parts = loss(SR, HR, **given)  # judged is not active yet
    assert float(total) == 2 + 3 * 4
    with pytest.raises(ConfigError, match="'judged' needs discriminator, which this training does not give"):
        loss(SR, HR, progress=0.5, **given)
    total, parts = loss(SR, HR, progress=0.5, **given, discriminator=lambda images: -images)
    assert float(parts["judged"]) == 1.0
    assert float(total) == 2 + 12 + 0.5


def test_functions_and_modules_of_a_program_are_terms(register):
    class Weighted(nn.Module):
        """Squared error with weights of its own."""

        def __init__(self):
            super().__init__()
            self.register_buffer("weights", torch.tensor([1.0, 0.0], dtype=torch.float64))

        def forward(self, sr, hr, *, lr, power: float = 2.0):
            return (self.weights * (sr - hr).abs() ** power).mean() + lr.mean()

    class Callable:
        def __call__(self, sr, hr, *, factor: int = 1):
            return factor * mse(sr, hr)

    register({"mine": lambda sr, hr: (sr - hr).abs().max(), "weighted": Weighted(), "callable": Callable()})
    loss = parse_loss({"mine": 1, "weighted": {"power": 3}, "callable": {"factor": 2}})
    assert loss.needs == {"lr"}
    _, parts = loss(3 * SR, HR, lr=torch.ones(1, dtype=torch.float64))
    assert {name: float(part) for name, part in parts.items()} == {"mine": 9.0, "weighted": 14.5, "callable": 90.0}


def test_an_argument_with_a_name_of_the_table_is_never_taken_for_the_other(register):
    def loss(sr, hr, *, weight: float = 0.5, strength: float = 1.0):
        return weight * strength * l1(sr, hr)

    register({"mine": loss})
    assert float(parse_loss({"mine": 3})(SR, HR)[0]) == 3 * 0.5 * 2
    assert float(parse_loss({"mine": {"strength": 3}})(SR, HR)[0]) == 3 * 0.5 * 2
    with pytest.raises(ConfigError, match=r"loss\.mine: 'weight' is a key of the table and an argument of the loss"):
        parse_loss({"mine": {"weight": 3}})


def test_it_may_be_differentiated_twice_inside_transforms():
    loss = parse_loss({"l1": 1.0, "mse": 0.5, "fft": {"weight": 0.1}, "lr-consistency": 0.2})
    sr, hr = torch.rand(2, 1, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def squared_gradient(sr):
        gradient, parts = func.grad(loss, has_aux=True)(sr, hr, lr=hr[..., ::2, ::2])
        assert len(parts) == 4
        return gradient.square().sum()

    # of the squared error alone, the gradient is error / 64 and the second derivative 1 / 64; the others add slopes
    second = func.grad(squared_gradient)(sr)
    assert second.isfinite().all()
    alone = parse_loss({"mse": 0.5})
    second = func.grad(lambda sr: func.grad(lambda sr: alone(sr, hr)[0])(sr).square().sum())(sr)
    assert torch.allclose(second, 2 * (sr - hr) / 64**2, rtol=0, atol=FLOAT64_MATHS)


def test_it_may_be_sent_to_another_process():
    loss = pickle.loads(pickle.dumps(parse_loss({"l1": 1, "charbonnier": {"epsilon": 0.5, "weight": 0.1}})))
    assert torch.equal(loss(SR, HR)[0], l1(SR, HR) + 0.1 * charbonnier(SR, HR, epsilon=0.5))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fft2", "loss: unknown loss 'fft2'; did you mean 'fft'? Known: charbonnier, "),
        ({"gradeint": 1}, "loss: unknown loss 'gradeint'; did you mean 'gradient'?"),
        ("", "loss: unknown loss ''. Known:"),
        ({}, "loss must be the name of a loss, such as 'l1', or a table of weights"),
        (3, "got 3."),
        (["l1"], "got ['l1']."),
        (None, "got None."),
        ({"l1": "1"}, "loss.l1 must be a weight or a table of weight, from, until and arguments of the loss; got '1'."),
        ({"l1": None}, "loss.l1 must be a weight or a table"),
        ({"l1": True}, "loss.l1 must be a finite number, got True."),
        ({"l1": math.nan}, "loss.l1 must be a finite number, got nan."),
        ({"l1": 10**400}, "loss.l1 must be a finite number, got 1000"),
        ({1: 1.0}, "loss: unknown loss 1; did you mean 'l1'?"),
        ({"l1": {"weight": math.inf}}, "loss.l1.weight must be a finite number, got inf."),
        ({"l1": {"weight": [1]}}, "loss.l1.weight must be a finite number, got [1]."),
        ({"l1": {"from": "half"}}, "loss.l1.from must be a finite number, got 'half'."),
        ({"l1": {"weigth": 1.0}}, "loss.l1: unknown key 'weigth'; did you mean 'weight'? Known: weight, from, until."),
        ({"charbonnier": {"epsilom": 1}}, "did you mean 'epsilon'? Known: weight, from, until, epsilon."),
        ({"l1": -0.5}, "loss.l1: the weight must not be negative, got -0.5."),
        ({"l1": 0, "mse": 0.0}, "loss: every weight is 0. Give one of l1, mse a positive weight."),
        ({"l1": {"from": 0.5, "until": 0.5}}, "0 <= from < until <= 1, got from = 0.5, until = 0.5."),
        ({"l1": {"from": 0.7, "until": 0.5}}, "loss.l1: from and until are fractions of the steps"),
        ({"l1": {"from": -0.1}}, "got from = -0.1, until = 1."),
        ({"l1": {"until": 1.5}}, "got from = 0, until = 1.5."),
        ({"l1": {"from": 0.25}}, "loss: no term is active from 0 until 0.25 of the steps. Change from or until of l1"),
        ({"l1": {"until": 0.9}}, "loss: no term is active from 0.9 until 1 of the steps."),
        ({"l1": {"until": 0.5}, "mse": {"from": 0.75}}, "no term is active from 0.5 until 0.75 of the steps."),
        ({"l1": {"until": 0.5}, "mse": {"from": 0.5, "weight": 0}}, "no term is active from 0.5 until 1 of the"),
        (
            {"charbonnier": {"epsilon": 0}},
            "loss.charbonnier.epsilon must be a finite number above 0 and at most 1, got",
        ),
        ({"charbonnier": {"epsilon": "small"}}, "loss.charbonnier.epsilon must be a finite number"),
        ({"swt": {"wavelet": "sym8"}}, "loss.swt.wavelet must be 'haar' or 'sym7', got 'sym8'; did you mean 'sym7'?"),
        ({"swt": {"levels": 2.5}}, "loss.swt.levels must be a whole number at least 1 and at most 6, got 2.5."),
        ({"swt": {"levels": 0}}, "loss.swt.levels must be a whole number at least 1 and at most 6, got 0."),
        (
            {"swt": {"band_weights": [1, 1, 1]}},
            "loss.swt.band_weights must be a list of 4 values, each a finite number",
        ),
        ({"lr-consistency": {"lr": 1}}, "loss.lr-consistency: unknown key 'lr'"),
    ],
)
def test_what_makes_no_sense_is_refused(value, message):
    with pytest.raises(ConfigError) as caught:
        parse_loss(value)
    assert message in str(caught.value)


def test_messages_name_the_key_of_the_recipe():
    with pytest.raises(ConfigError, match=r"^inner_loss\.l1: the weight must not be negative"):
        parse_loss({"l1": -1}, key="inner_loss")
