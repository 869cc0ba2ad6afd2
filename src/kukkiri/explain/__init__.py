"""Explanations of a network: attention weights, attribution of the output to input pixels, and its checkerboard.

Names are loaded when they are first used: attention and attribution need torch, the checkerboard of an ONNX file does
not.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kukkiri.explain.attention_maps import (
        AttentionMaps,
        ChannelWeights,
        PositionWeights,
        draw_channel_weights,
        draw_position_weights,
        find_attention,
        find_channel_weights,
        find_position_weights,
    )
    from kukkiri.explain.attribution import Attribution, attribute, diffusion_index, draw_attribution
    from kukkiri.explain.network_io import read_lr, upscale_array
    from kukkiri.explain.upsampler import (
        UpsamplerReport,
        draw_difference,
        draw_spectrum,
        inspect_upsampler,
        repair_model,
    )

_HOMES = {
    "attention_maps": (
        "AttentionMaps",
        "ChannelWeights",
        "PositionWeights",
        "draw_channel_weights",
        "draw_position_weights",
        "find_attention",
        "find_channel_weights",
        "find_position_weights",
    ),
    "attribution": ("Attribution", "attribute", "diffusion_index", "draw_attribution"),
    "network_io": ("read_lr", "upscale_array"),
    "upsampler": ("UpsamplerReport", "draw_difference", "draw_spectrum", "inspect_upsampler", "repair_model"),
}

__all__ = [
    "AttentionMaps",
    "Attribution",
    "ChannelWeights",
    "PositionWeights",
    "UpsamplerReport",
    "attribute",
    "diffusion_index",
    "draw_attribution",
    "draw_channel_weights",
    "draw_difference",
    "draw_position_weights",
    "draw_spectrum",
    "find_attention",
    "find_channel_weights",
    "find_position_weights",
    "inspect_upsampler",
    "read_lr",
    "repair_model",
    "upscale_array",
]


def __getattr__(name: str) -> Any:
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'kukkiri.explain' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"kukkiri.explain.{home}"), name)
    globals()[name] = value
    return value
