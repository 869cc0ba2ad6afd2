"""Shared by the tests of networks: parity with the vectors, keys of the full-size originals, scores, open gates."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from kukkiri.evaluation import evaluate
from tests.tolerances import OFFICIAL_NETWORK, STORED_FLOAT32


def assert_parity(actual: Tensor, expected: Tensor) -> None:
    """Within the tolerance of an official network, of the largest value."""
    assert actual.shape == expected.shape
    tolerance = OFFICIAL_NETWORK * expected.abs().max().item() + STORED_FLOAT32
    assert (actual - expected).abs().max().item() <= tolerance


def assert_full_size(module: nn.Module, golden_file: Callable[[str], Path], name: str) -> None:
    """Same keys, in whatever order, same shapes, same number of parameters as the official class."""
    with gzip.open(golden_file("full_size_state_keys.json.gz"), "rt") as file:
        official = json.load(file)[name]
    assert {key: list(value.shape) for key, value in module.state_dict().items()} == official["state"]
    assert parameter_count(module) == official["parameters"]


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def score_set5(weights: Path, *, shared: Path, scale: int) -> float:
    """PSNR of a file of weights on Set5 in the ``y-matlab`` protocol, in dB."""
    found = evaluate(str(weights), data=shared / "data" / "Set5", scale=scale)
    return found.sets["Set5"].means["psnr"]


def open_gates(module: nn.Module) -> None:
    """Make the decisions soft that are taken on the whole image, whatever random weights would do.

    A closed gate, or a softmax that chooses one position, hides that its output depends on every pixel, and stops the
    gradients. In channel attention the hidden layer becomes 1 + 1e-5 * statistics; in USRNet's network of weights,
    whose inputs are positive, all is positive; the logits of non-local attention are small.
    """
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            if key.endswith("conv_du.0.weight"):
                parameter.fill_(1e-5)
            elif key.endswith("conv_du.0.bias"):
                parameter.fill_(1.0)
            elif key.startswith("h.mlp."):
                parameter.abs_()
            elif re.search(r"\b(theta|phi)\b", key):
                parameter.mul_(1e-3)
