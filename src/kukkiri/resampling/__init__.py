"""Interpolation as weight tables: nearest, (bi)linear, (bi)cubic and Lanczos, exactly as MATLAB samples."""

from kukkiri.resampling.kernels import KERNELS, InterpolationKernel
from kukkiri.resampling.passes import apply_along
from kukkiri.resampling.resize import resize
from kukkiri.resampling.strip_resize import StripResize
from kukkiri.resampling.weights import Border, WeightTable, border_indices, output_length, weight_table

__all__ = [
    "KERNELS",
    "Border",
    "InterpolationKernel",
    "StripResize",
    "WeightTable",
    "apply_along",
    "border_indices",
    "output_length",
    "resize",
    "weight_table",
]
