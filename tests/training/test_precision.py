import logging

import pytest
import torch

from kukkiri.errors import BackendError
from kukkiri.training.precision import autocast, check_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_layers_compute_in_the_precision_and_weights_stay_float32(precision, dtype):
    layer = torch.nn.Conv2d(1, 2, 3)
    with autocast(precision, device=CPU):
        assert layer(torch.rand(1, 1, 5, 5)).dtype == dtype
    assert layer(torch.rand(1, 1, 5, 5)).dtype == layer.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("precision", "fast", "lines"), [("bfloat16", False, 1), ("bfloat16", True, 0), ("float32", False, 0)]
)
def test_a_cpu_without_bfloat16_instructions_is_warned_of(monkeypatch, caplog, precision, fast, lines):
    monkeypatch.setattr("kukkiri.training.precision._has_fast_bfloat16", lambda: fast)
    with caplog.at_level(logging.WARNING, logger="kukkiri"):
        check_precision(precision, device=CPU)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * lines
    assert all("precision=float32 is faster here" in record.message for record in caplog.records)


def test_float16_is_for_gpus():
    with pytest.raises(BackendError, match=r"float16 needs a GPU\. Use bfloat16 or float32 on the CPU"):
        check_precision("float16", device=CPU)


def test_a_gpu_without_bfloat16_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "An old GPU")
    with pytest.raises(BackendError, match=r"An old GPU has no bfloat16\. Use precision = float16"):
        check_precision("bfloat16", device=torch.device("cuda", 0))
