import dataclasses
import functools
import linecache
import math
import runpy

import numpy as np
import pytest

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError
from kukkiri.evaluation import contenders as contending
from kukkiri.evaluation import evaluate, evaluate_many, evaluating, find_sets
from kukkiri.images import Image
from kukkiri.metrics import METRICS, PROTOCOLS, Metric, lr_consistency, ms_ssim, niqe, psnr, ssim
from kukkiri.profiling import Cost
from kukkiri.resampling import resize
from tests.tolerances import FLOAT64_MATHS


def smooth(rng, height, width):
    small = rng.uniform(0, 1, (height // 8 + 1, width // 8 + 1, 3))
    return (resize(small, output_size=(height, width)).clip(0, 1) * 255).astype(np.uint8)


@pytest.fixture
def sets(tmp_path, rng):
    for name in ("one", "two"):
        for image in "abc":
            (tmp_path / "sets" / name).mkdir(parents=True, exist_ok=True)
            Image.from_array(smooth(rng, 48, 60)).save(tmp_path / "sets" / name / f"{image}.png")
    return tmp_path / "sets"


@pytest.fixture
def upscaled(monkeypatch):
    """Names of the models whenever an image is really upscaled."""
    calls = []
    original = contending.Contender.__call__

    def counted(self, lr):
        calls.append(self.name)
        return original(self, lr)

    monkeypatch.setattr(contending.Contender, "__call__", counted)
    return calls


def test_several_models_scales_and_sets_score_what_each_scores_alone(sets):
    found = evaluate_many(["bicubic", "nearest"], data=sets, scales=[2, 3])
    assert [(evaluation.model, evaluation.scale) for evaluation in found] == [
        ("bicubic", 2),
        ("nearest", 2),
        ("bicubic", 3),
        ("nearest", 3),
    ]
    for evaluation in found:
        assert evaluation == evaluate(evaluation.model, data=sets, scale=evaluation.scale)
        assert list(evaluation.sets) == ["one", "two"]


def test_sets_can_be_given_themselves(sets):
    (evaluation,) = evaluate_many(["bicubic"], data=find_sets(sets / "two"), scales=[2])
    assert list(evaluation.sets) == ["two"]


def test_known_scores_are_not_computed_again(sets, tmp_path, upscaled):
    arguments = {"data": sets, "scales": [2], "cache": tmp_path / "cache"}
    first = evaluate_many(["bicubic", "nearest"], **arguments)
    assert len(upscaled) == 12
    reports = []
    assert evaluate_many(["bicubic", "nearest"], **arguments, report=reports.append) == first
    assert len(upscaled) == 12
    assert [scored.remembered for scored in reports] == [True] * 12
    assert [scored.done for scored in reports] == list(range(1, 13))
    assert {scored.total for scored in reports} == {12}
    evaluate_many(["bicubic", "lanczos"], **arguments)
    assert upscaled[12:] == ["lanczos"] * 6


def test_an_interrupted_run_continues_where_it_stopped(sets, tmp_path, upscaled):
    def interrupt(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    arguments = {"data": sets, "scales": [2], "cache": tmp_path / "cache"}
    with pytest.raises(KeyboardInterrupt):
        evaluate_many(["bicubic"], **arguments, report=interrupt)
    evaluate_many(["bicubic"], **arguments)
    assert len(upscaled) == 6


def test_a_changed_image_or_model_or_setting_is_computed_anew(sets, tmp_path, upscaled, rng):
    arguments = {"data": sets / "one", "scales": [2], "cache": tmp_path / "cache"}
    evaluate_many(["bicubic"], **arguments)
    (sets / "one" / "b.png").unlink()
    Image.from_array(smooth(rng, 48, 60)).save(sets / "one" / "b.png")
    evaluate_many(["bicubic"], **arguments)
    assert len(upscaled) == 4
    changes = [{"protocol": "rgb"}, {"degradation": "gaussian:2+direct"}, {"ensemble": True}, {"metrics": ["niqe"]}]
    for change in changes:
        before = len(upscaled)
        evaluate_many(["bicubic"], **arguments, **change)
        assert len(upscaled) == before + 3


def test_given_lr_images_made_by_the_same_degradation_score_the_same(sets, tmp_path):
    text = "gaussian:2.0+direct"
    for test_set in find_sets(sets):
        for image in test_set.images(scale=2):
            lr = Degradation.parse(text).apply(image.rgb, scale=2, seed=0)
            target = tmp_path / "lr" / test_set.name / f"{image.name}x2.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.from_array(lr).save(target)
    (given,) = evaluate_many(["bicubic"], data=sets, scales=[2], lr=tmp_path / "lr", cache=tmp_path / "cache")
    (made,) = evaluate_many(["bicubic"], data=sets, scales=[2], degradation=text)
    assert given.sets == made.sets
    assert (given.degradation, made.degradation) == ("given: lr", text)


def test_further_metrics_are_those_of_the_metrics_package(sets, rng):
    hr = smooth(rng, 210, 240)
    for path in (sets / "one").iterdir():
        path.unlink()
    Image.from_array(hr).save(sets / "one" / "large.png")
    names = ["psnr", "ms-ssim", "niqe", "lr-psnr", "colour-drift", "checkerboard", "niqe"]
    (evaluation,) = evaluate_many(["bicubic"], data=sets / "one", scales=[2], metrics=names, protocol="rgb")
    scored = evaluation.sets["one"]
    assert scored.metrics == ["psnr", "ssim", "ms-ssim", "niqe", "lr-psnr", "colour-drift", "checkerboard"]
    lr = resize(hr, scale=0.5)
    sr = resize(lr, scale=2)
    assert scored.scores["large"]["psnr"] == psnr(hr, sr, border=2)
    assert scored.scores["large"]["ssim"] == ssim(hr, sr, border=2)
    assert scored.scores["large"]["ms-ssim"] == ms_ssim(hr, sr, border=2)
    assert scored.scores["large"]["niqe"] == niqe(sr, border=2)
    assert scored.scores["large"]["lr-psnr"] == lr_consistency(lr, sr)
    assert scored.means["niqe"] == pytest.approx(niqe(sr, border=2))
    assert evaluation.to_json()["sets"]["one"]["images"]["large"]["niqe"] == pytest.approx(niqe(sr, border=2))


def test_the_consistency_of_a_blurred_image_is_measured_with_its_blur(sets):
    # the truth itself, given as LR's upscaling, must agree with LR up to its rounding: 59 dB less a little
    blur = Degradation.parse("gaussian:4+bicubic")
    (image, *_) = find_sets(sets / "one")[0].images(scale=2)
    pair = contending.make_test_pair(image, PROTOCOLS["rgb"], blur, scale=2)
    truth = pair.sample(pair.hr, PROTOCOLS["rgb"], scale=2)
    assert METRICS["lr-psnr"].value(truth) > 57
    assert METRICS["colour-drift"].value(truth) < 0.5
    unaware = dataclasses.replace(truth, downsample=None)
    assert METRICS["lr-psnr"].value(unaware) < 45


def test_a_metric_that_is_not_defined_for_an_image_is_none_and_has_no_mean(sets):
    (evaluation,) = evaluate_many(["bicubic"], data=sets / "one", scales=[2], metrics=["ms-ssim", "niqe"])
    scored = evaluation.sets["one"]
    assert {(scores["ms-ssim"], scores["niqe"]) for scores in scored.scores.values()} == {(None, None)}
    assert (scored.means["ms-ssim"], scored.means["niqe"]) == (None, None)


def test_the_legacy_protocol_has_metrics_of_its_luma(sets):
    (evaluation,) = evaluate_many(
        ["bicubic"], data=sets / "one", scales=[2], protocol="y-legacy", metrics=["lr-psnr", "colour-drift"]
    )
    scores = evaluation.sets["one"].scores.values()
    assert all(image["lr-psnr"] > 35 and image["colour-drift"] is None for image in scores)


def test_a_perfect_image_is_null_in_json_and_has_no_interval(tmp_path):
    Image.from_array(np.full((40, 40, 3), 77, np.uint8)).save(tmp_path / "flat.png")
    evaluation = evaluate("nearest", data=tmp_path, scale=2)
    (scored,) = evaluation.sets.values()
    assert math.isinf(scored.mean.psnr)
    assert math.isnan(scored.interval.psnr[0])
    (value,) = evaluation.to_json()["sets"].values()
    assert (value["psnr"], value["ssim"]) == (None, pytest.approx(1, abs=FLOAT64_MATHS))
    assert value["interval"]["psnr"] == [None, None]


def test_the_cost_is_measured_once_for_each_model_and_scale(sets, monkeypatch):
    asked = []

    def fake(model, **arguments):
        asked.append((model, arguments["scale"]))
        return Cost(1, 2, 0.5, 3)

    monkeypatch.setattr(evaluating, "measure_cost", fake)
    found = evaluate_many(["bicubic", "nearest"], data=sets / "one", scales=[2, 3], cost=True)
    assert asked == [("bicubic", 2), ("nearest", 2), ("bicubic", 3), ("nearest", 3)]
    assert found[0].to_json()["cost"] == {"parameters": 1, "multiply_adds": 2, "seconds": 0.5, "peak_memory": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["bicubic", "bicubic"]}, "model bicubic was given twice"),
        ({"models": []}, "no model was given"),
        ({"scales": [2, 2]}, "scale 2 was given twice"),
        ({"scales": [0]}, "at least 1"),
        ({"metrics": ["vmaf"]}, "unknown metric 'vmaf'. Known: psnr, ssim, checkerboard"),
        ({"protocol": "y"}, "unknown protocol"),
        ({"lr": "lr", "degradation": "bicubic"}, "Drop one of them"),
        ({"lr": "lr"}, "no LR images for one"),
    ],
)
def test_impossible_requests_are_refused_before_any_work(sets, arguments, message):
    if "lr" in arguments:
        arguments["lr"] = sets / "lr"
    with pytest.raises(ConfigError, match=message):
        evaluate_many(**{"models": ["bicubic"], "data": sets, "scales": [2], **arguments})


def test_two_images_of_one_name_are_refused(sets):
    Image.from_array(np.zeros((48, 60, 3), np.uint8)).save(sets / "one" / "a.webp")
    with pytest.raises(ConfigError, match="an image of one named a was given twice"):
        evaluate_many(["bicubic"], data=sets, scales=[2])


def register(monkeypatch, path, text):
    """Make the function ``value`` of a file the metric ``mine``."""
    path.write_text(text, encoding="utf-8")
    linecache.clearcache()
    value = runpy.run_path(str(path))["value"]
    monkeypatch.setitem(METRICS, "mine", Metric("Mine", value, higher_is_better=True, summary="a test"))


def test_a_metric_of_the_user_is_cached_until_its_file_changes(sets, tmp_path, upscaled, monkeypatch):
    arguments = {"data": sets / "one", "scales": [2], "cache": tmp_path / "cache", "metrics": ["mine"]}
    file = tmp_path / "mine.py"
    register(monkeypatch, file, "def value(sample): return 1.5")
    (evaluation,) = evaluate_many(["bicubic"], **arguments)
    assert evaluation.sets["one"].means["mine"] == 1.5
    assert evaluate_many(["bicubic"], **arguments) == [evaluation]
    assert len(upscaled) == 3
    register(monkeypatch, file, "def value(sample): return 2.5")
    assert evaluate_many(["bicubic"], **arguments)[0].sets["one"].means["mine"] == 2.5
    assert len(upscaled) == 6


def test_a_metric_without_a_source_file_is_always_computed(sets, tmp_path, upscaled, monkeypatch):
    value = functools.partial(lambda sample, offset: float(sample.scale + offset), offset=1)
    monkeypatch.setitem(METRICS, "mine", Metric("Mine", value, higher_is_better=True, summary="a test"))
    arguments = {"data": sets / "one", "scales": [2], "cache": tmp_path / "cache", "metrics": ["mine"]}
    for calls in (3, 6):
        (evaluation,) = evaluate_many(["bicubic"], **arguments)
        assert evaluation.sets["one"].means["mine"] == 3.0
        assert len(upscaled) == calls
