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
from kukkiri.upsampling.matrix import convolution_matrix, convolution_size, exact_crop, transposed_size
from kukkiri.upsampling.repair import (
    Upsampling,
    equalise_sub_pixel_,
    equalise_transposed_,
    find_upsampling,
    repair_,
)

__all__ = [
    "UPSAMPLERS",
    "Enlargement",
    "ResizeConv",
    "SubPixelConv",
    "SubPixelSpaceConv",
    "TransposedConv",
    "Upsampler",
    "Upsampling",
    "ZeroInsertConv",
    "convolution_matrix",
    "convolution_size",
    "enlargement_taps",
    "equalise_sub_pixel_",
    "equalise_transposed_",
    "exact_crop",
    "find_upsampling",
    "icnr_",
    "icnr_transposed_",
    "insert_zeros",
    "repair_",
    "space_from_sub_pixel",
    "sub_pixel_from_space",
    "transposed_size",
]
