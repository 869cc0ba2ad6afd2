"""The contract that every metric keeps: see docs/extending/metric.md."""

import numpy as np
import pytest

from kukkiri.metrics import METRICS, PROTOCOLS, Sample, checkerboard, colour_drift, lr_consistency, ms_ssim, niqe
from kukkiri.resampling import resize


def make_sample(rng, side, *, error=0.0, protocol="y-matlab"):
    """An image whose SR differs from HR by noise; LR is bicubic."""
    small = rng.uniform(40, 215, (side // 8, side // 8, 3))
    texture = rng.normal(0, 6, (side, side, 3))
    hr = np.clip(resize(small, scale=8) + texture, 0, 255).astype(np.uint8)
    sr = np.clip(hr + rng.normal(0, error, hr.shape), 0, 255).astype(np.uint8)
    return Sample(hr, resize(hr, scale=0.5), sr, PROTOCOLS[protocol], 2)


def test_psnr_and_ssim_are_what_the_protocol_scores(rng):
    for protocol in PROTOCOLS.values():
        sample = make_sample(rng, 48, error=5.0, protocol=protocol.name)
        score = protocol.score(sample.hr, sample.sr, scale=2)
        assert METRICS["psnr"].value(sample) == score.psnr
        assert METRICS["ssim"].value(sample) == score.ssim


def test_further_metrics_are_the_functions_of_their_names(rng):
    sample = make_sample(rng, 208, error=5.0)
    luma = PROTOCOLS["y-matlab"].view
    assert METRICS["ms-ssim"].value(sample) == ms_ssim(luma(sample.hr), luma(sample.sr), border=2)
    assert METRICS["niqe"].value(sample) == niqe(sample.sr, border=2)
    assert METRICS["lr-psnr"].value(sample) == lr_consistency(sample.lr, sample.sr)
    assert METRICS["colour-drift"].value(sample) == colour_drift(sample.lr, sample.sr).delta_e
    assert METRICS["checkerboard"].value(sample) == checkerboard(sample.sr / np.float32(255), scale=2).score


@pytest.mark.parametrize("name", ["psnr", "ssim", "ms-ssim", "lr-psnr", "colour-drift", "texture"])
def test_a_worse_image_is_on_the_worse_side_of_a_full_reference_metric(rng, name):
    seed = rng.integers(2**32)
    good, bad = (METRICS[name].value(make_sample(np.random.default_rng(seed), 176, error=e)) for e in (2.0, 20.0))
    assert (good > bad) == METRICS[name].higher_is_better


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_without_its_need_is_none_not_an_error(rng, name):
    tiny = make_sample(rng, 24)
    grey = Sample(tiny.hr[..., 0], tiny.lr[..., 0], tiny.sr[..., 0], PROTOCOLS["y-matlab"], 2)
    values = [METRICS[name].value(sample) for sample in (tiny, grey)]
    assert (None in values) == bool(METRICS[name].needs)


def test_what_a_table_shows_stands_on_the_metric():
    for name, metric in METRICS.items():
        assert name == name.lower()
        assert metric.title
        assert metric.summary
        assert 0 <= metric.digits <= 6
