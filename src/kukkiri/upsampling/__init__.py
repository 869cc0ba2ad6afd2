"""Learned upsampling: the layers, their start, the matrices behind them, and their exact rewrites."""

from kukkiri.upsampling.icnr import Enlargement, enlargement_taps, icnr_, icnr_transposed_
from kukkiri.upsampling.layers import (
    UPSAMPLERS,
    ResizeConv,
    SubPixelConv,
    SubPixelSpaceConv,
    TransposedConv,
    Upsampler,
    ZeroInsertConv,
    insert_zeros,
    space_from_sub_pixel,
    sub_pixel_from_space,
)

__all__ = [
    "UPSAMPLERS",
    "Enlargement",
    "ResizeConv",
    "SubPixelConv",
    "SubPixelSpaceConv",
    "TransposedConv",
    "Upsampler",
    "ZeroInsertConv",
    "enlargement_taps",
    "icnr_",
    "icnr_transposed_",
    "insert_zeros",
    "space_from_sub_pixel",
    "sub_pixel_from_space",
]
