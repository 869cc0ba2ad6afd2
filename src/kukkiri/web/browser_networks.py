"""The shipped networks that run in a browser: their manifest, for the page of a server and for an exported site."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

import kukkiri
from kukkiri import pretrained
from kukkiri.errors import ConfigError, ModelError, did_you_mean
from kukkiri.inference.families import Family, KnownDomain
from kukkiri.inference.presets import PRESETS

__all__ = ["DEFAULT_PRESETS", "INPUT_PIXELS", "OUTPUT_PIXELS", "describe_networks", "locate_network"]

DEFAULT_PRESETS = ("fast", "balanced", "best")
"""``best`` runs the networks of ``balanced``, so it adds no file."""
INPUT_PIXELS = 24_000_000
"""Largest image that the browser decodes."""
OUTPUT_PIXELS = 67_108_864
"""Largest result: 8192x8192, about 1.7 GB of memory while it is made."""


def describe_networks(presets: Sequence[str] = DEFAULT_PRESETS) -> dict[str, Any]:
    """Describe presets and their networks for the page, as JSON values.

    Args:
        presets: names of presets.

    Returns:
        ``version``; ``presets``: for each its family, whether it averages over flips and rotations, and the networks
        by scale for clean images, photographs and line art; ``networks``: for each its file, bytes, sha256, scale,
        receptive field and licence; ``limits``: pixels of the image and of the result.

    Raises:
        ConfigError: no preset, or an unknown one.
        ModelError: a network of a preset cannot run in tiles of luma, as the browser runs them.
    """
    if not presets:
        raise ConfigError(f"no preset to run in the browser. Name some: {', '.join(PRESETS)}.")
    described: dict[str, Any] = {}
    for name in presets:
        if name not in PRESETS:
            raise ConfigError(f"unknown preset {name!r}{did_you_mean(name, list(PRESETS))}")
        preset = PRESETS[name]
        family = Family.find(preset.family)
        if family is None:
            raise ModelError(f"preset {name!r}: no {preset.family} models are shipped here. Install kukkiri again.")
        described[name] = {
            "family": preset.family,
            "ensemble": preset.ensemble,
            "clean": {str(scale): model for scale, model in sorted(family.clean.items())},
            "photo": {str(scale): model for scale, model in sorted(family.photo.items())},
            "line": {str(scale): model for scale, model in sorted(family.line.items())},
        }
    domains = get_args(KnownDomain)
    ids = {model for preset in described.values() for domain in domains for model in preset[domain].values()}
    return {
        "version": kukkiri.__version__,
        "presets": described,
        "networks": {name: dict(_describe(name)) for name in sorted(ids)},
        "limits": {"input_pixels": INPUT_PIXELS, "output_pixels": OUTPUT_PIXELS},
    }


def locate_network(name: str) -> Path:
    """Find the ONNX file of a network that the browser runs.

    Raises:
        ModelError: it is none of :func:`describe_networks`.
    """
    known = describe_networks()["networks"]
    if name not in known:
        raise ModelError(f"no network {name!r} for the browser{did_you_mean(name, list(known))}")
    return pretrained.locate(name, ".onnx")


@cache
def _describe(name: str) -> Mapping[str, Any]:
    card = pretrained.read_card(name)
    if card["colour"] != "y" or card["receptive_field"] is None or card.get("multiple", 1) != 1:
        raise ModelError(
            f"{name}: the browser runs luma networks with a finite receptive field. Choose another preset."
        )
    data = pretrained.locate(name, ".onnx").read_bytes()
    return {
        "file": f"{name}.onnx",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "scale": card["scale"],
        "receptive_field": card["receptive_field"],
        "licence": card["licence"],
    }
