"""Every registered step: text form, sizes, dtypes and seeds; for the linear ones the tensor twin and the adjoint."""

import numpy as np
import pytest

from kukkiri.degradations import STEPS, Degradation, LinearStep
from kukkiri.degradations.grammar import parse_steps
from tests.extending_pages import run_tool
from tests.tolerances import FLOAT64_FEW_OPERATIONS, FLOAT64_SUMS

EXAMPLES = [(name, text) for name, kind in STEPS.items() for text in kind.examples if text.split(":")[0] == name]
LINEAR = [text for name, text in EXAMPLES if issubclass(STEPS[name], LinearStep)]


def whole(text):
    """The step in a degradation."""
    (step,) = parse_steps(text)
    return Degradation.parse(text if step.subsamples else f"{text}+bicubic")


def test_every_step_has_an_example_but_the_one_that_needs_a_file():
    assert set(STEPS) - {name for name, _ in EXAMPLES} == {"file"}


def test_the_table_of_the_docs_lists_every_step():
    tool = run_tool("list_degradation_steps")
    page = tool["PAGE"].read_text(encoding="utf-8")
    assert tool["make_page"]() == page, "run python tools/list_degradation_steps.py --write"
    assert all(f"`{name}" in page for name in STEPS)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_the_text_form_reads_back(name, text):
    (step,) = parse_steps(text)
    assert type(step) is STEPS[name]
    assert str(step) == text
    assert hash(step) == hash(parse_steps(text)[0])


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES])
@pytest.mark.parametrize("scale", [2, 3])
def test_lr_has_its_size_and_the_dtype_of_hr(rng, text, scale):
    for dtype in (np.uint8, np.float32, np.float64):
        for shape in ((24, 36), (24, 36, 3)):
            hr = (rng.uniform(size=shape) * (255 if dtype == np.uint8 else 1)).astype(dtype)
            kept = hr.copy()
            lr = whole(text).apply(hr, scale=scale, seed=1)
            assert lr.dtype == dtype
            assert lr.shape == (24 // scale, 36 // scale, *shape[2:])
            assert np.array_equal(hr, kept)


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES])
def test_a_seed_repeats_the_image_and_only_random_steps_need_one(rng, text):
    hr = rng.uniform(size=(24, 36, 3))
    degradation = whole(text)
    samples = [degradation.apply(hr, scale=2, seed=seed) for seed in range(8)]
    np.testing.assert_array_equal(samples[3], degradation.apply(hr, scale=2, seed=3))
    assert any(not np.array_equal(samples[0], sample) for sample in samples) == degradation.random


@pytest.mark.parametrize("text", LINEAR)
def test_a_linear_step_is_linear_and_keeps_grey(rng, text):
    degradation = whole(text)
    first, second = rng.uniform(size=(2, 24, 36))
    both = degradation.apply(first, scale=2) - 0.3 * degradation.apply(second, scale=2)
    np.testing.assert_allclose(degradation.apply(first - 0.3 * second, scale=2), both, atol=FLOAT64_SUMS)
    np.testing.assert_allclose(degradation.apply(np.full((24, 36), 0.4), scale=2), 0.4, atol=FLOAT64_FEW_OPERATIONS)


@pytest.mark.parametrize("text", LINEAR)
def test_a_linear_step_equals_its_tensor_twin_and_has_an_adjoint(rng, text):
    torch = pytest.importorskip("torch", reason="needs torch")
    from kukkiri.degradations.torch_twins import degrade_tensor

    degradation = whole(text)
    hr = torch.from_numpy(rng.uniform(size=(1, 2, 24, 36))).requires_grad_()
    lr = degrade_tensor(hr, degradation, scale=2)
    array = degradation.apply(np.ascontiguousarray(hr.detach()[0].permute(1, 2, 0).numpy()), scale=2)
    np.testing.assert_allclose(lr.detach()[0].permute(1, 2, 0).numpy(), array, atol=FLOAT64_SUMS)
    other = torch.from_numpy(rng.uniform(size=tuple(lr.shape)))
    (adjoint,) = torch.autograd.grad(lr, hr, other)
    torch.testing.assert_close(
        (lr * other).sum(), (hr * adjoint).sum(), rtol=FLOAT64_SUMS, atol=0
    )  # <Ax, y> = <x, A'y>
