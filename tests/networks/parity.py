"""Shared by the tests of networks: parity with the vectors, keys of the full-size originals, open gates."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn


def assert_parity(actual: Tensor, expected: Tensor) -> None:
    """1e-5 of the largest value: float32 order of summation differs by 2.2e-6 at most (measured in float64)."""
    assert actual.shape == expected.shape
    tolerance = 1e-5 * expected.abs().max().item() + 1e-7
    assert (actual - expected).abs().max().item() <= tolerance


def assert_full_size(module: nn.Module, golden_file: Callable[[str], Path], name: str) -> None:
    """Same keys, in whatever order, same shapes, same number of parameters as the official class."""
    with gzip.open(golden_file("full_size_state_keys.json.gz"), "rt") as file:
        official = json.load(file)[name]
    assert {key: list(value.shape) for key, value in module.state_dict().items()} == official["state"]
    assert parameter_count(module) == official["parameters"]


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def open_gates(module: nn.Module) -> None:
    """Keep the ReLUs open that act on a few numbers for the whole image, whatever random weights would do.

    A closed gate hides that its output depends on every pixel, and stops the gradients. In channel attention the hidden
    layer becomes 1 + 1e-5 * statistics; in USRNet's network of weights, whose inputs are positive, all is positive.
    """
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            if key.endswith("conv_du.0.weight"):
                parameter.fill_(1e-5)
            elif key.endswith("conv_du.0.bias"):
                parameter.fill_(1.0)
            elif key.startswith("h.mlp."):
                parameter.abs_()
