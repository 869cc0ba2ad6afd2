"""The shipped networks that are given the degradation: complete, equal in both formats, as good as their cards."""

import numpy as np
import pytest

import kukkiri
from kukkiri import pretrained
from kukkiri.evaluation import ConditionedModel, evaluate_many
from kukkiri.inference import OnnxEngine
from tests.tolerances import PSNR_DB, SSIM, TORCH_AGAINST_ONNX

FLOORS = {  # Set5, y-mzsr, the true degradation given, dB; measured 35.78, 29.81, 32.82, 28.84, 30.30, 27.66, 33.32
    ("srmd-s-x2", "gaussian:2.0+direct"): 35.7,
    ("srmd-s-x2", "gaussian:2.0+direct+noise:0.0588"): 29.7,
    ("srmd-s-x3", "gaussian:2.0+direct"): 32.7,
    ("srmd-s-x3", "gaussian:2.0+direct+noise:0.0588"): 28.7,
    ("srmd-s-x4", "gaussian:2.0+direct"): 30.2,
    ("srmd-s-x4", "gaussian:2.0+direct+noise:0.0588"): 27.5,
    ("denoiser-s", "gaussian:2.0+direct+noise:0.0196"): 33.2,  # the prior of DPSR at scale 1
}
SHIPPED = sorted({name for name, _ in FLOORS})
SLOW = {"denoiser-s": [pytest.mark.nightly]}  # eight runs on HR images


def test_every_conditioned_network_is_tested():
    assert pretrained.list_conditioned() == SHIPPED
    assert not {*SHIPPED} & {*pretrained.list_models(), *pretrained.list_initializations()}


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_agrees_with_the_files(name):
    card, loaded = pretrained.read_card(name), kukkiri.load(name)
    assert OnnxEngine(pretrained.locate(name, ".onnx")).info == loaded.info
    for key in ("name", "network", "scale", "colour", "receptive_field", "training_data", "licence", "sha256"):
        assert card[key] == getattr(loaded.info, key), key
    condition = loaded.info.condition
    assert {key: getattr(condition, key) for key in card["conditioned"]} == card["conditioned"]
    assert card["parameters"] == sum(parameter.numel() for parameter in loaded.module.parameters())
    assert pretrained.locate(name, ".onnx").stat().st_size < 700_000


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", SHIPPED)
def test_both_formats_compute_the_same(name, rng):
    from kukkiri.inference.torch_engine import TorchEngine

    loaded = kukkiri.load(name)
    lr = rng.random((2, 3, 37, 53), dtype=np.float32)
    condition = rng.random((2, loaded.info.condition.length), dtype=np.float32) * np.float32(0.2)
    graph = OnnxEngine(pretrained.locate(name, ".onnx"), threads=1).run_conditioned(lr, condition)
    torch_result = TorchEngine(loaded.module, info=loaded.info).run_conditioned(lr, condition)
    assert np.abs(graph - torch_result).max() < TORCH_AGAINST_ONNX


@pytest.mark.parametrize(("name", "degradation"), [pytest.param(*row, marks=SLOW.get(row[0], ())) for row in FLOORS])
def test_set5_scores_are_those_of_the_card_and_above_the_floor(shared, name, degradation):
    card, data = pretrained.read_card(name), shared / "data" / "Set5"
    (found,) = evaluate_many(
        [ConditionedModel(model=name, threads=1)],
        data=data,
        scales=[card["scale"]],
        protocol="y-mzsr",
        degradation=degradation,
    )
    mean = found.sets["Set5"].mean
    assert mean.psnr == pytest.approx(card["scores"][degradation]["psnr"], abs=PSNR_DB)
    assert mean.ssim == pytest.approx(card["scores"][degradation]["ssim"], abs=SSIM)
    assert mean.psnr > FLOORS[name, degradation]
