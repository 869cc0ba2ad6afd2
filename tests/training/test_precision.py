import logging

import pytest
import torch

from kukkiri.training.precision import autocast, warn_if_slow


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_layers_compute_in_the_precision_and_weights_stay_float32(precision, dtype):
    layer = torch.nn.Conv2d(1, 2, 3)
    with autocast(precision):
        assert layer(torch.rand(1, 1, 5, 5)).dtype == dtype
    assert layer(torch.rand(1, 1, 5, 5)).dtype == layer.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("precision", "fast", "lines"), [("bfloat16", False, 1), ("bfloat16", True, 0), ("float32", False, 0)]
)
def test_a_cpu_without_bfloat16_instructions_is_warned_of(monkeypatch, caplog, precision, fast, lines):
    monkeypatch.setattr("kukkiri.training.precision._has_fast_bfloat16", lambda: fast)
    with caplog.at_level(logging.WARNING, logger="kukkiri"):
        warn_if_slow(precision)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * lines
    assert all("precision=float32 is faster here" in record.message for record in caplog.records)
